/** Where the focus goes when what had it is taken off the page: nobody should have to begin at the top again. */

const STAGE = 'stage-title';

export function focusStage(): void {
  document.getElementById(STAGE)?.focus({ preventScroll: true });
}

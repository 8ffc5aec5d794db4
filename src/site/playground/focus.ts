/** Where the focus goes when what had it is taken off the page: nobody should have to begin at the top again. */

const STAGE = 'stage-title';

export function focusStage(): void {
  document.getElementById(STAGE)?.focus({ preventScroll: true });
}

/** After the next drawing: to the place of what has gone, if it had the focus. */
export function keepFocus(place: HTMLElement | null): void {
  requestAnimationFrame(() => {
    if (document.activeElement === document.body) place?.focus({ preventScroll: true });
  });
}

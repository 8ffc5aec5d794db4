/** The changes of course that a sample was given while it ran. */
import type { SampleResponse } from '../../../client/index.ts';
import { classesText, guidanceText } from '../text.ts';

export function Course({ sample }: { readonly sample: SampleResponse }) {
  if (sample.patches.length === 0) return null;
  return (
    <ul class="patches">
      {sample.patches.map(({ at, classes, guidance_scale, from_steps }) => {
        const what = [
          ...(classes === null ? [] : [classesText(classes, undefined)]),
          ...(guidance_scale === null ? [] : [guidanceText(guidance_scale)]),
        ].join(', ');
        const [from] = from_steps.filter((step) => step !== null);
        return <li key={at}>{from === undefined ? `Soon: ${what}` : `From step ${from + 1}: ${what}`}</li>;
      })}
    </ul>
  );
}

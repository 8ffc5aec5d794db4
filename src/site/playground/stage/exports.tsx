/** What can be taken away: files, the request, a link. */
import { useState } from 'preact/hooks';
import { CurlDialog } from '../dialogs/curl-dialog.tsx';
import { fragmentOf, ownOrigin } from '../link.ts';
import type { Run } from '../run/run.ts';

interface ExportsProps {
  readonly run: Run;
  /** The chosen one. */
  readonly image: number;
}

export function Exports({ run, image }: ExportsProps) {
  const [curl, setCurl] = useState(false);
  const [copied, setCopied] = useState(false);
  const request = requestBehind(run);
  const link = `#${fragmentOf([run.id])}`;
  return (
    <div class="exports">
      {filesOf(run, image).map(({ text, url, name }) => (
        <a key={name} href={ownOrigin(url)} download={name}>
          {text}
        </a>
      ))}
      {request !== null && (
        <button type="button" class="link" onClick={() => setCurl(true)}>
          Copy as curl
        </button>
      )}
      <button
        type="button"
        class="link"
        onClick={() =>
          navigator.clipboard.writeText(new URL(link, location.href).href).then(
            () => setCopied(true),
            () => location.assign(link),
          )
        }
      >
        Copy link
      </button>
      <span role="status">{copied && 'Link copied.'}</span>
      {curl && request !== null && <CurlDialog {...request} onClose={() => setCurl(false)} />}
    </div>
  );
}

function filesOf({ sample, id }: Run, image: number) {
  if (sample.status !== 'succeeded') return [];
  const files = [
    { text: `PNG of image ${image + 1}`, url: sample.images[image]?.url, name: `${id}-${image}.png` },
    { text: 'Sheet', url: sample.outputs.grid, name: `${id}-grid.png` },
    { text: 'Animation', url: sample.outputs.animation, name: `${id}-animation.png` },
    { text: 'NPZ', url: sample.outputs.npz, name: `${id}-samples.npz` },
  ];
  return files.flatMap(({ url, ...file }) => (url == null ? [] : [{ ...file, url }]));
}

function requestBehind({ origin, sample }: Run): { path: string; body: unknown } | null {
  switch (origin.type) {
    case 'sample':
      return { path: '/v1/samples', body: origin.request };
    case 'fork':
      return { path: `/v1/samples/${origin.source.id}/fork`, body: origin.request };
    case 'link': {
      if (sample.forked_from != null) return null;
      const { model, sampler, steps, eta, guidance_scale, seed, count, classes, clip_denoised } =
        sample.request;
      const body = { model, sampler, steps, guidance_scale, seed, count, clip_denoised };
      return {
        path: '/v1/samples',
        body: { ...body, ...(classes !== null && { classes }), ...(sampler === 'ddim' && { eta }) },
      };
    }
  }
}

/** Before anything is drawn: what will be seen. */
import { useLayoutEffect, useRef } from 'preact/hooks';

const SIDE = 32;
const TILES = 9;

export function Welcome() {
  return (
    <div class="welcome">
      <div class="noise" aria-hidden="true">
        {Array.from({ length: TILES }, (_, tile) => (
          <Noise key={tile} seed={tile + 1} />
        ))}
      </div>
      <div>
        <p class="lead">Every picture begins as noise.</p>
        <p>
          At each step a network predicts the picture behind the noise and takes a little of the noise away. A
          classifier looks on and says which change would make it more like the class you asked for. The
          guidance scale is how much it is listened to.
        </p>
        <p>
          Press <strong>Draw</strong> to see the same noise become pictures with guidance and without it.
          Afterwards, drag the timeline back and fork from any kept step.
        </p>
      </div>
    </div>
  );
}

/** Grey noise, the same at every visit: a small generator of its own (mulberry32), for the eye only. */
function Noise({ seed }: { readonly seed: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    const image = context.createImageData(SIDE, SIDE);
    let state = seed * 0x9e3779b9;
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
      state = (state + 0x6d2b79f5) | 0;
      let bits = Math.imul(state ^ (state >>> 15), state | 1);
      bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
      const grey = ((bits ^ (bits >>> 14)) >>> 0) & 0xff;
      image.data.set([grey, grey, grey, 255], pixel * 4);
    }
    context.putImageData(image, 0, 0);
  }, [seed]);
  return <canvas ref={canvas} width={SIDE} height={SIDE} />;
}

/** The images of one sample, at whole multiples of their size. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { arrange } from './arrange.ts';

export interface Tile {
  readonly src: string | null;
  /** What it shows, for who can't see it. */
  readonly text: string;
}

interface MosaicProps {
  /** Of the radio buttons: one mosaic, one name. */
  readonly name: string;
  readonly label: string;
  readonly tiles: readonly Tile[];
  /** Pixels. */
  readonly size: { readonly width: number; readonly height: number };
  readonly chosen: number;
  readonly onChoose: (image: number) => void;
}

export function Mosaic({ name, label, tiles, size, chosen, onChoose }: MosaicProps) {
  const box = useRef<HTMLFieldSetElement>(null);
  const [room, setRoom] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setRoom(Math.floor(entry!.contentRect.width)));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const { columns, width, height } = arrange(tiles.length, size, room, devicePixelRatio);
  return (
    <fieldset ref={box} class="mosaic">
      <legend class="visually-hidden">{label}</legend>
      <div class="tiles" style={{ gridTemplateColumns: `repeat(${columns}, max-content)` }}>
        {tiles.map(({ src, text }, image) => (
          <label key={image} class="tile">
            <input
              type="radio"
              class="visually-hidden"
              name={name}
              checked={image === chosen}
              onChange={() => onChoose(image)}
            />
            {src === null ? (
              <span class="unseen" style={{ width: `${width}px`, height: `${height}px` }}>
                <span class="visually-hidden">{text}, nothing to see yet</span>
              </span>
            ) : (
              <img
                src={src}
                alt={text}
                style={{ width: `${width}px`, height: `${height}px` }}
                decoding="sync"
              />
            )}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

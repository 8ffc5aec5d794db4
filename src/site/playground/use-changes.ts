import { useEffect, useReducer } from 'preact/hooks';
import type { Observable } from './observable.ts';

/** Draws the component again whenever one of these changes. */
export function useChanges(...sources: readonly Observable[]): void {
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  useEffect(() => {
    const ends = sources.map((source) => source.subscribe(() => redraw()));
    // What changed between drawing and subscribing must not be missed.
    redraw();
    return () => {
      for (const end of ends) end();
    };
  }, sources);
}

/** Features of images, one row each: what every metric is computed from. */
export interface Features {
  /** Images. */
  readonly rows: number;
  /** Values per image. */
  readonly columns: number;
  /** `[rows, columns]`, row-major. */
  readonly values: Float32Array;
}

/** @throws {RangeError} if the values are not that many, or one is not finite */
export function features(values: Float32Array, columns: number): Features {
  if (!Number.isInteger(columns) || columns < 1 || values.length % columns !== 0) {
    throw new RangeError(`${values.length} values are no rows of ${columns} features`);
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new RangeError(
      `row ${Math.floor(bad / columns)} has the feature ${values[bad]}: expected finite numbers`,
    );
  }
  return { rows: values.length / columns, columns, values };
}

/** Rows `from` to `to`, without a copy. */
export function rowsOf({ columns, values }: Features, from: number, to: number): Features {
  return { rows: to - from, columns, values: values.subarray(from * columns, to * columns) };
}

/** @throws {RangeError} if the two can't be compared */
export function checkComparable(a: Features, b: Features): void {
  if (a.columns !== b.columns) {
    throw new RangeError(`features of ${a.columns} and of ${b.columns} values can't be compared`);
  }
}

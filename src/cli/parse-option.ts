/** Values of flags: what is not one ends the command with a line that says what was expected. */
import { InvalidArgumentError } from 'commander';

/** @returns a parser of whole numbers from `min` to `max` */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`;
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number, ${range}.`);
  };
}

/** @returns a parser of decimal numbers from `min` up */
export function decimalNumber(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) && Number.isFinite(value) && value >= min)
      return value;
    throw new InvalidArgumentError(`Expected a number, ${min} or more.`);
  };
}

/** "3" or "3,1,cat": indices become numbers, anything else is left as a name for the API to know. */
export function classList(text: string): (number | string)[] {
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.some((entry) => entry === '')) {
    throw new InvalidArgumentError('Expected a class or several with commas between: 3 or 3,1,4.');
  }
  return entries.map((entry) => (/^\d+$/.test(entry) ? Number(entry) : entry));
}

export type LabelsFlag = 'random' | Readonly<Record<string, number>>;

/** `random`, or images per class: `3=5000,8=5000`. @throws {InvalidArgumentError} */
export function labels(given: string): LabelsFlag {
  if (given === 'random') return given;
  const pairs = given.split(',').map((pair) => /^(.+)=([1-9]\d*)$/.exec(pair.trim()) ?? []);
  if (pairs.every(([, label]) => label !== undefined)) {
    return Object.fromEntries(pairs.map(([, label, images]) => [label, Number(images)]));
  }
  throw new InvalidArgumentError('Expected "random", or images per class such as 3=5000,8=5000.');
}

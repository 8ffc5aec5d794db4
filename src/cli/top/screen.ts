/** The terminal while `cairn top` has it: a screen of its own, which gives back what was there before. */
import { emitKeypressEvents, type Key } from 'node:readline';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

export interface Screen extends Disposable {
  /** Lines and columns that do not fit are left out. */
  show(lines: readonly string[]): void;
}

/** @param onQuit called when q or Ctrl-C is pressed */
export function openScreen(onQuit: () => void): Screen {
  const { stdin, stdout } = process;
  const onKey = (_: string | undefined, { name, ctrl }: Key) => {
    if (name === 'q' || (ctrl && name === 'c')) onQuit();
  };
  let last: readonly string[] = [];
  const show = (lines: readonly string[]) => {
    last = lines;
    const { rows = 24, columns = 80 } = stdout;
    const text = lines.slice(0, rows - 1).map((line) => `${line.slice(0, columns)}${CLEAR_LINE}\r\n`);
    stdout.write(`${HOME}${text.join('')}${CLEAR_BELOW}`);
  };
  const onResize = () => show(last);
  stdout.write(ENTER);
  stdout.on('resize', onResize);
  if (stdin.isTTY) {
    emitKeypressEvents(stdin);
    stdin.setRawMode(true);
    stdin.on('keypress', onKey).resume();
  }
  return {
    show,
    [Symbol.dispose]() {
      stdout.removeListener('resize', onResize);
      if (stdin.isTTY) {
        stdin.removeListener('keypress', onKey).pause();
        stdin.setRawMode(false);
      }
      stdout.write(LEAVE);
    },
  };
}

/** A request as a line for a shell. */
import { useState } from 'preact/hooks';
import { curlOf } from '../curl.ts';
import { Dialog } from './dialog.tsx';

interface CurlDialogProps {
  readonly path: string;
  readonly body: unknown;
  readonly onClose: () => void;
}

export function CurlDialog({ path, body, onClose }: CurlDialogProps) {
  const [copied, setCopied] = useState<boolean | null>(null);
  const text = curlOf(location.origin + path, body);
  const copy = async () => {
    setCopied(
      await navigator.clipboard.writeText(text).then(
        () => true,
        () => false,
      ),
    );
  };
  return (
    <Dialog title="The same request with curl" onClose={onClose}>
      <pre class="code">{text}</pre>
      <p class="hint">Your key is not in it: put it into the variable CAIRN_API_KEY.</p>
      <div class="submit">
        <button type="button" class="primary" onClick={copy}>
          Copy
        </button>
        <p role="status">
          {copied === true && 'Copied.'}
          {copied === false && 'The browser did not allow it: select the text above.'}
        </p>
      </div>
    </Dialog>
  );
}

/**
 * Where a webhook may go. Checked when a URL is accepted and again before every delivery.
 *
 * What this can't see is what a name resolves to: a public name may lead to a private address, today or from one moment
 * to the next (DNS rebinding). That is left to the platform: under the compatibility flag `global_fetch_strictly_public`
 * of wrangler.toml a Worker's fetch reaches the public internet and nothing else.
 */

/** Networks that are not the public internet: RFC 6890 and what clouds put inside theirs. */
const PRIVATE_V4: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // carrier-grade NAT; 100.100.100.200 is a cloud's metadata
  ['127.0.0.0', 8],
  ['168.63.129.16', 32], // a cloud's wire server
  ['169.254.0.0', 16], // link-local; 169.254.169.254 is most clouds' metadata
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

/** Last labels that never mean a public host: RFC 6761, 6762, 8375, ICANN's `internal`, and common private usage. */
const PRIVATE_NAMES =
  /(^|\.)(localhost|localdomain|local|internal|intranet|private|lan|home|corp|svc|cluster|arpa|onion|test|example|invalid)$/;

/** Other protocols live on the ports below 1024, and a user's URL is no reason to speak to them. */
const FIRST_FREE_PORT = 1024;

/**
 * The URL parser has already brought every spelling of an IPv4 address (decimal, octal, hex, short, full-width) to
 * dotted form, and every name to lower case and Punycode.
 *
 * @returns what is wrong, or null
 */
export function webhookUrlProblem(text: string, allowPrivate: boolean): string | null {
  // The parser would drop tabs and line breaks and turn backslashes: what is read must be what was written.
  if (/[\s\\\p{Cc}\p{Cf}]/u.test(text))
    return 'expected a URL without spaces, backslashes or control characters';
  const url = URL.parse(text);
  if (url === null) return 'expected an absolute URL';
  if (url.username !== '' || url.password !== '') return 'credentials in the URL are not allowed';
  if (allowPrivate) {
    return url.protocol === 'https:' || url.protocol === 'http:' ? null : 'expected an http or https URL';
  }
  if (url.protocol !== 'https:') return 'expected an https URL';
  if (url.port !== '' && Number(url.port) < FIRST_FREE_PORT) {
    return `expected port 443, or one from ${FIRST_FREE_PORT} on`;
  }
  return isPublicHost(url.hostname.replace(/\.+$/, '')) ? null : 'the host is not a public one';
}

/** @param host as the URL parser writes it */
function isPublicHost(host: string): boolean {
  if (host.startsWith('[')) return isPublicV6(host.slice(1, -1));
  const v4 = parseV4(host);
  if (v4 !== null) return isPublicV4(v4);
  return host.includes('.') && !PRIVATE_NAMES.test(host);
}

function parseV4(host: string): number | null {
  const parts = host.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part))) return null;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function isPublicV4(address: number): boolean {
  return !PRIVATE_V4.some(([network, bits]) => {
    const size = 2 ** (32 - bits);
    return Math.floor(address / size) === Math.floor(parseV4(network)! / size);
  });
}

/**
 * Only global unicast (2000::/3) is public, and of that nothing that carries an IPv4 address inside (6to4, Teredo) or
 * is set aside for documentation. IPv4-compatible (::/96), mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96,
 * 64:ff9b:1::/48) addresses lie outside it.
 */
function isPublicV6(address: string): boolean {
  const [first, second] = expandV6(address);
  if (first === undefined || second === undefined || (first & 0xe000) !== 0x2000) return false;
  if (first === 0x2002) return false; // 6to4
  if (first === 0x2001 && (second < 0x200 || second === 0xdb8)) return false; // Teredo, ORCHID, documentation
  return !(first === 0x3fff && second < 0x1000); // documentation
}

/** Groups of a canonical address as the URL parser writes it. */
function expandV6(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return groups(head);
  const [left, right] = [groups(head), groups(tail)];
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

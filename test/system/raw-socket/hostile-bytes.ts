/** What may be written to a socket in place of a request: some of it HTTP, most of it almost. */
import fc from 'fast-check';

export interface Attack {
  readonly bytes: Buffer;
  /** After the bytes: nothing more is sent, the socket is torn down, or it stays as it is. */
  readonly ending: 'fin' | 'reset' | 'stay';
  /** Bytes at a time, with pauses between them; 0: all at once. */
  readonly dribble: number;
}

const LINES = [
  ...['GET /health HTTP/1.1', 'GET /v1/samples HTTP/1.1', 'POST /v1/samples HTTP/1.1'],
  ...['POST /v1/samples/smp_00000000000000000000000000/replay HTTP/1.1', 'PATCH /v1/samples/x HTTP/1.1'],
  ...['GET /v1/samples/smp_00000000000000000000000000/events HTTP/1.1', 'HEAD /openapi.json HTTP/1.1'],
];
const BAD_LINES = [
  ...[
    'GET /health',
    'GET /health HTTP/1.0',
    'GET /health HTTP/9.9',
    'PRI * HTTP/2.0',
    'get /health HTTP/1.1',
  ],
  ...['GET  /health  HTTP/1.1', 'GET\t/health\tHTTP/1.1', 'GET health HTTP/1.1', ' GET /health HTTP/1.1', ''],
  ...['FOO /v1/samples HTTP/1.1', 'CONNECT evil.example:443 HTTP/1.1', 'OPTIONS * HTTP/1.1'],
  ...['TRACE /v1/samples HTTP/1.1', 'GET http://evil.example/health HTTP/1.1', 'GET //evil.example HTTP/1.1'],
  ...['GET ftp://a/b HTTP/1.1', 'GET /\xff\xfe HTTP/1.1', 'GET /\0 HTTP/1.1', 'GET /%ff%00%zz?%=& HTTP/1.1'],
  ...['GET /v1/samples/..%2f..%5c HTTP/1.1', 'GET /health#a HTTP/1.1', 'GET /health\r HTTP/1.1'],
  ...[`GET /${'a'.repeat(20_000)} HTTP/1.1`, `GET /${'%41'.repeat(100_000)} HTTP/1.1`],
  ...[`GET /v1/samples?${'a=1&'.repeat(4_000)} HTTP/1.1`, `${'A'.repeat(10_000)} / HTTP/1.1`],
];
const HOSTS = [
  ...[
    'Host: a\r\nHost: b',
    'Host: a b',
    'Host: [::1',
    'Host: a:99999',
    'Host: ',
    'Host: \xff',
    'Host: u:p@h',
  ],
  ...['Host: a/../b?c#d', 'Host: evil.example', 'host:x', `Host: ${'a.'.repeat(5_000)}`],
];
const HEADERS = [
  ...[
    'X: a\0b',
    'X: \xe9\xff',
    'X\xe9: a',
    'X : a',
    ': a',
    'no colon',
    'X: a\r\n folded',
    '\0: \0',
    'X:\x7f\x01',
  ],
  ...['Connection: Upgrade\r\nUpgrade: h2c', 'Connection: Upgrade\r\nUpgrade: websocket', 'Connection: \xff'],
  ...['Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99', 'Sec-WebSocket-Key: x'],
  ...['Expect: 100-continue', 'Expect: nothing', 'TE: \0', 'Trailer: Authorization', 'Range: bytes=\xff-'],
  ...[
    'Prefer: wait=1e9',
    'Prefer: wait=\xff',
    'Idempotency-Key: \xff',
    'Last-Event-ID: \xff',
    'Cookie: a=\0',
  ],
  ...['Authorization: Bearer \xff\x01', 'Authorization: Basic Og==', `X: ${'a'.repeat(20_000)}`],
  ...['X-Forwarded-Host: \xff', 'CF-Connecting-IP: \xff', 'If-None-Match: "\xff', 'Accept: \xff/*;q=x'],
  Array.from({ length: 1_000 }, (_, i) => `X-${i}: a`).join('\r\n'),
];
const JSON_BODY = '{"model":"nobody-has-it"}';
const sized = (length: string, body = JSON_BODY) => `Content-Length: ${length}\r\n\r\n${body}`;
const chunked = (chunks: string, coding = 'chunked') => `Transfer-Encoding: ${coding}\r\n\r\n${chunks}`;
/** The end of the headers, and what follows it. */
const BODIES = [
  '\r\n',
  sized(String(JSON_BODY.length)),
  chunked(`${JSON_BODY.length.toString(16)}\r\n${JSON_BODY}\r\n0\r\n\r\n`),
  ...[
    '-1',
    '+2',
    '0x2',
    '2, 2',
    '2, 3',
    '',
    ' ',
    '1e3',
    '99999999999999999999999',
    '1000000000',
    '70000',
  ].map((length) => sized(length)),
  sized('2\r\nContent-Length: 5'),
  sized(`${JSON_BODY.length}\r\nTransfer-Encoding: chunked`),
  sized('10', '{'),
  sized('70000', '['.repeat(70_000)),
  ...[
    'zz\r\n{}\r\n0\r\n\r\n',
    '-1\r\n{}\r\n',
    'ffffffffffffffffffff\r\n{}\r\n',
    '5\r\n{}',
    '2\r\n{}',
    '2\n{}\n0\n\n',
  ].map((chunks) => chunked(chunks)),
  chunked('2;a="\0"\r\n{}\r\n0\r\n\r\n'),
  chunked(`2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`),
  chunked('1\r\n{\r\n'.repeat(3_000)),
  chunked('2\r\n{}\r\n0\r\nAuthorization: x\r\nContent-Length: 3\r\n\r\n'),
  ...['gzip, chunked', 'chunked, chunked', 'xchunked', 'identity', '\xff'].map((coding) =>
    chunked('2\r\n{}\r\n0\r\n\r\n', coding),
  ),
];
const TLS_HELLO = '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03';

/** @param key that is good, for what lies behind it */
export function attacks(key: string): fc.Arbitrary<Attack> {
  const pick = (common: readonly string[], odd: readonly string[]) =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...common) },
      { weight: 1, arbitrary: fc.constantFrom(...odd) },
    );
  const request = fc
    .tuple(
      pick(LINES, BAD_LINES),
      pick(['Host: 127.0.0.1'], [...HOSTS, 'X: no host']),
      pick([`Authorization: Bearer ${key}`], ['X: no key']),
      pick(['Content-Type: application/json'], ['Content-Type: \xff', 'X: no type']),
      fc.array(fc.constantFrom(...HEADERS), { maxLength: 2 }),
      fc.constantFrom(...BODIES),
    )
    .map(([line, host, auth, type, headers, body]) =>
      [line, host, auth, type, ...headers, body].join('\r\n'),
    );
  const rubbish = fc.oneof(
    fc.constantFrom(
      '',
      '\r\n\r\n\r\n',
      '\0'.repeat(1_000),
      TLS_HELLO,
      'x'.repeat(100_000),
      '\n'.repeat(5_000),
    ),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    request.chain((text) => fc.nat(Math.min(text.length, 400)).map((length) => text.slice(0, length))),
  );
  const bytes = fc.oneof(
    { weight: 6, arbitrary: request },
    { weight: 2, arbitrary: rubbish },
    { weight: 1, arbitrary: fc.array(request, { minLength: 2, maxLength: 12 }).map((some) => some.join('')) },
    { weight: 1, arbitrary: fc.tuple(request, rubbish).map((some) => some.join('')) },
  );
  return fc.record({
    bytes: bytes.map((text) => Buffer.from(text, 'latin1')),
    ending: fc.constantFrom('fin', 'fin', 'fin', 'stay', 'reset'),
    dribble: fc.constantFrom(0, 0, 0, 0, 7),
  });
}

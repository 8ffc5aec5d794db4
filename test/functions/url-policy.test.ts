import { describe, expect, it } from 'vitest';
import { webhookUrlProblem } from '../../src/functions/webhooks/url-policy.ts';

/** Hosts that are not the public internet, in every spelling that a parser, a resolver or a router may take. */
const PRIVATE_HOSTS: Readonly<Record<string, readonly string[]>> = {
  'this machine': [
    ...[
      'localhost',
      'LOCALHOST',
      'LocalHost',
      'localhost.',
      'localhost..',
      'a.localhost',
      'localhost.localdomain',
    ],
    ...['loc%61lhost', 'ｌｏｃａｌｈｏｓｔ', 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ', 'ſ.localhost', 'LOCALHOST。'],
    ...['127.0.0.1', '127.0.0.1.', '127.1', '127.0.1', '127.255.255.255', '127.0.0.2'],
    ...['2130706433', '0x7f000001', '0X7F000001', '017700000001', '0x7f.1', '0x7f.0.0.1', '0177.0.0.1'],
    ...['0177.1', '0x7f.0x0.0x0.0x1', '0177.0000.0000.0001', '127.0x0.0.01', '00000177.0.0.1'],
    ...['%31%32%37.0.0.1', '127%2e0%2e0%2e1', '１２７.０.０.１', '127。0。0。1', '127．0．0．1', '①②⑦.⓪.⓪.①'],
    ...['0.0.0.0', '0', '0x0', '00', '0.0.0.1', '[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[0000::0001]'],
  ],
  'private networks': [
    ...[
      '10.0.0.0',
      '10.1.2.3',
      '10.255.255.255',
      '10.1',
      '012.1.2.3',
      '0xa.1.2.3',
      '167772161',
      '0x0a000001',
    ],
    ...[
      '172.16.0.1',
      '172.31.255.255',
      '0xac.0x10.0.1',
      '2886729729',
      '192.168.0.1',
      '192.168.1',
      '3232235521',
    ],
    ...[
      '0300.0250.0.1',
      '0xc0a80001',
      '100.64.0.1',
      '100.127.255.255',
      '192.0.0.8',
      '198.18.0.1',
      '198.19.255.255',
    ],
    ...['[fc00::1]', '[fd00::1]', '[FD12:3456::1]', '[fec0::1]'],
  ],
  'link-local addresses and metadata services': [
    ...['169.254.169.254', '169.254.0.1', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.16689662'],
    ...[
      '169.254.43518',
      '0xA9.0xFE.0xA9.0xFE',
      '169.254.169.254.',
      '[fe80::1]',
      '[FEBF::1]',
      '[fd00:ec2::254]',
    ],
    ...['100.100.100.200', '168.63.129.16', '192.0.0.192', 'metadata', 'metadata.google.internal'],
    ...['METADATA.GOOGLE.INTERNAL.', 'instance-data', 'instance-data.ec2.internal'],
  ],
  'IPv4 inside IPv6': [
    ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::FFFF:7F00:0001]', '[0:0:0:0:0:ffff:7f00:1]'],
    ...['[0:0:0:0:0:FFFF:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[::ffff:10.0.0.1]', '[::ffff:8.8.8.8]'],
    ...['[::127.0.0.1]', '[::7f00:1]', '[::a9fe:a9fe]', '[::ffff:0:127.0.0.1]', '[::ffff:0:7f00:1]'],
    ...['[64:ff9b::7f00:1]', '[64:ff9b::127.0.0.1]', '[64:FF9B::a9fe:a9fe]', '[0064:ff9b:0:0:0:0:a00:1]'],
    ...['[64:ff9b:1::7f00:1]', '[64:ff9b:1:ffff::10.0.0.1]', '[2002:7f00:1::]', '[2002:a9fe:a9fe::1]'],
    ...['[2001::7f00:1]', '[2001:0:53aa:64c:0:0:80ff:fffe]'],
  ],
  'addresses that nobody has': [
    ...['224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255', '4294967295', '0xffffffff'],
    ...['192.0.2.1', '198.51.100.7', '203.0.113.9', '192.88.99.1', '[ff02::1]', '[2001:db8::1]', '[3fff::1]'],
    ...['[100::1]', '[2001:10::1]', '[2001:20::1]', '[5f00::1]', '[4000::1]'],
  ],
  'names inside a network': [
    ...[
      'printer',
      'printer.',
      'kubernetes',
      'kubernetes.default.svc',
      'db.default.svc.cluster.local',
      'db.internal',
    ],
    ...['nas.local', 'NAS.LOCAL', 'nas.ｌｏｃａｌ', 'nas.loc%61l', 'router.lan', 'box.home', 'box.home.arpa'],
    ...[
      '1.0.0.127.in-addr.arpa',
      'wiki.corp',
      'wiki.intranet',
      'x.private',
      'hidden.onion',
      'a.test',
      'a.example',
    ],
    ...['a.invalid', 'host.docker.internal', 'gateway.docker.internal'],
  ],
};

describe('webhook URLs outside development', () => {
  it.each([
    'https://example.com/hook',
    'https://EXAMPLE.com./hook',
    'https://sub.example.co.uk:8443/a?b=c#d',
    'https://bücher.de/',
    'https://xn--bcher-kva.de:443/',
    'https://localhost.example.com/',
    'https://internal.example.com/',
    'https://127.0.0.1.example.com/',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'https://[2a00:1450:4001::200e]:65535/',
  ])('allows %s', (url) => {
    expect(webhookUrlProblem(url, false)).toBeNull();
  });

  for (const [kind, hosts] of Object.entries(PRIVATE_HOSTS)) {
    it.each(hosts)(`refuses ${kind}: %s`, (host) => {
      for (const url of [
        `https://${host}/`,
        `https://${host}:8443/hook?a=b`,
        `https:${host}/`,
        `HTTPS://${host}`,
      ]) {
        expect(webhookUrlProblem(url, false), url).toMatch(/not a public one|absolute/);
      }
    });
  }

  it.each([
    ['http://example.com/', /https/],
    ['ftp://example.com/', /https/],
    ['file:///etc/passwd', /https/],
    ['data:text/plain,x', /https/],
    ['javascript:alert(1)', /https/],
    ['gopher://example.com:25/_MAIL', /https/],
    ['ws://example.com/', /https/],
    ['//example.com/', /absolute/],
    ['example.com', /absolute/],
    ['', /absolute/],
    ['not a url', /spaces/],
    ['https://user:pass@example.com/', /credentials/],
    ['https://user@example.com/', /credentials/],
    ['https://:pass@example.com/', /credentials/],
    ['https://example.com:443@127.0.0.1/', /credentials/],
    ['https://127.0.0.1%40example.com/', /absolute/],
    ['https://example.com%2f@127.0.0.1/', /credentials/],
    ['https://127.0.0.1#@example.com/', /not a public/],
    ['https://127.0.0.1?@example.com/', /not a public/],
    ['https://example.com\\@127.0.0.1/', /backslashes/],
    ['https:\\\\127.0.0.1\\', /backslashes/],
    ['https://127.0.\t0.1/', /control/],
    ['https://local\nhost/', /control/],
    ['https://local\r\nhost/', /control/],
    [' https://example.com/', /spaces/],
    ['https://example.com/\0', /control/],
    ['https://exam\u200bple.com/', /control/],
    ['https://loc\u00adalhost/', /control/],
    ['https://[fe80::1%25eth0]/', /absolute/],
    ['https://[fe80::1%eth0]/', /absolute/],
    ['https://[v1.1]/', /absolute/],
    ['https://[::1/', /absolute/],
    ['https://1.2.3.4.5/', /absolute/],
    ['https://256.256.256.256/', /absolute/],
    ['https://0x1ffffffff/', /absolute/],
    ['https://xn--/', /absolute|not a public/],
    ['https://exa%00mple.com/', /absolute/],
    ['https://example.com:99999/', /absolute/],
  ])('refuses %j', (url, reason) => {
    expect(webhookUrlProblem(url, false)).toMatch(reason);
  });

  it.each([0, 1, 22, 23, 25, 53, 80, 110, 143, 445, 465, 587, 993, 1023])('refuses port %i', (port) => {
    expect(webhookUrlProblem(`https://example.com:${port}/`, false)).toMatch(/port/);
  });

  it('allows the neighbours of private ranges', () => {
    for (const host of [
      ...[
        '172.32.0.1',
        '172.15.0.1',
        '11.0.0.1',
        '9.255.255.255',
        '100.128.0.1',
        '100.63.255.255',
        '169.253.0.1',
      ],
      ...[
        '169.255.0.1',
        '126.255.255.255',
        '128.0.0.1',
        '223.255.255.255',
        '168.63.129.15',
        '198.20.0.1',
        '1.0.0.0',
      ],
      ...['[2001:200::1]', '[2003::1]', '[2001:db7::1]', '[3fff:1000::1]', '[2000::1]'],
    ]) {
      expect(webhookUrlProblem(`https://${host}/`, false), host).toBeNull();
    }
  });
});

describe('webhook URLs in development', () => {
  it('may be plain and local, but carry no credentials and no other scheme', () => {
    expect(webhookUrlProblem('http://127.0.0.1:9000/hook', true)).toBeNull();
    expect(webhookUrlProblem('http://localhost:80/hook', true)).toBeNull();
    expect(webhookUrlProblem('http://a:b@127.0.0.1/', true)).toMatch(/credentials/);
    expect(webhookUrlProblem('file:///etc/passwd', true)).toMatch(/http/);
    expect(webhookUrlProblem('http://127.0.0.1:9000/a\nb', true)).toMatch(/control/);
  });
});

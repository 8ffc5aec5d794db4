import { describe, expect, it } from 'vitest';
import { webhookUrlProblem } from '../../src/functions/webhooks/url-policy.ts';

describe('webhook URLs outside development', () => {
  it.each([
    'https://example.com/hook',
    'https://sub.example.co.uk:8443/a?b=c',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
  ])('allows %s', (url) => {
    expect(webhookUrlProblem(url, false)).toBeNull();
  });

  it.each([
    ['http://example.com/', /https/],
    ['ftp://example.com/', /https/],
    ['https://user:pass@example.com/', /credentials/],
    ['https://localhost/', /not a public/],
    ['https://localhost./', /not a public/],
    ['https://printer/', /not a public/],
    ['https://db.internal/', /not a public/],
    ['https://127.0.0.1/', /not a public/],
    ['https://127.1/', /not a public/],
    ['https://2130706433/', /not a public/],
    ['https://0x7f000001/', /not a public/],
    ['https://0177.0.0.1/', /not a public/],
    ['https://10.1.2.3/', /not a public/],
    ['https://172.31.255.255/', /not a public/],
    ['https://192.168.0.1/', /not a public/],
    ['https://169.254.169.254/latest/meta-data', /not a public/],
    ['https://100.64.0.1/', /not a public/],
    ['https://0.0.0.0/', /not a public/],
    ['https://[::1]/', /not a public/],
    ['https://[::]/', /not a public/],
    ['https://[::ffff:7f00:1]/', /not a public/],
    ['https://[::ffff:10.0.0.1]/', /not a public/],
    ['https://[64:ff9b::a00:1]/', /not a public/],
    ['https://[fe80::1]/', /not a public/],
    ['https://[fd00::1]/', /not a public/],
    ['https://[2002:7f00:1::]/', /not a public/],
    ['https://[2001:db8::1]/', /not a public/],
    ['not a url', /absolute/],
  ])('refuses %s', (url, reason) => {
    expect(webhookUrlProblem(url, false)).toMatch(reason);
  });

  it('allows the neighbours of private ranges', () => {
    for (const host of [
      '172.32.0.1',
      '172.15.0.1',
      '11.0.0.1',
      '100.128.0.1',
      '169.253.0.1',
      '223.255.255.255',
    ]) {
      expect(webhookUrlProblem(`https://${host}/`, false)).toBeNull();
    }
  });
});

describe('webhook URLs in development', () => {
  it('may be plain and local, but carry no credentials and no other scheme', () => {
    expect(webhookUrlProblem('http://127.0.0.1:9000/hook', true)).toBeNull();
    expect(webhookUrlProblem('http://a:b@127.0.0.1/', true)).toMatch(/credentials/);
    expect(webhookUrlProblem('file:///etc/passwd', true)).toMatch(/http/);
  });
});

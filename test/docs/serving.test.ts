import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serveCommand } from '../../src/cli/commands/serve.ts';
import { ServerMetrics } from '../../src/server/metrics/metrics.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/serving.md'), 'utf8');

test('the page has every flag of cairn serve as --help has it', () => {
  const command = serveCommand().configureHelp({ helpWidth: 80 });
  const help = command.helpInformation();
  expect(page).toContain(help.slice(help.indexOf('Options:')).trimEnd());
});

test("the page's table of metrics is that of the server", () => {
  const metrics = new ServerMetrics({
    ...{ connections: () => 0, bytesInFlight: () => 0, requestsInFlight: () => 0, ready: () => true },
    models: () => [],
    engines: async () => [],
  });
  const own = metrics.registry.getMetricsAsArray().filter(({ name }) => name.startsWith('cairn_'));
  const documented = page.match(/^\| `cairn_\w+` \|.*$/gm);
  expect(documented?.length).toBe(own.length);
  for (const { name, help } of own) {
    expect(documented).toContainEqual(
      expect.stringMatching(new RegExp(`^\\| \`${name}\` \\|.*\\| ${help.replaceAll('.', '\\.')} \\|$`)),
    );
  }
});

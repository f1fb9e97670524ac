import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { tomlModulesForEsbuild } from '../../toml-modules.mjs';

const entry = `
import { lineEmulatorCommand } from '#cli/line-emulator.ts';
import { systemClock } from '#platform/clock.ts';
const options = Object.fromEntries(process.argv.slice(3).map((flag) => {
  const [name, value] = flag.slice(2).split(/=(.*)/s);
  return [name.replace(/-([a-z])/g, (_, c) => c.toUpperCase()), value];
}));
await lineEmulatorCommand({ clock: systemClock, input: process.stdin, output: process.stdout }, options);
`;

/** The `line-emulator` command alone in one file, so that a test needs no build of the whole program. */
export async function buildEmulatorProgram(): Promise<{ readonly program: string; remove(): void }> {
  const root = process.cwd();
  mkdirSync(join(root, 'test-results'), { recursive: true });
  const directory = mkdtempSync(join(root, 'test-results', 'line-emulator-'));
  const program = join(directory, 'program.mjs');
  await build({
    stdin: { contents: entry, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['koffi'],
    plugins: [tomlModulesForEsbuild()],
    outfile: program,
    logLevel: 'silent',
  });
  return { program, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

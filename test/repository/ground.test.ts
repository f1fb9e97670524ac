import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = process.cwd();
const read = (path: string) => readFileSync(join(root, path), 'utf8');

function typescriptFiles(directory: string): string[] {
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name));
}

/** The table of docs/ARCHITECTURE.md: layer folder to the folders it may import, itself included. */
function documentedTable(): Map<string, Set<string>> {
  const text = read('docs/ARCHITECTURE.md');
  const rows = text.slice(text.indexOf('| layer | may import')).split('\n').slice(2);
  const table = new Map<string, string[]>();
  for (const row of rows.slice(0, rows.indexOf(''))) {
    const [, layers = '', imports = ''] = row.split('|').map((cell) => cell.trim());
    const prefix = layers.startsWith('reload/') && layers !== 'reload/node' ? 'reload/' : '';
    const inReload = (name: string) => (existsSync(join(root, 'src/reload', name)) ? `reload/${name}` : name);
    const may = imports
      .replace(/reload\/\{([^}]*)\}/, (_, names: string) => names)
      .replace('everything in reload', readdirSync(join(root, 'src/reload')).join(', '))
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '-')
      .map(inReload);
    for (const layer of layers.split(',')) {
      const folder = prefix === '' || layer.trim().startsWith(prefix) ? layer.trim() : prefix + layer.trim();
      table.set(folder, may);
    }
  }
  return new Map([...table].map(([layer, may]) => [layer, new Set([layer, ...may])]));
}

describe('ground', () => {
  it('package.json declares the module type, the engine, the layer imports and the scripts', () => {
    const manifest = JSON.parse(read('package.json'));
    expect(manifest).toMatchObject({ type: 'module', engines: { node: '>=20.19' }, imports: { '#*': './src/*' } });
    for (const script of [
      'start',
      'demo',
      'build',
      'test',
      'lint',
      'bench',
      'simulate',
      'fuzz',
      'test:interop',
      'test:durability',
    ]) {
      expect(manifest.scripts, script).toHaveProperty([script]);
    }
    expect(manifest.devDependencies.typescript).toMatch(/^7\./);
    expect(manifest.devDependencies.vitest).toMatch(/^4\.1\./);
    expect(Object.keys(manifest.devDependencies)).toEqual(expect.arrayContaining(['fast-check', 'knip', 'rollup']));
  });

  it('the lock file holds no download addresses', () => {
    expect(read('package-lock.json')).not.toContain('"resolved"');
  });

  it('the lock file has an entry for every optional package, without which npm ci refuses it', () => {
    const { packages } = JSON.parse(read('package-lock.json'));
    const places = Object.keys(packages);
    const isThere = (name: string) => places.some((place) => place.endsWith(`node_modules/${name}`));
    const wanted = places.flatMap((place) => Object.keys(packages[place].optionalDependencies ?? {}));
    expect(wanted.length).toBeGreaterThan(20);
    expect(wanted.filter((name) => !isThere(name))).toEqual([]);
  });

  it('the top level is what was asked for', () => {
    const wanted = ['package.json', 'rollup.config.mjs', 'src', 'firmware-config', 'systemd', 'test', 'hardware'];
    const documents = ['.ci/run', 'README.md', 'LICENSE', 'docs/ARCHITECTURE.md', 'docs/LIMITS.md', 'CONTRIBUTING.md'];
    expect([...wanted, ...documents].filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(read('LICENSE')).toContain('Apache License');
  });

  it('the build makes a single bundle file that starts', () => {
    const run = spawnSync(process.execPath, [join(root, 'dist/copperring.mjs'), '--help'], { encoding: 'utf8' });
    expect(run.stdout).toContain('copperring');
    expect(run.status).toBe(0);
    const tools = ['bench.mjs', 'fuzz.mjs', 'simulate.mjs'];
    expect(readdirSync(join(root, 'dist')).sort()).toEqual(['copperring.mjs', ...tools].sort());
  });

  it('no source file is above 400 lines', () => {
    const long = [...typescriptFiles('src'), ...typescriptFiles('test'), ...typescriptFiles('bench')]
      .map((path) => [path, read(path).split('\n').length - 1] as const)
      .filter(([, lines]) => lines > 400);
    expect(long).toEqual([]);
  });

  it('R7890-5.6-01 the linter enforces the layer table of docs/ARCHITECTURE.md', () => {
    const table = documentedTable();
    const layers = [...table.keys()];
    const directory = mkdtempSync(join(tmpdir(), 'layers-'));
    try {
      const settings = JSON.parse(read('biome.json'));
      delete settings.vcs;
      writeFileSync(join(directory, 'biome.json'), JSON.stringify({ ...settings, $schema: undefined }));
      for (const layer of layers) {
        mkdirSync(join(directory, 'src', layer), { recursive: true });
        const imports = layers.map((other) => `import '#${other}/probe.ts';`);
        writeFileSync(join(directory, 'src', layer, 'probe.ts'), `${imports.join('\n')}\n`);
      }
      const biome = join(root, 'node_modules/.bin/biome');
      const args = ['lint', '--only=style/noRestrictedImports', '--reporter=json', '--max-diagnostics=1000', 'src'];
      const run = spawnSync(biome, args, { cwd: directory, encoding: 'utf8' });
      const refused = JSON.parse(run.stdout).diagnostics.map(
        (one: { location: { path: string; start: { line: number } } }) =>
          `${one.location.path.replace(/^src\/|\/probe\.ts$/g, '')} -> ${layers[one.location.start.line - 1]}`,
      );
      const expected = layers.flatMap((layer) =>
        layers.filter((other) => !table.get(layer)?.has(other)).map((other) => `${layer} -> ${other}`),
      );
      expect(expected.length).toBeGreaterThan(100);
      expect(refused.sort()).toEqual(expected.sort());
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

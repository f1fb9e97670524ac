import { readFile } from 'node:fs/promises';
import { parse } from 'smol-toml';

/** A TOML file as a module: what it says, as `data`. */
function moduleOf(source) {
  return `export const data = ${JSON.stringify(parse(source))};`;
}

/** For rollup, and for vite underneath the tests. */
export function tomlModules() {
  return {
    name: 'toml-modules',
    transform: (source, id) => (id.endsWith('.toml') ? { code: moduleOf(source), map: null } : null),
  };
}

/** For esbuild, where a test bundles a program of its own. */
export function tomlModulesForEsbuild() {
  return {
    name: 'toml-modules',
    setup({ onLoad }) {
      onLoad({ filter: /\.toml$/ }, async ({ path }) => ({
        contents: moduleOf(await readFile(path, 'utf8')),
        loader: 'js',
      }));
    },
  };
}

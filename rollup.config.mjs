import { posix } from 'node:path';
import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import nodeResolve from '@rollup/plugin-node-resolve';
import { build } from 'esbuild';
import esbuild from 'rollup-plugin-esbuild';
import { tomlModules } from './toml-modules.mjs';

/** Packages with a native addon stay beside the bundle; everything else goes into the one file. */
const native = ['lmdb', 'koffi', '@serialport/bindings-cpp'];

/** Loads such a package when the part that needs it is evaluated. An `import` of it would be carried out at the start of the program. */
function nativeAtFirstUse() {
  const prefix = '\0native:';
  return {
    name: 'native-at-first-use',
    resolveId: { order: 'pre', handler: (id) => (native.includes(id) ? prefix + id : null) },
    load: (id) =>
      id.startsWith(prefix)
        ? {
            code: `import { createRequire } from 'node:module';
              export default createRequire(import.meta.url)(${JSON.stringify(id.slice(prefix.length))});`,
            syntheticNamedExports: true,
          }
        : null,
  };
}

/**
 * Packs rollup's chunks into one file in which a dynamically imported chunk is evaluated at its first import, not at the start:
 * a gateway then has no code in memory for what it does not use. Rollup itself can only inline such chunks, which evaluates them all.
 */
function oneFile() {
  return {
    name: 'one-file',
    async generateBundle(_options, bundle) {
      const chunks = Object.values(bundle);
      const sources = new Map(chunks.map((chunk) => [chunk.fileName, chunk.code]));
      const entry = chunks.find((chunk) => chunk.isEntry);
      const packed = await build({
        entryPoints: [entry.fileName],
        bundle: true,
        write: false,
        format: 'esm',
        platform: 'node',
        target: 'node20',
        legalComments: 'none',
        logLevel: 'error',
        plugins: [chunksAs(sources)],
      });
      for (const { fileName } of chunks.filter((chunk) => chunk !== entry)) delete bundle[fileName];
      entry.code = `#!/usr/bin/env node\n${packed.outputFiles[0].text}`;
    },
  };
}

function chunksAs(sources) {
  return {
    name: 'chunks',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path, importer }) => {
        const file = path.startsWith('.') ? posix.join(posix.dirname(importer), path) : path;
        return sources.has(file) ? { path: file, namespace: 'chunk' } : { path, external: true };
      });
      onLoad({ filter: /.*/, namespace: 'chunk' }, ({ path }) => ({ contents: sources.get(path), loader: 'js' }));
    },
  };
}

function bundle(input, file) {
  return {
    input,
    external: (id) => id.startsWith('node:'),
    output: { dir: 'dist', format: 'esm', entryFileNames: file, chunkFileNames: '[name]-[hash].mjs' },
    plugins: [
      nativeAtFirstUse(),
      nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }),
      commonjs({ strictRequires: true, ignoreDynamicRequires: true }),
      json(),
      tomlModules(),
      esbuild({ target: 'node20', minify: false }),
      oneFile(),
    ],
    onwarn(warning) {
      const own = !warning.ids?.some((id) => id.includes('node_modules'));
      if (warning.code === 'CIRCULAR_DEPENDENCY' && own) throw new Error(`import cycle: ${warning.message}`);
    },
  };
}

export default [
  bundle('src/main.ts', 'copperring.mjs'),
  bundle('bench/main.ts', 'bench.mjs'),
  bundle('test/simulation/scale/main.ts', 'simulate.mjs'),
  bundle('test/fuzz/main.ts', 'fuzz.mjs'),
];

import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import nodeResolve from '@rollup/plugin-node-resolve';
import esbuild from 'rollup-plugin-esbuild';

/** Packages with a native addon stay beside the bundle; everything else goes into the one file. */
const native = ['lmdb', 'koffi', '@serialport/bindings-cpp'];

function bundle(input, file) {
  return {
    input,
    external: (id) => id.startsWith('node:') || native.some((name) => id === name || id.startsWith(`${name}/`)),
    output: { file, format: 'esm', inlineDynamicImports: true, sourcemap: false, banner: '#!/usr/bin/env node' },
    plugins: [
      nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }),
      commonjs({ strictRequires: true, ignoreDynamicRequires: true }),
      json(),
      esbuild({ target: 'node20', minify: false }),
    ],
    onwarn(warning) {
      const own = !warning.ids?.some((id) => id.includes('node_modules'));
      if (warning.code === 'CIRCULAR_DEPENDENCY' && own) throw new Error(`import cycle: ${warning.message}`);
    },
  };
}

export default [bundle('src/main.ts', 'dist/copperring.mjs'), bundle('bench/main.ts', 'dist/bench.mjs')];

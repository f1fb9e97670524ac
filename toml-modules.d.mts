import type { Plugin as EsbuildPlugin } from 'esbuild';
import type { Plugin } from 'vitest/config';

/** For rollup, and for vite underneath the tests. */
export function tomlModules(): Plugin;
/** For esbuild, where a test bundles a program of its own. */
export function tomlModulesForEsbuild(): EsbuildPlugin;

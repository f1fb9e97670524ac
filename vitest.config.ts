import { defineConfig } from 'vitest/config';
import { tomlModules } from './toml-modules.mjs';

/** Suites that need components from outside npm (baresip, vgetty, tshark, mosquitto) live in test/interop. */
export default defineConfig({
  test: {
    projects: [
      {
        plugins: [tomlModules()],
        test: {
          name: 'unit',
          maxWorkers: 2,
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/**', 'test/line/**', 'test/durability/kill.test.ts'],
          testTimeout: 20_000,
          hookTimeout: 30_000,
        },
      },
      {
        plugins: [tomlModules()],
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      // What a telephone line needs, item by item: on a virtual clock first, then in real time, one file after the other.
      {
        plugins: [tomlModules()],
        test: {
          name: 'line',
          maxWorkers: 2,
          include: ['test/line/**/*.test.ts'],
          exclude: ['test/line/**/*.live.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [tomlModules()],
        test: {
          name: 'line-live',
          maxWorkers: 1,
          include: ['test/line/**/*.live.test.ts'],
          testTimeout: 900_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      // Storing peers that are killed: ROUNDS and SEED in the environment.
      {
        plugins: [tomlModules()],
        test: { name: 'durability', include: ['test/durability/kill.test.ts'] },
      },
    ],
  },
});

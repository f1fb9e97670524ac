import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { openLmdbStore } from '#store/lmdb-store.ts';

/** Writes one key after the other and prints each number once its update was acknowledged. */
const WRITER = `
  import { openLmdbStore } from '#store/lmdb-store.ts';
  const store = await openLmdbStore(process.argv[2]);
  const space = store.namespace('n');
  for (let i = 0; ; i += 1) {
    await space.update((t) => t.put(String(i), Buffer.alloc(512, i % 256)));
    process.stdout.write(i + '\\n');
  }
`;

it('an acknowledged update survives kill -9', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'copperring-kill-'));
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const script = join(root, 'node_modules', `.durability-${process.pid}.mjs`);
  try {
    await build({
      stdin: { contents: WRITER, resolveDir: root, sourcefile: join(root, 'src', 'writer.ts'), loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
      external: ['lmdb'],
    });
    const child = spawn(process.execPath, [script, join(directory, 'db')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    let acknowledged = -1;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      if (acknowledged >= 200) child.kill('SIGKILL');
    }
    await exited;
    expect(child.signalCode).toBe('SIGKILL');
    const store = await openLmdbStore(join(directory, 'db'));
    for (let i = 0; i <= acknowledged; i += 1) expect(store.namespace('n').get(String(i))?.[0]).toBe(i % 256);
    await store.close();
  } finally {
    await rm(script, { force: true });
    await rm(directory, { recursive: true, force: true });
  }
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ToneGenerator } from '#media/tones.ts';
import { ALICE, TestMailboxes } from './mailboxes.ts';

const SECONDS = 3;
/** Leaves one message after the other, and prints the name of each once it is kept. */
const CALLERS = `
  import { openLmdbStore } from '#store/lmdb-store.ts';
  import { systemFiles } from '#gateway/voice-mail/mail-files.ts';
  import { MailboxStore } from '#gateway/voice-mail/mailbox-store.ts';
  import { ToneGenerator } from '#media/tones.ts';
  import { systemClock } from '#platform/clock.ts';
  import { silentLogger } from '#platform/log.ts';
  import { systemRandom } from '#platform/random.ts';
  const [directory, user] = process.argv.slice(2);
  const database = await openLmdbStore(directory + '/db');
  const store = new MailboxStore(
    { clock: systemClock, random: systemRandom, log: silentLogger, index: database.namespace('voice-mail'), files: systemFiles, changed() {} },
    { directory: directory + '/voice-mail', users: [user], limits: { maxMessages: 1e6, maxBytes: 1e12, maxSeconds: 10, keepDays: 30 } },
  );
  await store.load();
  for (let i = 0; ; i += 1) {
    const { id } = await store.add(user, new ToneGenerator([440]).next(${SECONDS} * 8000), { caller: String(i), callerName: undefined, line: 'line' });
    process.stdout.write(id + ' ' + i + '\\n');
  }
`;

let boxes: TestMailboxes;
beforeEach(async () => {
  boxes = await TestMailboxes.create();
});
afterEach(() => boxes.remove());

it('every message that was kept is there after kill -9, whole, and nothing half', async () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const script = join(root, 'node_modules', `.voice-mail-${process.pid}.mjs`);
  const kept = new Map<string, string>();
  try {
    await build({
      stdin: { contents: CALLERS, resolveDir: root, sourcefile: join(root, 'src', 'callers.ts'), loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
      external: ['lmdb'],
    });
    for (const rounds of [5, 12, 20]) {
      const child = spawn(process.execPath, [script, boxes.directory, ALICE], { stdio: ['ignore', 'pipe', 'inherit'] });
      const exited = once(child, 'exit');
      let now = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        const [id = '', caller = ''] = line.split(' ');
        kept.set(id, caller);
        if (++now >= rounds) child.kill('SIGKILL');
      }
      await exited;
      expect(child.signalCode).toBe('SIGKILL');
    }
  } finally {
    await rm(script, { force: true });
  }
  const store = await boxes.open({ limits: { maxMessages: 1000 } });
  const found = new Map(store.list(ALICE).map(({ id, caller }) => [id, caller]));
  for (const [id, caller] of kept) expect(found.get(id)).toBe(caller);
  // At most the one message of each round that was being written is there beyond those.
  expect(found.size - kept.size).toBeLessThanOrEqual(3);
  const tone = new ToneGenerator([440]).next(SECONDS * 8000);
  for (const id of found.keys()) expect(await store.sound(ALICE, id)).toEqual(tone);
  expect((await readdir(boxes.mail)).sort()).toEqual([...found.keys()].map((id) => `${id}.wav`).sort());
});

import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MailFileSystem, systemFiles } from '#gateway/voice-mail/mail-files.ts';
import { factsOf, messageFile, soundOf } from '#gateway/voice-mail/message-file.ts';
import { ToneGenerator } from '#media/tones.ts';
import { readWav } from '#media/wav.ts';
import { ALICE, FACTS, TestMailboxes } from './mailboxes.ts';

const SOUND = new ToneGenerator([440]).next(16_001);

let boxes: TestMailboxes;
beforeEach(async () => {
  boxes = await TestMailboxes.create();
});
afterEach(() => boxes.remove());

/** Ends as a killed process does: from this step on nothing happens any more. */
function killedAt(step: keyof MailFileSystem, when: 'before' | 'half' | 'after'): MailFileSystem {
  let dead = false;
  const dying =
    <Name extends keyof MailFileSystem>(name: Name) =>
    async (...args: Parameters<MailFileSystem[Name]>) => {
      if (dead) throw new Error('killed');
      const act = systemFiles[name] as (...given: typeof args) => Promise<unknown>;
      if (name !== step) return act(...args);
      dead = true;
      const [path, content] = args as unknown as [string, Uint8Array];
      if (when === 'half') await writeFile(path, content.subarray(0, content.length / 2));
      if (when === 'after') await act(...args);
      throw new Error('killed');
    };
  return Object.fromEntries(
    Object.keys(systemFiles).map((name) => [name, dying(name as keyof MailFileSystem)]),
  ) as unknown as MailFileSystem;
}

describe('the mailbox store', () => {
  it('keeps a message with its facts over a restart, as a WAV file that others can read', async () => {
    const first = await boxes.open();
    const { id } = await first.add(ALICE, SOUND, FACTS);
    expect(boxes.changes).toEqual([ALICE]);
    const again = await boxes.open();
    expect(again.list(ALICE)).toEqual([
      expect.objectContaining({ id, ...FACTS, seconds: 2, heard: false, receivedAt: boxes.clock.now() }),
    ]);
    expect((await again.sound(ALICE, id)).subarray(0, SOUND.length)).toEqual(SOUND);
    const wav = readWav(await readFile(again.pathOf(ALICE, id)));
    expect([wav.sampleRate, wav.samples.length]).toEqual([8000, 16_002]);
    expect(await readdir(boxes.mail)).toEqual([`${id}.wav`]);
  });

  for (const [step, when, kept] of [
    ['writeSynced', 'before', false],
    ['writeSynced', 'half', false],
    ['writeSynced', 'after', false],
    ['rename', 'before', false],
    ['rename', 'after', true],
  ] as const) {
    it(`killed ${when} ${step}: the message is there whole or not at all, and nothing lies about`, async () => {
      const before = await (await boxes.open()).add(ALICE, SOUND, FACTS);
      const dying = await boxes.open({ files: killedAt(step, when) });
      await expect(dying.add(ALICE, SOUND, { ...FACTS, caller: '+33' })).rejects.toThrow('killed');
      const after = await boxes.open();
      const callers = after.list(ALICE).map(({ caller }) => caller);
      expect(callers).toEqual(kept ? expect.arrayContaining(['+4930123456', '+33']) : ['+4930123456']);
      expect(callers).toHaveLength(kept ? 2 : 1);
      expect((await readdir(boxes.mail)).length).toBe(callers.length);
      expect((await after.sound(ALICE, before.id)).length).toBeGreaterThan(16_000);
    });
  }

  it('killed between file and index: the next start enters the message with what its file says', async () => {
    const dying = await boxes.open({ index: 'broken' });
    const { id } = await dying.add(ALICE, SOUND, FACTS);
    const after = await boxes.open();
    expect(after.list(ALICE)).toEqual([expect.objectContaining({ id, ...FACTS, seconds: 2, heard: false })]);
    expect((await boxes.open()).list(ALICE)).toHaveLength(1);
  });

  it('a removed message does not come back, whether the index heard of it or not', async () => {
    const store = await boxes.open();
    const { id } = await store.add(ALICE, SOUND, FACTS);
    await copyFile(store.pathOf(ALICE, id), join(boxes.directory, 'kept.wav'));
    const dying = await boxes.open({ files: killedAt('remove', 'after') });
    await expect(dying.remove(ALICE, id)).rejects.toThrow('killed');
    const after = await boxes.open();
    expect(after.list(ALICE)).toEqual([]);
    expect(Array.from((await boxes.database()).namespace('voice-mail').keys(''))).toEqual([]);
  });

  it('leaves files alone that are no messages, and survives damaged ones', async () => {
    await mkdir(boxes.mail, { recursive: true });
    await writeFile(join(boxes.mail, 'notes.txt'), 'mine');
    await writeFile(join(boxes.mail, `${'0'.repeat(15)}-00000000.wav`), 'no sound');
    const store = await boxes.open();
    expect(store.list(ALICE)).toEqual([]);
    expect((await readdir(boxes.mail)).sort()).toEqual([`${'0'.repeat(15)}-00000000.wav`, 'notes.txt']);
  });

  it('counts new and heard messages', async () => {
    const store = await boxes.open();
    const { id } = await store.add(ALICE, SOUND, FACTS);
    await store.add(ALICE, SOUND, FACTS);
    await store.markHeard(ALICE, id);
    expect(store.counts(ALICE)).toEqual({ new: 1, old: 1 });
    expect((await boxes.open()).counts(ALICE)).toEqual({ new: 1, old: 1 });
    expect(() => store.counts('eve@home.example')).toThrow('has no mailbox here');
  });

  it('removes messages when they are older than the limit and not before', async () => {
    const store = await boxes.open({ limits: { keepDays: 2 } });
    await store.add(ALICE, SOUND, FACTS);
    await boxes.clock.advance(86_400_000);
    await store.add(ALICE, SOUND, { ...FACTS, caller: 'second' });
    await boxes.clock.advance(86_400_000 - 1);
    expect(await store.expire()).toBe(0);
    await boxes.clock.advance(1);
    expect(await store.expire()).toBe(1);
    expect(store.list(ALICE).map(({ caller }) => caller)).toEqual(['second']);
    expect(await readdir(boxes.mail)).toHaveLength(1);
  });

  it('is full by count, by bytes, or when the disk is', async () => {
    const store = await boxes.open({ limits: { maxMessages: 2 } });
    await store.add(ALICE, SOUND, FACTS);
    expect(await store.fullness(ALICE)).toBeUndefined();
    await store.add(ALICE, SOUND, FACTS);
    expect(await store.fullness(ALICE)).toBe('messages');
    await expect(store.add(ALICE, SOUND, FACTS)).rejects.toMatchObject({ fault: { code: 'full', by: 'messages' } });
    expect(await (await boxes.open({ limits: { maxBytes: 100_000 } })).fullness(ALICE)).toBe('bytes');
    const little = { ...systemFiles, freeBytes: async () => 1_000_000 };
    expect(await (await boxes.open({ files: little })).fullness(ALICE)).toBe('disk');
  });

  it('a disk that fills up while writing costs that message and nothing else', async () => {
    const full = {
      ...systemFiles,
      async writeSynced(path: string, content: Uint8Array) {
        await writeFile(path, content.subarray(0, 4096));
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      },
    };
    const store = await boxes.open({ files: full });
    await expect(store.add(ALICE, SOUND, FACTS)).rejects.toMatchObject({ fault: { code: 'full', by: 'disk' } });
    expect(await readdir(boxes.mail)).toEqual([]);
    const later = await boxes.open();
    await later.add(ALICE, SOUND, FACTS);
    expect(later.counts(ALICE)).toEqual({ new: 1, old: 0 });
  });

  it('keeps a greeting over a restart, and the default when it is taken back', async () => {
    const store = await boxes.open();
    expect(await store.greeting(ALICE)).toBeUndefined();
    await store.setGreeting(ALICE, SOUND.subarray(0, 8000));
    expect(await (await boxes.open()).greeting(ALICE)).toEqual(SOUND.subarray(0, 8000));
    expect((await boxes.open()).list(ALICE)).toEqual([]);
    await store.setGreeting(ALICE, undefined);
    expect(await store.greeting(ALICE)).toBeUndefined();
  });
});

describe('the file of a message', () => {
  it('says who called, whatever the name is', () => {
    const facts = { caller: 'withheld', callerName: 'Zoë "x" \u0007', line: undefined };
    const file = messageFile(SOUND, facts);
    expect(factsOf(file)).toEqual(facts);
    expect(soundOf(file)).toHaveLength(16_002);
    expect(new DataView(file.buffer, file.byteOffset).getUint32(4, true)).toBe(file.length - 8);
  });

  it('of a stranger is read without its comment', () => {
    const file = messageFile(SOUND, FACTS);
    for (let at = file.length - 80; at < file.length; at++) {
      expect(() => factsOf(file.subarray(0, at))).not.toThrow();
    }
    expect(factsOf(file.subarray(0, 16_050)).caller).toBe('unavailable');
  });
});

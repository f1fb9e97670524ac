import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkConfig } from '#config/check.ts';
import { EventHub, type GatewayEvent } from '#gateway/events.ts';
import { VoiceMailSide } from '#gateway/voice-mail/voice-mail-side.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { memoryStore } from '#store/memory-store.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { voice } from './line-caller.ts';
import { ALICE, FACTS } from './mailboxes.ts';

const HOUR_MS = 3_600_000;

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'copperring-retention-'));
});
afterEach(() => rm(directory, { recursive: true }));

it('messages older than the days they are kept go by themselves, with nobody calling, and the phones and the broker are told', async () => {
  const checked = checkConfig({ voice_mail: { keep_days: 2, mailbox: [{ user: ALICE, pin: '2718' }] } });
  if (!('config' in checked)) throw new Error(JSON.stringify(checked.problems));
  const clock = new VirtualClock();
  const log = silentLogger;
  const told: GatewayEvent[] = [];
  const events = new EventHub(log);
  events.on((event) => told.push(event));
  const side = new VoiceMailSide(
    { clock, random: systemRandom, log, events, store: memoryStore() },
    { config: checked.config.voice_mail, stateDirectory: directory },
  );
  const changed: string[] = [];
  side.onChange((user) => changed.push(user));
  await side.open();
  await side.store.add(ALICE, voice(2), FACTS);
  const files = () => readdir(join(directory, 'voice-mail', ALICE));
  const heldAfter: number[] = [];
  for (let hour = 1; hour <= 50; hour++) {
    await clock.advance(HOUR_MS);
    // The disk takes real time.
    for (let i = 0; i < 100 && hour > 48 && side.store.list(ALICE).length > 0; i++) await sleep(2);
    heldAfter[hour] = side.store.list(ALICE).length;
  }
  expect(heldAfter[47]).toBe(1);
  expect(heldAfter[49]).toBe(0);
  expect((await files()).filter((name) => name.endsWith('.wav'))).toEqual([]);
  // At the start, for the message that came, and for its end.
  expect(changed).toEqual([ALICE, ALICE, ALICE]);
  expect(told.at(-1)).toEqual({ event: 'voice-mail', user: ALICE, new: 0, old: 0 });
  await side.stop();
});

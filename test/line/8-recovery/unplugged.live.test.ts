import { realpathSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Child } from '#demo/child.ts';
import { ownOverlay } from '#gateway/own-overlay.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import type { EmulatorCommand } from '#pstn/emulator/protocol.ts';
import { heardHz, talk } from '../../gateway/events.ts';
import { TestPhone } from '../../gateway/phone.ts';

const program = resolve('dist/copperring.mjs');
const deps = { clock: systemClock, random: systemRandom, log: silentLogger, program };

/** So that what never comes fails by its name, and not the whole suite by its time. */
async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What happens to the modem in a call, how it is right again, and how long the SIP side may take to know. */
const mishaps: readonly {
  readonly what: string;
  readonly begin: EmulatorCommand;
  readonly end?: EmulatorCommand;
  readonly knownWithinMs: number;
}[] = [
  {
    what: 'unplugged and put back under another path',
    begin: { command: 'unplug' },
    end: { command: 'replug', elsewhere: true },
    knownWithinMs: 2000,
  },
  { what: 'power-cycled while its port stays', begin: { command: 'power-cycle' }, knownWithinMs: 6000 },
  {
    what: 'silent for a while',
    begin: { command: 'fault', fault: 'silent' },
    end: { command: 'fault', fault: 'silent', on: false },
    knownWithinMs: 6000,
  },
  {
    what: 'taking no bytes for a while',
    begin: { command: 'fault', fault: 'blocked' },
    end: { command: 'fault', fault: 'blocked', on: false },
    knownWithinMs: 8000,
  },
];

describe('a gateway process whose modem fails in a call', () => {
  let directory = '';
  let gateway: Child;
  let emulator: LineEmulator;
  let phone: TestPhone;

  const lineBecomes = (state: string, since: number, timeoutMs: number) =>
    gateway.event((event) => event.event === 'line' && event.state === state, timeoutMs, since);

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'copperring-recovery-'));
    const link = join(directory, 'usb-Emulated_Modem-if00');
    emulator = await LineEmulator.start(deps, { program, link });
    await emulator.send({ command: 'plan', number: '1170', answerAfterMs: 0, sendHz: 659 });
    const own = await ownOverlay(deps, directory);
    gateway = new Child('gateway', process.execPath, [program, 'run', '--json-events'], {
      environment: {
        COPPERRING_STATE: directory,
        COPPERRING_LINE__EMULATED: 'false',
        COPPERRING_LINE__DEVICE: link,
        COPPERRING_SIP__LISTEN: '127.0.0.1:0',
      },
    });
    const ready = await gateway.event('ready', 30_000);
    await lineBecomes('idle', 0, 20_000);
    phone = new TestPhone({ ...own.phone, proxy: String(ready.sip) });
    await phone.register();
    await gateway.event((event) => event.event === 'registration' && event.state === 'published', 20_000);
  }, 60_000);

  afterAll(async () => {
    await phone?.stop();
    await gateway?.stop();
    await emulator?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** Both directions of calling, sound measured at both ends. */
  async function expectCallsToWork(): Promise<void> {
    const out = await within(20_000, 'the answer of the next call', phone.call('1170'));
    const heard = await talk(out, 880, 1500);
    expect(heardHz(heard)).toBeCloseTo(659, -1);
    expect((await emulator.report()).call?.heardHz).toBeCloseTo(880, -1);
    let since = gateway.mark;
    await within(10_000, 'the end of the next call', out.hangUp());
    await lineBecomes('idle', since, 10_000);
    since = gateway.mark;
    await emulator.send({ command: 'ring', callerId: { number: '5551234', name: 'NEXT' }, sendHz: 523 });
    const incoming = await within(15_000, 'the ringing of the phone', phone.nextCall());
    expect(incoming.assertedIdentity).toContain('5551234');
    const call = await within(10_000, 'the answer of the phone', incoming.answer());
    expect(heardHz(await talk(call, 770, 1500))).toBeCloseTo(523, -1);
    await within(10_000, 'the hang-up of the phone', call.hangUp());
    await lineBecomes('idle', since, 10_000);
  }

  it.each(mishaps)(
    '$what: the call ends for both sides, events tell, the line returns, the next calls work',
    async ({ begin, end, knownWithinMs }) => {
      const call = await within(20_000, 'the answer of the call', phone.call('1170'));
      await talk(call, 880, 800);
      const [since, emulatorSince] = [gateway.mark, emulator.events.length];
      const path = realpathSync(emulator.path);
      const at = Date.now();
      await emulator.send(begin);
      expect((await within(30_000, 'the end of the call', call.ended)).by).toBe('remote');
      expect(Date.now() - at).toBeLessThan(knownWithinMs);
      const ended = await gateway.event((event) => event.event === 'call' && event.state === 'ended', 5000, since);
      expect(ended).toMatchObject({ reason: 'line: modem-lost', cause: 41 });
      const told = await gateway.event((event) => event.event === 'line' && event.state !== 'busy', 5000, since);
      expect(told.state).toMatch(/absent|starting/);
      if (end) await emulator.send(end);
      await emulator.event('call-ended', { since: emulatorSince, timeoutMs: 30_000 });
      await lineBecomes('idle', since, 30_000);
      if (begin.command === 'unplug') expect(realpathSync(emulator.path)).not.toBe(path);
      await expectCallsToWork();
    },
  );

  it('is still the same process, and says in its status that all is well', async () => {
    const status = new Child('status', process.execPath, [program, 'status', '--json'], {
      environment: { COPPERRING_STATE: directory },
    });
    const printed = await status.event(() => true, 10_000);
    expect(JSON.stringify(printed)).toContain('idle');
    expect(await status.exited).toBe(0);
    await gateway.event('ready', 1000);
  });
});

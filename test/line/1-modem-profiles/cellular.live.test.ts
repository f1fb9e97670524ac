import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import { systemClock } from '#platform/clock.ts';
import { type Logger, silentLogger } from '#platform/log.ts';
import { CellularLine } from '#pstn/cellular/cellular-line.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import type { IncomingRing, LineCall, LineStatus } from '#pstn/line.ts';
import { buildEmulatorProgram } from '../../pstn/emulator-program.ts';

const never = new AbortController().signal;
/** A second of sound and some more, for the tone to settle and the host to hesitate. */
const SAMPLES = 12_000;
const LIMIT_MS = 30_000;

let directory = '';
let program: Awaited<ReturnType<typeof buildEmulatorProgram>>;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'copperring-cellular-'));
  program = await buildEmulatorProgram();
});
afterAll(() => {
  program.remove();
  rmSync(directory, { recursive: true, force: true });
});

/** Plays a tone until so much was heard; gives the frequency of its end. */
function talk(call: LineCall, hz: number, samples = SAMPLES): Promise<number | undefined> {
  const tone = new ToneGenerator([hz]);
  const heard: Uint8Array[] = [];
  return new Promise((resolve) => {
    let count = 0;
    call.connect((piece) => {
      heard.push(piece.slice());
      count += piece.length;
      if (count >= samples) resolve(dominantFrequencyOfMulaw(concat(...heard).subarray(-4000))?.frequency);
      return tone.next(piece.length);
    });
  });
}

for (const modem of ['sim7600', 'ec25'] as const) {
  describe(`a line over an emulated ${modem} on two real terminals`, () => {
    const rings: IncomingRing[] = [];
    const statuses: LineStatus[] = [];
    const warnings: string[] = [];
    let emulator: LineEmulator;
    let line: CellularLine;

    const becomes = (state: LineStatus['state']) =>
      expect.poll(() => line.status.state, { timeout: 20_000, interval: 20 }).toBe(state);

    beforeAll(async () => {
      const link = join(directory, modem);
      emulator = await LineEmulator.start({ clock: systemClock }, { program: program.program, link, modem });
      await emulator.send({ command: 'plan', number: '5551234', answerAfterMs: 300, sendHz: 700 });
      const log: Logger = { ...silentLogger, child: () => log, warn: (message) => void warnings.push(message) };
      const options = { name: 'mobile', path: link, audioPath: `${link}-sound` };
      line = new CellularLine({ clock: systemClock, log }, options);
      line.observe({ ring: (ring) => rings.push(ring), status: (status) => statuses.push(status) });
      await line.start();
    });
    afterAll(async () => {
      await line?.stop();
      await emulator?.stop();
    });

    it('calls out, with sound and keys both ways, and hears the far end hang up', { timeout: LIMIT_MS }, async () => {
      expect(line.status.state).toBe('idle');
      const call = await line.dial('5551234', never);
      expect(call.answer).toEqual({ kind: 'real', by: 'cellular' });
      expect(await talk(call, 440)).toBeCloseTo(700, -1);
      const digits: string[] = [];
      call.onDigit((digit) => digits.push(digit));
      await call.sendDigits('42#');
      await emulator.send({ command: 'send-digits', digits: '159' });
      await expect.poll(() => digits.join('')).toBe('159');
      // The module says OK before it has played them.
      await expect
        .poll(() => emulator.events.filter(({ event }) => event === 'digit').length, { timeout: 3000 })
        .toBe(3);
      const { call: report, modem: counters } = await emulator.report();
      expect(report?.heardHz).toBeCloseTo(440, -1);
      expect(report?.digits).toBe('42#');
      expect(counters.overruns).toBe(0);
      const at = Date.now();
      await emulator.send({ command: 'hang-up', how: 'silence' });
      expect(await call.ended).toBe('far-end');
      expect(Date.now() - at).toBeLessThan(2000);
      await becomes('idle');
    });

    it('answers a ring', { timeout: LIMIT_MS }, async () => {
      await emulator.send({ command: 'ring', callerId: { number: '+49301234' }, sendHz: 600 });
      await expect.poll(() => rings.length, { timeout: 5000 }).toBe(1);
      expect(rings[0]?.callerId.number).toBe('+49301234');
      const call = (await rings[0]?.answer()) ?? expect.fail('no ring');
      expect(await talk(call, 500)).toBeCloseTo(600, -1);
      expect((await emulator.report()).call?.heardHz).toBeCloseTo(500, -1);
      await call.hangUp();
      expect(line.status.state).toBe('idle');
    });

    it('comes back under other paths after it was unplugged in a call', { timeout: LIMIT_MS }, async () => {
      const call = await line.dial('5551234', never);
      const path = realpathSync(emulator.path);
      await emulator.send({ command: 'unplug' });
      expect(await call.ended).toBe('modem-lost');
      await emulator.send({ command: 'replug', elsewhere: true });
      expect(realpathSync(emulator.path)).not.toBe(path);
      await becomes('idle');
      const next = await line.dial('5551234', never);
      expect(await talk(next, 440)).toBeCloseTo(700, -1);
      await next.hangUp();
    });

    it('goes on in one direction when the module takes no sound, and restarts it behind the call', {
      timeout: LIMIT_MS,
    }, async () => {
      const call = await line.dial('5551234', never);
      await talk(call, 440);
      await emulator.send({ command: 'fault', fault: 'uplink-stall' });
      expect(await talk(call, 440, 40_000)).toBeCloseTo(700, -1);
      await expect.poll(() => warnings.some((text) => text.includes('takes no sound')), { timeout: 10_000 }).toBe(true);
      expect(call.statistics.overruns).toBeGreaterThan(0);
      await emulator.send({ command: 'fault', fault: 'uplink-stall', on: false });
      const since = emulator.events.length;
      await call.hangUp();
      await emulator.event('unplugged', { since, timeoutMs: 5000 });
      await becomes('idle');
      const next = await line.dial('5551234', never);
      expect(await talk(next, 440)).toBeCloseTo(700, -1);
      expect((await emulator.report()).call?.heardHz).toBeCloseTo(440, -1);
      await next.hangUp();
      expect(statuses.some((status) => 'reason' in status && status.reason.includes('being restarted'))).toBe(true);
    });
  });
}

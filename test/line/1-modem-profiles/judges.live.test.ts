import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { dominantFrequency } from '#media/spectrum.ts';
import { systemClock } from '#platform/clock.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import type { VoiceModemName } from '#pstn/emulator/personalities/table.ts';
import { buildEmulatorProgram } from '../../pstn/emulator-program.ts';
import { MgettyRoom, missingMgetty, VM } from '../../support/mgetty.ts';

const reason = missingMgetty();
const required = process.env.CI === 'true';
if (reason !== undefined && !required) console.warn(`vm dial and vm duplex: skipped, ${reason}`);

const voiceConf = `
part generic
voice_log_level 6
forceV253 true
port_speed 115200
rec_max_len 30
rec_silence_len 250
program vm
dial_timeout 30
voice_devices ttyACM0
`;

/** What `vm duplex` plays: 4 s of 620 Hz in unsigned 8-bit samples. It doubles no 0x10, so there must be none. */
const played = Uint8Array.from(
  { length: 32_000 },
  (_, i) => 128 + Math.round(40 * Math.sin((2 * Math.PI * 620 * i) / 8000)),
);

/** Those that Debian's vm can drive by its V.253 driver. */
const modems: readonly VoiceModemName[] = ['v253', 'conexant-cx930xx'];

describe.skipIf(reason !== undefined && !required)('vm of mgetty-voice, unmodified', () => {
  let program: Awaited<ReturnType<typeof buildEmulatorProgram>> | undefined;

  beforeAll(async () => {
    if (reason !== undefined) throw new Error(reason);
    program = await buildEmulatorProgram();
  });

  afterAll(() => program?.remove());

  async function start(modem: VoiceModemName) {
    const room = new MgettyRoom(voiceConf);
    const line = await LineEmulator.start({ clock: systemClock }, { program: program!.program, modem });
    onTestFinished(async () => {
      await line.stop();
      room.remove();
    });
    return { room, line };
  }

  it.each(modems)('vm dial has %s dial and takes its VCON for the answer', async (modem) => {
    const { room, line } = await start(modem);
    await line.send({ command: 'plan', number: '5551234', answerAfterMs: 1500, sendHz: 523 });
    expect(await room.run(line.path, [VM, 'dial', '-x', '9', '-l', 'ttyACM0', '5551234'])).toBe(0);
    expect(room.logs).toMatch(/V253 modem: VCON/);
    const dialled = await line.event('dialled', { timeoutMs: 1000 });
    const answered = await line.event('answered', { timeoutMs: 1000 });
    const ended = await line.event('call-ended', { timeoutMs: 5000 });
    expect(dialled.number).toBe('5551234');
    expect(answered.direction).toBe('from-line');
    // The answer is inferred from the far end's voice, so it is known within a second of it.
    expect(ended.at - answered.at).toBeLessThan(3000);
    await line.event('on-hook', { timeoutMs: 5000 });
  });

  it('vm dial is told that the number is busy', async () => {
    const { room, line } = await start('conexant-cx930xx');
    await room.run(line.path, [VM, 'dial', '-x', '9', '-l', 'ttyACM0', '5550000']);
    expect(room.logs).toMatch(/V253 modem: BUSY/);
    await line.event('on-hook', { timeoutMs: 5000 });
    expect(line.events.some(({ event }) => event === 'answered')).toBe(false);
  });

  it.each(modems)(
    'vm duplex plays and records at once through %s, every byte of it, and leaves by DLE ^',
    async (modem) => {
      const { room, line } = await start(modem);
      writeFileSync(room.path('play.raw'), played);
      await line.send({ command: 'ring', sendHz: 850 });
      const files = [room.path('play.raw'), room.path('rec.raw')];
      await room.run(line.path, [VM, 'duplex', '-x', '5', '-l', 'ttyACM0', '-d', '2', ...files]);
      const ended = await line.event('call-ended', { timeoutMs: 5000 });
      const { modem: counters } = await line.report();
      // What the exchange heard: all 4 s, at their pitch.
      expect(counters).toMatchObject({ taken: 32_000, played: 32_000, overruns: 0 });
      expect(ended.heardHz).toBeCloseTo(620, -1);
      // What vm recorded meanwhile.
      const recorded = readFileSync(room.path('rec.raw'));
      expect(recorded.length).toBeGreaterThan(31_000);
      const samples = Int16Array.from(recorded.subarray(8000, 16_000), (byte) => (byte - 128) << 8);
      expect(dominantFrequency(samples)?.frequency).toBeCloseTo(850, -1);
      await line.event('on-hook', { timeoutMs: 5000 });
      expect(room.logs).toContain("'AT+VTR' -> 'CONNECT'");
      expect(room.logs).toMatch(/'.\^' -> 'OK'/);
    },
  );
});

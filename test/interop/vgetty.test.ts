import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dominantFrequency } from '#media/spectrum.ts';
import { readWav } from '#media/wav.ts';
import { systemClock } from '#platform/clock.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import { buildEmulatorProgram } from '../pstn/emulator-program.ts';
import { MgettyRoom, missingMgetty, VGETTY } from '../support/mgetty.ts';

const reason = missingMgetty();
const required = process.env.CI === 'true';
if (reason !== undefined && !required) console.warn(`vgetty suite skipped: ${reason}`);

const voiceConf = `
part generic
voice_log_level 6
forceV253 true
port_speed 115200
rec_max_len 30
rec_silence_len 250
beep_frequency 933
beep_length 300
program vgetty
rings 2
answer_mode voice
dtmf_program
`;

describe.skipIf(reason !== undefined && !required)('vgetty, unmodified, on the emulated line', () => {
  let room: MgettyRoom | undefined;
  let program: Awaited<ReturnType<typeof buildEmulatorProgram>> | undefined;
  let emulator: LineEmulator | undefined;

  beforeAll(async () => {
    if (reason !== undefined) throw new Error(reason);
    room = new MgettyRoom(voiceConf);
    writeFileSync(room.path('spool/messages/Index'), 'standard.rmd\n');
    execFileSync('sh', [
      '-c',
      'pvfsine -F 620 -L 2 -s 8000 | pvftormd V253modem 8 > "$0"',
      room.path('spool/messages/standard.rmd'),
    ]);
    program = await buildEmulatorProgram();
    emulator = await LineEmulator.start({ clock: systemClock }, { program: program.program });
  });

  afterAll(async () => {
    await emulator?.stop();
    program?.remove();
    room?.remove();
  });

  it('answers the ring with caller ID, plays its greeting, records the tone of the exchange, and hangs up on busy tone', async () => {
    const line = emulator!;
    const home = room!;
    const vgetty = home.start(line.path, [VGETTY, '-x', '9', 'ttyACM0']);
    const exited = new Promise<number | null>((resolve) => vgetty.once('exit', resolve));
    try {
      await logShows(home.path('log'), 'waiting...');
      await line.send({ command: 'record' });
      await line.send({
        command: 'ring',
        callerId: { number: '5551234', name: 'ALICE' },
        sendHz: 850,
        hangUpAfterMs: 7000,
      });
      const answered = await line.event('answered', { timeoutMs: 30_000 });
      expect(answered.direction).toBe('to-line');
      const ended = await line.event('call-ended', { timeoutMs: 30_000 });
      const hungUp = await line.event('hung-up', { timeoutMs: 1000 });
      const onHook = await line.event('on-hook', { timeoutMs: 20_000 });
      expect(onHook.at - hungUp.at).toBeLessThan(10_000);
      expect(await exited).toBe(0);

      // What the exchange heard of vgetty: its greeting of 2 s at 620 Hz, whole, and its beep.
      expect(ended.heardHz).toBeCloseTo(620, -1);
      const { modem } = await line.report();
      expect(modem.played).toBe(16_000);
      const kept = home.path('heard.wav');
      await line.send({ command: 'save-recording', path: kept });
      const heard = readWav(readFileSync(kept)).samples;
      const loud = heard.reduce((count, sample) => count + (Math.abs(sample) > 1000 ? 1 : 0), 0);
      expect(loud).toBeGreaterThan(14_000);

      // What vgetty recorded of the exchange.
      const [message] = readdirSync(home.path('spool/incoming'));
      expect(message).toContain('5551234');
      const wav = execFileSync('sh', [
        '-c',
        'rmdtopvf "$0" | pvftowav -16',
        join(home.path('spool/incoming'), message!),
      ]);
      const { samples } = readWav(wav);
      expect(samples.length).toBeGreaterThan(2 * 8000);
      expect(dominantFrequency(samples.subarray(4000, 12_000))?.frequency).toBeCloseTo(850, -1);
    } finally {
      if (vgetty.exitCode === null) vgetty.kill();
    }
  });
});

/** Resolves once any file of the directory holds the text. */
async function logShows(directory: string, text: string): Promise<void> {
  const shows = () =>
    readdirSync(directory).some((name) => readFileSync(join(directory, name), 'latin1').includes(text));
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      if (!shows()) return;
      watcher.close();
      clearTimeout(timer);
      resolve();
    };
    const watcher = watch(directory, look);
    const timer = setTimeout(() => {
      watcher.close();
      reject(new Error(`no "${text}" in the log within 60 s`));
    }, 60_000);
    look();
  });
}

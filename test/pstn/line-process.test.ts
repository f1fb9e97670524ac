import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, it, type TestContext } from 'vitest';
import { dominantFrequency, dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { readWav } from '#media/wav.ts';
import { concat } from '#platform/bytes.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import { runLineProcess } from '#pstn/emulator/line-process.ts';
import type { IncomingRing, LineCall, LineStatus } from '#pstn/line.ts';
import { ModemLine } from '#pstn/modem/modem-line.ts';
import { openSerialPort } from '#pstn/modem/serial-port.ts';
import { buildEmulatorProgram } from './emulator-program.ts';

let directory: string;
let program: Awaited<ReturnType<typeof buildEmulatorProgram>>;
let started = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'line-'));
  program = await buildEmulatorProgram();
});

afterAll(() => {
  program.remove();
  rmSync(directory, { recursive: true, force: true });
});

/** An emulator and a driver on it, both ended with the test. */
async function start({ expect, onTestFinished }: TestContext, flags: { stallMs?: number; skewPpm?: number } = {}) {
  const link = join(directory, `modem${started++}`);
  const emulator = await LineEmulator.start({ clock: systemClock }, { program: program.program, link, ...flags });
  const line = new ModemLine({ clock: systemClock, log: silentLogger }, { name: 'line', path: link, country: 'US' });
  onTestFinished(async () => {
    await line.stop();
    await emulator.stop();
  });
  await line.start();
  expect(line.status).toEqual({ state: 'idle', modem: expect.stringContaining('emulated') });
  return { emulator, line };
}

/** Plays a tone into the call and gives what was heard meanwhile, `count` samples long. */
function converse(call: LineCall, hertz: number, count: number): Promise<Uint8Array> {
  const tone = new ToneGenerator([hertz]);
  const heard: Uint8Array[] = [];
  let total = 0;
  return new Promise((resolve) => {
    call.connect((samples) => {
      heard.push(samples);
      total += samples.length;
      if (total >= count) resolve(concat(...heard));
      return tone.next(samples.length);
    });
  });
}

function statusOf(watched: ModemLine, state: LineStatus['state']): Promise<LineStatus> {
  return new Promise((resolve) => {
    if (watched.status.state === state) resolve(watched.status);
    watched.observe({ status: (status) => status.state === state && resolve(status), ring: () => {} });
  });
}

describe.concurrent('the emulated line as a process of its own', () => {
  it('carries an outgoing call through serialport: tones and digits both ways, measured at both ends', async (test) => {
    const { expect } = test;
    const { emulator, line } = await start(test);
    await emulator.send({ command: 'plan', number: '5551234', answerAfterMs: 300, sendHz: 613 });
    await emulator.send({ command: 'record' });
    const asked = Date.now();
    const call = await line.dial('5551234', new AbortController().signal);
    const dialling = await emulator.event('dialling', { timeoutMs: 1000 });
    expect(dialling.at - asked).toBeLessThan(3000);
    const digits: string[] = [];
    call.onDigit((digit) => digits.push(digit));
    const heard = await converse(call, 1021, 12_000);
    expect(dominantFrequencyOfMulaw(heard.subarray(4000))?.frequency).toBeCloseTo(613, -1);
    await call.sendDigits('42#');
    await emulator.send({ command: 'send-digits', digits: '7*' });
    await converse(call, 1021, 6000);
    expect(digits.join('')).toBe('7*');
    const { call: report } = await emulator.report();
    expect(report?.heardHz).toBeCloseTo(1021, -1);
    expect(report).toMatchObject({ digits: '42#', sentHz: 613, number: '5551234' });
    await call.hangUp();
    expect(await emulator.event('call-ended', { timeoutMs: 5000 })).toMatchObject({ endedBy: 'line' });
    const kept = join(directory, 'kept.wav');
    await emulator.send({ command: 'save-recording', path: kept });
    // The first moments of the call pass before the modem knows of the answer.
    const later = readWav(readFileSync(kept)).samples.subarray(8000, 16_000);
    expect(dominantFrequency(later)?.frequency).toBeCloseTo(1021, -1);
  });

  it('carries an incoming call with caller ID until the far end hangs up', async (test) => {
    const { expect } = test;
    const { emulator, line } = await start(test);
    const rung = new Promise<IncomingRing>((resolve) => line.observe({ status: () => {}, ring: resolve }));
    await emulator.send({
      command: 'ring',
      callerId: { number: '+4930123', name: 'DEMO' },
      sendHz: 523,
      hangUpAfterMs: 1500,
      hangUpHow: 'loop-drop',
    });
    const ring = await rung;
    expect(ring.callerId).toEqual({ number: '+4930123', name: 'DEMO', presentation: 'available' });
    const call = await ring.answer();
    const heard = await converse(call, 880, 8000);
    expect(dominantFrequencyOfMulaw(heard)?.frequency).toBeCloseTo(523, -1);
    expect(await call.ended).toBe('loop-drop');
    const ended = await emulator.event('call-ended', { timeoutMs: 5000 });
    expect(ended).toMatchObject({ direction: 'to-line', endedBy: 'exchange' });
    expect(ended.heardHz).toBeCloseTo(880, -1);
    expect(line.status.state).toBe('idle');
  });

  it('vanishes in the middle of a call and is taken up again under its name', async (test) => {
    const { expect } = test;
    const { emulator, line } = await start(test);
    await emulator.send({ command: 'plan', number: '1', answerAfterMs: 0, sendHz: 500 });
    const call = await line.dial('1', new AbortController().signal);
    await converse(call, 500, 4000);
    await emulator.send({ command: 'unplug' });
    expect(await call.ended).toBe('modem-lost');
    expect(line.status.state).toBe('absent');
    await emulator.send({ command: 'replug' });
    await statusOf(line, 'idle');
    const again = await line.dial('1', new AbortController().signal);
    await again.hangUp();
  });

  it('comes back under another path, its name leading there', async (test) => {
    const { expect } = test;
    const { emulator, line } = await start(test);
    const before = realpathSync(emulator.path);
    await emulator.send({ command: 'unplug' });
    await statusOf(line, 'absent');
    await emulator.send({ command: 'replug', elsewhere: true });
    expect(realpathSync(emulator.path)).not.toBe(before);
    await statusOf(line, 'idle');
  });

  it('has a second device as a cellular module, for its sound', async ({ expect, onTestFinished }) => {
    const link = join(directory, `modem${started++}`);
    const options = { program: program.program, link, modem: 'sim7600' } as const;
    const emulator = await LineEmulator.start({ clock: systemClock }, options);
    onTestFinished(() => emulator.stop());
    expect(emulator.soundPath).toBe(`${link}-sound`);
    expect(realpathSync(emulator.soundPath ?? '')).not.toBe(realpathSync(emulator.path));
    let said = '';
    let sound = 0;
    const commands = await openSerialPort(emulator.path, 115_200, {
      data: (bytes) => {
        said += Buffer.from(bytes).toString('latin1');
      },
      closed: () => {},
    });
    const samples = await openSerialPort(emulator.soundPath ?? '', 115_200, {
      data: (bytes) => {
        sound += bytes.length;
      },
      closed: () => {},
    });
    await emulator.send({ command: 'plan', number: '1', answerAfterMs: 0, sendHz: 500 });
    commands.write(Buffer.from('ATE0\rATD1;\r'));
    await expect.poll(() => said, { timeout: 5000 }).toContain('VOICE CALL: BEGIN');
    commands.write(Buffer.from('AT+CPCMREG=1\r'));
    await expect.poll(() => sound, { timeout: 5000 }).toBeGreaterThan(3200);
    await Promise.all([commands.close(), samples.close()]);
  });

  it('ends when its input is destroyed, as by a signal', async ({ expect }) => {
    const input = new PassThrough();
    const output = new PassThrough();
    let path = '';
    output.on('data', (bytes) => {
      path ||= JSON.parse(String(bytes).split('\n')[0] ?? '').path;
    });
    const running = runLineProcess({ clock: systemClock, input, output }, { country: 'US', link: undefined });
    await expect.poll(() => path).not.toBe('');
    input.destroy();
    await running;
    expect(existsSync(path)).toBe(false);
  });

  it('is not in the process group that Ctrl-C ends, so that the line can be hung up first', async ({
    expect,
    onTestFinished,
  }) => {
    const emulator = await LineEmulator.start({ clock: systemClock }, { program: program.program });
    onTestFinished(() => emulator.stop());
    // proc(5): behind the name in brackets come state, parent and process group.
    const groupOf = (pid: string | number) => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[2];
    expect(groupOf(emulator.pid ?? 0)).toBe(String(emulator.pid));
    expect(groupOf('self')).not.toBe(String(emulator.pid));
  });

  it('goes on while nobody reads what it says', async ({ expect, onTestFinished }) => {
    const emulator = await LineEmulator.start({ clock: systemClock }, { program: program.program });
    const device = openSync(emulator.path, 'r+');
    onTestFinished(async () => {
      closeSync(device);
      await emulator.stop();
    });
    for (const command of ['AT+FCLASS=8', 'AT+VLS=1', 'AT+VTR']) writeSync(device, `${command}\r`);
    await emulator.event('off-hook', { timeoutMs: 5000 });
    // Its sound fills what the system keeps for a reader, and then its own store.
    await expect.poll(async () => (await emulator.report()).modem.overruns, { timeout: 10_000 }).toBeGreaterThan(0);
  });

  it('stutters when told to, and the driver counts it', async (test) => {
    const { expect } = test;
    const { emulator, line } = await start(test, { stallMs: 300, skewPpm: -200 });
    await emulator.send({ command: 'plan', number: '1', answerAfterMs: 0, sendHz: 500 });
    const call = await line.dial('1', new AbortController().signal);
    await converse(call, 500, 26_000);
    expect(call.statistics.underruns).toBeGreaterThan(0);
    expect(call.statistics.bytesPlayed).toBe(call.statistics.bytesHeard + 480);
    await call.hangUp();
  });

  it('refuses commands that make no sense, and says why', async (test) => {
    const { expect } = test;
    const { emulator } = await start(test);
    await expect(emulator.send({ command: 'hang-up' })).rejects.toMatchObject({
      message: expect.stringContaining('no call'),
    });
    await expect(emulator.send({ command: 'plan', number: '12x' })).rejects.toMatchObject({
      fault: { code: 'refused' },
    });
    await expect(emulator.send({ command: 'plan', number: '1', sendWav: '/nowhere.wav' })).rejects.toMatchObject({
      fault: { code: 'refused' },
    });
  });
});

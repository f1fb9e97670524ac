import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BaresipProcess, baresipInstalled } from '#demo/baresip-process.ts';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { readWav, wavAsMulaw } from '#media/wav.ts';
import type { LineEmulator } from '#pstn/emulator/client.ts';
import { PASSWORD, TestOverlay } from '../../gateway/overlay.ts';
import { eventually } from '../../support/eventually.ts';
import { likeness } from './likeness.ts';

const OVERLAY = 'talk.example';
const GATEWAY = `gw1@pstn.${OVERLAY}`;
const ALICE = `alice@${OVERLAY}`;
const PIN = '271828';

const missing = [
  ...(baresipInstalled() ? [] : ['baresip (apt-get install baresip-core)']),
  ...['sox', 'espeak-ng'].filter((program) => spawnSync(program, ['--version']).error !== undefined),
];
if (missing.length > 0) {
  if (process.env.CI === 'true') throw new Error(`not installed: ${missing.join(', ')}; CI needs it`);
  console.warn(`SKIPPED: not installed: ${missing.join(', ')}`);
}

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return `${stdout}${stderr}`;
}

function mulawOf(file: string): Uint8Array {
  return wavAsMulaw(readWav(readFileSync(file)));
}

/** Seconds of a tone in a sound. */
function tones(sound: Uint8Array, hz: number): number {
  let found = 0;
  for (let at = 0; at + 800 <= sound.length; at += 800) {
    const tone = dominantFrequencyOfMulaw(sound.subarray(at, at + 800));
    if (tone && tone.purity > 0.8 && Math.abs(tone.frequency - hz) < 5) found += 0.1;
  }
  return found;
}

describe.skipIf(missing.length > 0)('voice mail on a telephone line, with speech, heard by a phone of others', () => {
  const overlay = new TestOverlay(OVERLAY);
  let emulator: LineEmulator;
  let gateway: Awaited<ReturnType<TestOverlay['run']>>;
  let phone: BaresipProcess;
  let folder: string;
  let speech: string;

  beforeAll(async () => {
    await overlay.create([GATEWAY, ALICE]);
    emulator = await overlay.emulator('modem');
    gateway = await overlay.run('gateway', GATEWAY, {
      roles: ['peer', 'gateway', 'proxy'],
      line: { device: emulator.path, country: 'DE', rings: [ALICE] },
      phones: [{ user: ALICE, password: PASSWORD }],
      sip: { listen: '127.0.0.1:0' },
      voice_mail: { mailbox: [{ user: ALICE, pin: PIN }], answer_after_seconds: 1 },
    });
    folder = join(overlay.directory, 'phone');
    mkdirSync(folder);
    speech = join(overlay.directory, 'speech.wav');
    const words = 'This is Grace. The telephone exchange called, and wants its copper back. Please call me tomorrow.';
    run('espeak-ng', '-v', 'en-gb', '-s', '150', '-w', join(folder, 'words.wav'), words);
    // Room for the ringing, the greeting and its tone.
    run(
      'sox',
      join(folder, 'words.wav'),
      '-r',
      '8000',
      '-c',
      '1',
      '-b',
      '16',
      speech,
      'pad',
      '4.5',
      'gain',
      '-n',
      '-9',
    );
    const account = {
      user: 'alice',
      domain: OVERLAY,
      password: PASSWORD,
      proxy: gateway.application.status().sip ?? '',
    };
    phone = await BaresipProcess.start(folder, account, 440, ['mwi']);
    await gateway.events.until((event) => event.event === 'registration' && event.state === 'published');
  }, 90_000);

  afterAll(async () => {
    await phone?.stop();
    await overlay.stop();
  }, 60_000);

  const store = () => gateway.application.member?.voiceMail?.store;

  it('baresip subscribes by itself, and is told that nothing waits', async () => {
    await phone.said('Messages-Waiting: no', 20_000);
  }, 30_000);

  it('the line rings, nobody answers, and the caller leaves a message of speech', async () => {
    const since = emulator.events.length;
    const callerId = { number: '0401234567', name: 'Grace' };
    await emulator.send({ command: 'ring', callerId, sendWav: speech });
    await eventually(() => store()?.counts(ALICE).new === 1, 60_000);
    await emulator.event('call-ended', { since, timeoutMs: 20_000 });
    const [message] = store()?.list(ALICE) ?? [];
    expect(message).toMatchObject({ callerName: 'Grace', line: 'line', heard: false });
    expect(message?.caller).toMatch(/401234567$/);
    const kept = mulawOf(store()?.pathOf(ALICE, message?.id ?? '') ?? '');
    const words = mulawOf(join(folder, 'words.wav'));
    expect(likeness(words.subarray(8000, 14_000), kept)).toBeGreaterThan(0.9);
    expect(kept.length).toBeGreaterThan(0.85 * words.length);
    expect(kept.length).toBeLessThan(1.25 * words.length);
  }, 90_000);

  it('the file is one that sox reads, at the level of speech', () => {
    const [message] = store()?.list(ALICE) ?? [];
    const said = run('sox', store()?.pathOf(ALICE, message?.id ?? '') ?? '', '-n', 'stat');
    const rms = Number(/RMS\s+amplitude:\s+([\d.]+)/.exec(said)?.[1]);
    expect(rms).toBeGreaterThan(0.02);
    expect(Number(/Length \(seconds\):\s+([\d.]+)/.exec(said)?.[1])).toBeCloseTo(message?.seconds ?? 0, 0);
  });

  it('RFC 3842: baresip is told that a message waits', async () => {
    await phone.said('Messages-Waiting: yes', 5000);
    await phone.said('Voice-Message: 1/0', 1000);
  });

  it('baresip calls its mailbox and hears the speech', async () => {
    const since = phone.events.length;
    phone.command('dial', `sip:voicemail@${OVERLAY}`);
    await phone.event('CALL_ESTABLISHED', { timeoutMs: 10_000, since, fatal: 'CALL_CLOSED' });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await press('1');
    await eventually(() => store()?.counts(ALICE).old === 1, 30_000);
    await press('#');
    await phone.event('CALL_CLOSED', { timeoutMs: 10_000, since });
    const heard = readdirSync(folder).filter((name) => name.endsWith('-dec.wav'));
    const dump = mulawOf(join(folder, heard.sort().at(-1) ?? ''));
    const words = mulawOf(join(folder, 'words.wav'));
    expect(likeness(words.subarray(8000, 14_000), dump)).toBeGreaterThan(0.85);
    await phone.said('Voice-Message: 0/1', 5000);
  }, 90_000);

  it('the owner calls over the line, enters the PIN, and deletes it; no event tells a digit', async () => {
    const since = emulator.events.length;
    const digits = `*${PIN}#`;
    await emulator.send({ command: 'ring', sendDigits: { digits, afterMs: 1500 } });
    await emulator.send({ command: 'record' });
    const path = join(overlay.directory, 'line.wav');
    // The low tone: there is no new message.
    await eventually(async () => {
      await emulator.send({ command: 'save-recording', path });
      return tones(mulawOf(path), 392) > 0.5;
    }, 30_000);
    await emulator.send({ command: 'send-digits', digits: '13' });
    await eventually(() => store()?.counts(ALICE).old === 0, 20_000);
    await emulator.send({ command: 'send-digits', digits: '#' });
    await emulator.event('call-ended', { since, timeoutMs: 20_000 });
    expect(gateway.events.all.filter(({ event }) => event === 'digit')).toEqual([]);
    expect(JSON.stringify(gateway.events.all)).not.toContain(PIN);
  }, 90_000);

  async function press(key: string): Promise<void> {
    phone.command('sndcode', key);
    await new Promise((resolve) => setTimeout(resolve, 200));
    phone.command('sndcode', '\u0004');
  }
});

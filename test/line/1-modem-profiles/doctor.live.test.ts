import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import type { LineReport } from '#pstn/doctor/report.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import { openSerialPort } from '#pstn/modem/serial-port.ts';
import { runToEnd } from '../../cli/program.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { examineWith } from './examine-with.ts';
import { parseTranscripts, replayModem } from './replay.ts';

const program = resolve('dist/copperring.mjs');

let folder = '';
let emulator: LineEmulator | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copperring-doctor-'));
});
afterEach(async () => {
  await emulator?.stop();
  emulator = undefined;
  await rm(folder, { recursive: true });
});

const doctor = (...args: string[]) => runToEnd(['doctor', '--line', ...args]);

/** As far as it depends on no timing. */
function steady({ profile, method, duplex, refused, callerId, volts, usable, emulated }: LineReport) {
  return { profile: profile?.name, method: method?.number, duplex, refused, callerId, volts, usable, emulated };
}

describe('copperring doctor, the built program on a real terminal', () => {
  it('examines a modem by its device, calls where it is told to, and writes a transcript that can be replayed', async () => {
    emulator = await LineEmulator.start({ clock: systemClock }, { program, modem: 'conexant-cx930xx', country: 'US' });
    const record = join(folder, 'modem.jsonl');
    const { status, output } = await doctor(
      '--device',
      emulator.path,
      '--record',
      record,
      '--json',
      '--call',
      '5551234',
    );
    const report = JSON.parse(output) as LineReport;
    expect(status).toBe(0);
    expect(steady(report)).toEqual({
      profile: 'conexant-cx930xx',
      method: 131,
      duplex: 'full',
      refused: [],
      callerId: 'accepted',
      volts: 48.3,
      usable: true,
      emulated: false,
    });
    expect(report.hearing).toMatchObject({ tone: 'dial', frequencies: [350, 440] });
    expect(report.trials[0]?.rate).toBeGreaterThan(7900);
    expect(report.trials[0]?.rate).toBeLessThan(8100);
    expect(report.call).toMatchObject({ outcome: 'answered', bytesHeard: expect.any(Number) });
    expect(report.call?.bytesHeard).toBeGreaterThan(30_000);
    expect(emulator.events.filter(({ event }) => event === 'dialled')).toMatchObject([{ number: '5551234' }]);

    const text = await readFile(record, 'utf8');
    expect(text).not.toContain('5551234');
    expect(text).toContain('"to":"ATDT0000000"');
    const [transcript] = parseTranscripts(text);
    if (transcript === undefined) throw new Error('nothing was recorded');
    const clock = new VirtualClock();
    const { openPort, faults } = replayModem(clock, transcript);
    const again = await examineWith({ clock, openPort });
    expect(faults).toEqual([]);
    expect(again.profile?.name).toBe('conexant-cx930xx');
    expect(again).toMatchObject({ duplex: 'full', volts: 48.3, hearing: { tone: 'dial' } });
  });

  it('dials nothing by itself, and says at once what the line of a configuration is', async () => {
    const config = join(folder, 'copperring.toml');
    await writeFile(config, 'roles = ["peer", "gateway"]\n[line]\nemulated = true\ncountry = "DE"\n');
    const { status, output } = await doctor('--config', config);
    expect(status).toBe(0);
    expect(output).toContain('line report of an EMULATED line');
    expect(output).toContain('dial tone 425 Hz');
    expect(output).toContain('The line can be used.');
  });

  it('fails with a remedy: no device, a file, a device in use, no line in the configuration', async () => {
    const nothing = await doctor('--device', join(folder, 'nothing'));
    expect(nothing.status).toBe(1);
    expect(nothing.output).toContain('PROBLEM: there is no');
    const file = join(folder, 'file');
    await writeFile(file, '');
    const notDevice = await doctor('--device', file, '--json');
    expect(notDevice.status).toBe(1);
    expect(JSON.parse(notDevice.output).problems[0].what).toContain('is no serial device');
    await writeFile(file, 'roles = ["peer"]\n');
    const noLine = await doctor('--config', file);
    expect(noLine.status).toBe(1);
    expect(noLine.errors).toContain('has no [line]');

    emulator = await LineEmulator.start({ clock: systemClock }, { program });
    const held = await openSerialPort(emulator.path, 115_200, { data() {}, closed() {} });
    const inUse = await doctor('--device', emulator.path);
    await held.close();
    expect(inUse.status).toBe(1);
    expect(inUse.output).toContain(`is in use by`);
    expect(inUse.output).toContain(`(pid ${process.pid})`);
    // And nothing was done to the modem meanwhile: it is free, and the doctor is content.
    expect((await doctor('--device', emulator.path)).status).toBe(0);
  });

  // Only root can become another user. Elsewhere the same words come from a device that is root's.
  it('says which group a user has to be in who may not use the device', async () => {
    emulator = await LineEmulator.start({ clock: systemClock }, { program });
    const asRoot = process.getuid?.() === 0;
    const copy = join(folder, 'copperring.mjs');
    await copyFile(program, copy);
    await chmod(folder, 0o755);
    await chmod(emulator.path, 0o600);
    const child = spawn(
      process.execPath,
      [copy, 'doctor', '--line', '--device', asRoot ? emulator.path : '/dev/kmsg'],
      {
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: folder },
        stdio: ['ignore', 'pipe', 'ignore'],
        ...(asRoot ? { uid: 65_534, gid: 65_534 } : {}),
      },
    );
    let output = '';
    child.stdout.on('data', (bytes) => {
      output += bytes;
    });
    const [status] = await once(child, 'close');
    expect(status).toBe(1);
    expect(output).toMatch(/PROBLEM: this user may not use \S+, which belongs to group \w+/);
    expect(output).toContain('sudo usermod -aG');
  });
});

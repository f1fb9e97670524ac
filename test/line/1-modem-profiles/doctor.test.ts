import { describe, expect, it } from 'vitest';
import { doctorLines } from '#cli/doctor-print.ts';
import { linearOf, mulawOf } from '#media/g711.ts';
import { silentLogger } from '#platform/log.ts';
import type { Findings } from '#pstn/doctor/examine.ts';
import { EmulatedCellular } from '#pstn/emulator/cellular/emulated-cellular.ts';
import type { VoiceModemName } from '#pstn/emulator/personalities/table.ts';
import { ModemLine } from '#pstn/modem/modem-line.ts';
import { type SimulatedLine, simulatedLine } from '../../pstn/simulated-line.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { examineWith } from './examine-with.ts';

const printed = (found: Findings) =>
  doctorLines({ report: 1, version: '9', emulated: true, usb: '0572:1329', call: undefined, usable: true, ...found });

/** What was found, without what every modem answers alike. */
function essence({ answers, traps, trials, ...found }: Findings) {
  expect(answers.length).toBeGreaterThan(25);
  expect(traps.length).toBeGreaterThan(0);
  return {
    ...found,
    trials: trials.map(({ command, answer, rate, underruns, overruns, exit }) => ({
      command,
      answer,
      rate: Math.round(rate / 100) * 100,
      lost: underruns + overruns,
      exit: exit?.code,
    })),
  };
}

const usual = {
  country: 'US',
  refused: [],
  callerId: 'accepted',
  volts: undefined,
  echoLoss: undefined,
  problems: [],
  hearing: {
    tone: 'dial',
    frequencies: [350, 440],
    level: expect.closeTo(-10, 0),
    noise: expect.any(Number),
    elsewhere: [],
  },
};
const mulaw = { number: 131, coding: 'mulaw' };
const duplex = { command: 'AT+VTR', answer: 'CONNECT', rate: 8000, lost: 0 };
const usr = { name: 'usr-5637', kind: 'voice', why: 'AT+FMI? answers "U.S. ROBOTICS"' };
const halved = { what: expect.stringContaining('half duplex'), remedy: expect.any(String), fatal: false };

const reports: Readonly<Record<VoiceModemName, object>> = {
  v253: {
    profile: { name: 'generic-v253', kind: 'voice', why: 'no other profile matches' },
    method: mulaw,
    duplex: 'full',
    trials: [{ ...duplex, exit: '<DLE>^' }],
  },
  'conexant-cx930xx': {
    profile: { name: 'conexant-cx930xx', kind: 'voice', why: expect.stringContaining('CONEXANT') },
    method: mulaw,
    duplex: 'full',
    volts: 48.3,
    trials: [{ ...duplex, exit: '<DLE>^' }],
  },
  'usr-5637': {
    profile: usr,
    method: mulaw,
    duplex: 'full',
    refused: ['AT+IFC=2,2'],
    trials: [{ ...duplex, exit: '<DLE><ETX>' }],
  },
  rockwell: {
    profile: { name: 'rockwell', kind: 'voice', why: expect.stringContaining('ROCKWELL') },
    method: { number: 4, coding: 'mulaw' },
    duplex: 'full',
    refused: ['AT+IFC=2,2', 'AT+VDR=0', 'AT+VTD=10'],
    trials: [{ ...duplex, exit: '<DLE>^' }],
  },
  'half-duplex': {
    profile: { name: 'generic-v253', kind: 'voice', why: 'no other profile matches' },
    method: mulaw,
    duplex: 'half',
    refused: ['AT+VDR=0'],
    problems: [halved],
    trials: [
      { command: 'AT+VTR', answer: 'ERROR', rate: 0, lost: 0, exit: undefined },
      { command: 'AT+VRX', answer: 'CONNECT', rate: 8000, lost: 0, exit: '<DLE>!' },
      { command: 'AT+VTX', answer: 'CONNECT', rate: 0, lost: 0, exit: '<DLE><ETX>' },
    ],
  },
};

describe('copperring doctor --line', () => {
  for (const [modem, report] of Object.entries(reports) as [VoiceModemName, object][]) {
    it(`examines the emulated ${modem}, dials nothing, and leaves it on hook and fit for the driver`, async () => {
      const simulated = simulatedLine({ modem });
      const found = await examineWith(simulated);
      expect(essence(found)).toEqual({ ...usual, ...report });
      expect(simulated.events.map(({ event }) => event)).toEqual(['off-hook', 'on-hook']);
      await simulated.clock.run(simulated.line.start());
      expect(simulated.line.status.state).toBe('idle');
    });
  }

  it('says of a dial tone of another country where it is at home', async () => {
    const found = await examineWith(simulatedLine({ country: 'DE' }), { country: 'US' });
    expect(found.hearing).toMatchObject({ tone: 'other', frequencies: [425] });
    expect(found.hearing?.elsewhere).toContain('DE');
    expect(found.problems.map(({ remedy }) => remedy).join()).toContain('set country to one of');
  });

  it('measures the level of a faint dial tone and tells of it', async () => {
    const simulated = simulatedLine();
    const quiet = attenuated(simulated, 4);
    const found = await examineWith({ clock: simulated.clock, openPort: quiet });
    expect(found.hearing?.tone).toBe('dial');
    expect(found.hearing?.level).toBeCloseTo(-10 - 24, 0);
    expect(found.problems.map(({ what }) => what).join()).toContain('faint');
  });

  it('tells from the voltage that no line is there, or that a telephone on it is lifted', async () => {
    const lifted = simulatedLine({ modem: 'conexant-cx930xx' });
    lifted.emulated.exchange.telephone('extension', true);
    expect((await examineWith(lifted)).problems).toContainEqual(
      expect.objectContaining({
        what: 'a telephone on this line is off hook: 7.2 V between tip and ring',
        fatal: false,
      }),
    );
    const cut = simulatedLine({ modem: 'conexant-cx930xx' });
    cut.emulated.exchange.cut(true);
    expect((await examineWith(cut)).problems[0]).toMatchObject({
      what: 'no line: 1.4 V between tip and ring',
      fatal: true,
    });
  });

  it('counts stalls and underruns of a slow modem', async () => {
    const found = await examineWith(simulatedLine({ stallMs: 200, stallEveryMs: 1000 }));
    const [trial] = found.trials;
    expect(trial?.gaps.longest).toBeGreaterThanOrEqual(200);
    expect(trial?.underruns).toBeGreaterThan(0);
    expect(found.problems.map(({ what }) => what).join()).toContain('underruns');
  });

  it('says what to do when nobody answers, and when the device cannot be opened', async () => {
    const { clock } = simulatedLine();
    const silent = await examineWith({ clock, openPort: async () => ({ write() {}, close: async () => {} }) });
    expect(silent.problems).toEqual([
      expect.objectContaining({ what: expect.stringContaining('does not answer'), fatal: true }),
    ]);
    const closed = await examineWith({ clock, openPort: () => Promise.reject(new Error('Permission denied')) });
    expect(closed.problems).toEqual([{ what: 'modem: Permission denied', remedy: 'none', fatal: true }]);
    expect(closed.profile).toBeUndefined();
  });

  it('ends soon when the modem is pulled out in the middle', async () => {
    const simulated = simulatedLine();
    simulated.clock.after(2500, () => simulated.unplug());
    const began = simulated.clock.now();
    const found = await examineWith(simulated);
    expect(found.problems.some(({ fatal }) => fatal)).toBe(true);
    expect(simulated.clock.now() - began).toBeLessThan(40_000);
  });

  it('prints a report without numbers that are somebody’s, and with remedies', async () => {
    const simulated = simulatedLine({ modem: 'rockwell' });
    const found = await examineWith(simulated);
    const text = printed(found).join('\n');
    expect(text).toContain('profile    rockwell');
    expect(text).toContain('sound      mulaw at 8000, AT+VSM=4,8000; full duplex');
    expect(text).toMatch(/line {7}dial tone 350\+440 Hz; level -\d+/);
    // What ATI4 says of a Rockwell looks like a serial number.
    expect(text).not.toContain('7880284');
    const open = await examineWith(simulatedLine({ modem: 'rockwell' }), { unmasked: true });
    expect(printed(open).join('\n')).toContain('7880284');
  });

  it('prints who the modem is, its duplex, the voltage, the levels, and what it answered', async () => {
    const lines = printed(await examineWith(simulatedLine({ modem: 'conexant-cx930xx' })));
    const line = (name: string) => lines.find((text) => text.startsWith(name.padEnd(11)));
    expect(line('country')).toBe('country    US; USB 0572:1329');
    expect(line('profile')).toMatch(/conexant-cx930xx \(voice\): .* answers "/);
    expect(line('sound')).toBe('sound      mulaw at 8000, AT+VSM=131,8000; full duplex');
    expect(line('stream')).toMatch(
      /AT\+VTR: \d+ bytes heard and \d+ played in \d.* s \(\d+ B\/s\), 0 underruns, 0 overruns/,
    );
    expect(line('voltage')).toBe('voltage    48.3 V between tip and ring, on hook');
    expect(line('line')).toMatch(/dial tone 350\+440 Hz; level -\d.* dBm0, noise -\d.* dBm0 at most/);
    expect(line('echo')).toBe('echo       none heard');
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}AT\+FMI\? +CONEXANT/));
    expect(lines.at(-1)).toBe('The line can be used.');
  });

  it('is not thrown off by a modem that floods, lies or sends garbage', async () => {
    for (const answer of [
      'x'.repeat(20_000),
      '\x10\x03\x10!'.repeat(2000),
      'OK\r\n'.repeat(500),
      '131,"ULAW",'.repeat(900),
    ]) {
      const { clock } = simulatedLine();
      const found = await examineWith({
        clock,
        openPort: async (_path, _rate, listener) => ({
          write: () => void clock.after(1, () => listener.data(Buffer.from(`\r\n${answer}\r\nOK\r\n`, 'latin1'))),
          close: async () => {},
        }),
      });
      expect(JSON.stringify(found).length).toBeLessThan(100_000);
      expect(found.duplex).toBe('none');
    }
  });

  for (const modem of ['sim7600', 'ec25'] as const) {
    it(`knows the emulated ${modem} for a cellular module, and whether its network lets it in`, async () => {
      const clock = new VirtualClock();
      const listeners: ((bytes: Uint8Array) => void)[] = [];
      const port = (send: (bytes: Uint8Array) => void) => ({ send, backlog: 0, hold() {} });
      const later = (bytes: Uint8Array) => void clock.after(4, () => listeners.at(-1)?.(bytes));
      const module = new EmulatedCellular(
        { clock, port: port(later), soundPort: port(() => {}), onEvent() {}, onRestart() {} },
        { country: 'DE', modem },
      );
      const found = await examineWith({
        clock,
        openPort: async (_path, _rate, listener) => {
          listeners.push((bytes) => listener.data(bytes));
          return { write: (bytes) => module.receive(bytes), close: async () => {} };
        },
      });
      expect(found.profile).toMatchObject({ name: modem, kind: 'cellular' });
      expect(found.problems).toEqual([]);
      expect(found.signalDbm).toBe(-71);
      expect(found.answers.find(({ command }) => command === 'AT+CREG?')?.answer).toContain('+CREG:');
      module.close();
    });
  }

  it('leaves a line that the driver can take over at once', async () => {
    const simulated = simulatedLine({ modem: 'usr-5637' });
    await examineWith(simulated);
    const { clock, openPort } = simulated;
    const line = new ModemLine({ clock, log: silentLogger, openPort }, { name: 'l', path: 'm', country: 'US' });
    await clock.run(line.start());
    const call = await clock.run(line.dial('5551234', new AbortController().signal));
    await clock.run(call.hangUp());
    expect(line.status.state).toBe('idle');
  });
});

/** The same modem with its sound so many times fainter, in bits: 6 dB each. */
function attenuated({ openPort }: SimulatedLine, bits: number): SimulatedLine['openPort'] {
  return (path, rate, listener) =>
    openPort(path, rate, {
      closed: (reason) => listener.closed(reason),
      // Mu-law: a segment less is half the amplitude, so long as there are segments left.
      // Text is ASCII, and half of the sound is not.
      data: (bytes) =>
        listener.data(bytes.every((byte) => byte < 0x80) ? bytes : bytes.map((byte) => fainter(byte, bits))),
    });
}

function fainter(code: number, bits: number): number {
  const made = mulawOf(linearOf(code) / 2 ** bits);
  // A DLE would have to be doubled.
  return made === 0x10 ? 0x11 : made;
}

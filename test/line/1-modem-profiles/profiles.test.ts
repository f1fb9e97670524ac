import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import { checkProfile } from '#pstn/modem/profiles/check.ts';
import { chooseProfile } from '#pstn/modem/profiles/choose.ts';
import { loadProfiles, profileNamed } from '#pstn/modem/profiles/load.ts';
import type { VoiceProfile } from '#pstn/modem/profiles/schema.ts';
import { scriptedModem } from '../../pstn/scripted-modem.ts';
import { simulatedLine } from '../../pstn/simulated-line.ts';

const shipped = join('firmware-config', 'modems');

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copperring-modems-'));
});
afterEach(() => rm(folder, { recursive: true }));

function voice(name: string): VoiceProfile {
  const profile = profileNamed(builtInProfiles, name);
  if (profile.kind !== 'voice') throw new Error(`${name} is no voice modem`);
  return profile;
}

describe('the profiles that come with the program', () => {
  it('are the files of firmware-config/modems, each under its own name, with sources for what they know', async () => {
    const files = (await readdir(shipped)).map((file) => file.replace(/\.toml$/, '')).sort();
    expect(files).toEqual(builtInProfiles.map(({ name }) => name).sort());
    for (const profile of builtInProfiles) {
      expect(profile.known.length, profile.name).toBeGreaterThan(0);
      expect(checkProfile(parse(await readFile(join(shipped, `${profile.name}.toml`), 'utf8')))).toEqual({ profile });
    }
    expect(builtInProfiles.filter(({ fallback }) => fallback).map(({ name }) => name)).toEqual(['generic-v253']);
  });

  it('are chosen by what a modem says, the most specific first', () => {
    const name = (answers: Parameters<typeof chooseProfile>[1]) =>
      chooseProfile(builtInProfiles, answers)?.profile.name;
    expect(name({ ati: '56000', ati3: 'CX93010-V92' })).toBe('conexant-cx930xx');
    expect(name({ ati: '5601', ati3: 'U.S. Robotics 56K Voice' })).toBe('usr-5637');
    expect(name({ fmi: 'Rockwell', fmm: 'RC56D' })).toBe('rockwell');
    expect(name({ ati: 'Manufacturer: SIMCOM INCORPORATED\nModel: SIMCOM_SIM7600E-H' })).toBe('sim7600');
    expect(name({ ati: 'Quectel\nEC25\nRevision: EC25EFAR06A06M4G' })).toBe('ec25');
    expect(name({ ati: '14400' })).toBe('generic-v253');
    expect(name({})).toBe('generic-v253');
    // A clone that says both: what demands more text decides.
    expect(name({ ati3: 'CX930', fmi: 'U.S. Robotics' })).toBe('usr-5637');
  });

  it('are chosen by each of the questions alone', () => {
    const choice = (answers: Parameters<typeof chooseProfile>[1]) => {
      const { profile, why } = chooseProfile(builtInProfiles, answers) ?? {};
      return [profile?.name, why];
    };
    expect(choice({ ati: 'SIM7600E' })).toEqual(['sim7600', 'ATI answers "SIM7600"']);
    expect(choice({ ati3: 'RC56D/SP' })).toEqual(['rockwell', 'ATI3 answers "RC56"']);
    expect(choice({ fmi: 'U.S. Robotics' })).toEqual(['usr-5637', 'AT+FMI? answers "U.S. ROBOTICS"']);
    expect(choice({ fmm: 'Model 5637' })).toEqual(['usr-5637', 'AT+FMM? answers "5637"']);
    expect(choice({ fmm: 'SIMCOM_SIM7600E-H' })).toEqual(['sim7600', 'AT+FMM? answers "SIM7600"']);
    // Two chips of one maker: what they list as sound tells them apart, and nothing else does.
    const conexant = { fmi: 'CONEXANT SYSTEMS', fmm: 'V.92' };
    expect(choice({ ...conexant, vsm: '131,"ULAW",8,0,(8000),(0),(0)' })[0]).toBe('conexant-cx930xx');
    expect(choice({ ...conexant, vsm: '129,"IMA ADPCM",4,0,(8000),(0),(0)' })[0]).toBe('generic-v253');
  });

  it('are compared in bounded time, however much a modem says', () => {
    const flood = 'U.S. ROBOTIC'.repeat(2_000_000);
    const began = performance.now();
    expect(chooseProfile(builtInProfiles, { ati: flood, ati3: flood, fmi: flood })?.profile.name).toBe('generic-v253');
    expect(performance.now() - began).toBeLessThan(200);
  });
});

describe("a user's own profiles", () => {
  it('add to the others, take the place of one of the same name, and win among equals', async () => {
    await writeFile(
      join(folder, 'mine.toml'),
      'name = "acme"\ntitle = "Acme"\n[[match]]\nfmi = ["CONEXANT"]\nvsm = ["ULAW"]\n',
    );
    await writeFile(
      join(folder, 'usr.toml'),
      'name = "usr-5637"\ntitle = "Mine"\ninit = ["AT+FOO=1"]\n[[match]]\nfmi = ["U.S."]\n',
    );
    const profiles = await loadProfiles(folder);
    expect(profiles).toHaveLength(builtInProfiles.length + 1);
    expect(chooseProfile(profiles, { fmi: 'CONEXANT', vsm: '131,"ULAW"' })?.profile.name).toBe('acme');
    const line = simulatedLine({ modem: 'usr-5637' }, { profiles });
    await line.clock.run(line.line.start());
    expect(line.written()).toContain('AT+FOO=1\r');
    expect(line.line.traits?.profile).toBe('usr-5637');
  });

  it('are all checked at once: every fault with file, path and what to do', async () => {
    await writeFile(join(folder, 'a.toml'), 'name = "Big Name"\ntitle = "x"\ninit = ["ATD112", "hello"]\nfoo = 1\n');
    await writeFile(
      join(folder, 'b.toml'),
      '[duplex]\nmode = "maybe"\nexit = []\n[gain]\nreceive = { least = 0, most = 0, set = 9 }\n[[voice.methods]]\ncoding = "mp3"\n',
    );
    await writeFile(join(folder, 'c.toml'), 'this is no toml');
    await writeFile(join(folder, 'd.toml'), `name = "d"\ntitle = "d"\ninit = [${'"AT",'.repeat(33)}]\n[[match]]\n`);
    await writeFile(join(folder, 'readme.txt'), 'not looked at');
    const failure = await loadProfiles(folder).catch((thrown) => thrown);
    expect(failure.fault.code).toBe('invalid');
    const told = failure.fault.problems.map(
      ({ path, advice }: { path: string; advice: string }) => `${path}: ${advice}`,
    );
    expect(told).toEqual([
      'a.toml: name: give 1 to 32 small letters, digits and hyphens',
      'a.toml: init[0]: a profile must not dial or answer: give one command that does neither',
      'a.toml: init[1]: give one AT command of at most 64 characters',
      'a.toml: foo: there is no such setting; correct its name or remove it',
      'b.toml: name: give a text in quotes',
      'b.toml: title: give a text in quotes',
      'b.toml: voice.methods[0].coding: give one of mulaw, alaw, unsigned-8, signed-8, linear-16',
      'b.toml: duplex.mode: give one of full, half, try',
      'b.toml: duplex.exit: give at least 1',
      'b.toml: gain.receive: set lies between least and most',
      expect.stringContaining('c.toml: this cannot be read as TOML'),
      'd.toml: match[0]: name at least one answer and a text in it',
      'd.toml: init: give at most 32',
    ]);
    expect(failure.message).toContain('fault(s)');
  });

  it('are told apart from anything else without a throw, and with few words', () => {
    const like = fc.record(
      {
        name: fc.oneof(fc.string(), fc.constant('x')),
        title: fc.anything(),
        kind: fc.constantFrom('voice', 'cellular', 'x', 1),
        match: fc.array(fc.anything(), { maxLength: 40 }),
        init: fc.array(fc.string(), { maxLength: 200 }),
        country: fc.anything(),
        voice: fc.anything(),
        codes: fc.dictionary(fc.string(), fc.anything()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.anything(), like), (tree) => {
        const outcome = checkProfile(tree);
        if ('profile' in outcome) return outcome.profile.name.length > 0;
        return outcome.problems.length > 0 && outcome.problems.length <= 50;
      }),
      { numRuns: 300 },
    );
  });

  it('are refused when two have one name, when one is huge, and when the folder named is not there', async () => {
    for (const file of ['a.toml', 'b.toml']) await writeFile(join(folder, file), 'name = "same"\ntitle = "x"\n');
    await expect(loadProfiles(folder)).rejects.toMatchObject({ fault: { problems: [{ path: 'same' }] } });
    await rm(join(folder, 'b.toml'));
    await writeFile(join(folder, 'a.toml'), `# ${'x'.repeat(70_000)}\nname = "huge"\ntitle = "x"\n`);
    await expect(loadProfiles(folder)).rejects.toMatchObject({ fault: { code: 'invalid' } });
    await expect(loadProfiles(join(folder, 'nowhere'))).rejects.toMatchObject({ fault: { code: 'unreadable' } });
    expect(await loadProfiles(undefined)).toEqual(builtInProfiles);
    expect(() => profileNamed(builtInProfiles, 'nothing')).toThrow(/give one of .*conexant-cx930xx/);
  });
});

describe('a line', () => {
  it('takes the profile it is told, whatever the modem says', async () => {
    const simulated = simulatedLine({ modem: 'conexant-cx930xx' }, { profile: voice('generic-half-duplex') });
    await simulated.clock.run(simulated.line.start());
    expect(simulated.line.traits).toEqual({ profile: 'generic-half-duplex', duplex: 'half' });
    const call = await simulated.clock.run(simulated.line.dial('5551234', new AbortController().signal), 60_000);
    expect(simulated.written()).toContain('AT+VRX\r');
    expect(simulated.written()).not.toContain('AT+VTR\r');
    await simulated.clock.run(call.hangUp());
    expect(simulated.line.status.state).toBe('idle');
  });

  it('says of a cellular module that it is one, whether or not it takes voice class', async () => {
    for (const answer of ['ERROR', 'OK']) {
      const { clock, line } = scriptedModem({ ATI: 'Quectel\r\nEC25\r\nRevision: X\r\n\r\nOK', 'AT+FCLASS=8': answer });
      await clock.run(line.start());
      expect(line.status).toMatchObject({
        state: 'absent',
        reason: expect.stringContaining('cellular module (profile ec25)'),
      });
    }
  });

  it('sends what its country and its profile want, and nothing that another profile wants', async () => {
    const british = simulatedLine({ modem: 'usr-5637', country: 'GB' });
    await british.clock.run(british.line.start());
    expect(british.written()).toContain('AT+GCI=B4\rATS127=2\r');
    expect(british.written()).toContain('AT+VGT=128\rAT+VGR=128\r');
    const french = simulatedLine({ modem: 'conexant-cx930xx', country: 'FR' }, { silenceSeconds: 30 });
    await french.clock.run(french.line.start());
    expect(french.written()).not.toContain('S127');
    expect(french.written()).toContain('AT+VSD=128,300\r');
    expect(french.written()).toContain('AT+VGR=0\r');
  });

  it('does not ask again for caller ID where ATZ leaves it alone', async () => {
    const keeps = {
      ...voice('generic-v253'),
      caller_id: { ...voice('generic-v253').caller_id, cleared_by_reset: false },
    };
    const { clock, line, commands } = scriptedModem({ ATDT1: 'BUSY' }, { profile: keeps });
    await clock.run(line.start());
    await clock.run(line.dial('1', new AbortController().signal).catch(() => {}));
    expect(commands.filter((command) => command === 'AT+VCID=1')).toHaveLength(1);
    const forgets = scriptedModem({ ATDT1: 'BUSY' });
    await forgets.clock.run(forgets.line.start());
    await forgets.clock.run(forgets.line.dial('1', new AbortController().signal).catch(() => {}));
    expect(forgets.commands.filter((command) => command === 'AT+VCID=1')).toHaveLength(2);
  });

  it('believes only the reports that its profile trusts', async () => {
    const generic = voice('generic-v253');
    const doubted = { ...generic, codes: { ...generic.codes, trusted: generic.codes.trusted.replace('P', '') } };
    for (const [profile, told] of [
      [doubted, []],
      [generic, [{ type: 'telephone', by: 'extension', offHook: true }]],
    ] as const) {
      const { clock, line, emulated } = simulatedLine({}, { profile });
      await clock.run(line.start());
      const call = await clock.run(line.dial('5551234', new AbortController().signal));
      const events: unknown[] = [];
      call.onEvent((event) => events.push(event));
      emulated.exchange.telephone('extension', true);
      await clock.advance(1000);
      expect(events).toEqual(told);
      await clock.run(call.hangUp(), 10_000);
    }
  });

  it('finds out which code leaves full duplex, for keys and flash by +VTS too, and remembers it', async () => {
    const { clock, line, written, find, emulated } = simulatedLine({ modem: 'usr-5637' }, { dtmf: 'vts' });
    emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 500, sendHz: 600 });
    await clock.run(line.start());
    for (const took of [1000, 0]) {
      const call = await clock.run(line.dial('1', new AbortController().signal));
      const began = clock.now();
      await clock.run(call.sendDigits('159'));
      const spent = clock.now() - began;
      expect(spent).toBeGreaterThan(took);
      expect(spent).toBeLessThan(took + 1000);
      await clock.run(call.hangUp());
      expect(find('call-ended')?.digits).toBe('159');
    }
    expect(written().split('\x10^').length - 1).toBe(2);
  });

  it('hangs up at once from the second call on, when its modem takes the second code only', async () => {
    const { clock, line } = simulatedLine({ modem: 'usr-5637' });
    await clock.run(line.start());
    for (const least of [1000, 0]) {
      const call = await clock.run(line.dial('5551234', new AbortController().signal));
      const began = clock.now();
      await clock.run(call.hangUp());
      expect(clock.now() - began).toBeGreaterThan(least);
      expect(clock.now() - began).toBeLessThan(least + 500);
    }
  });

  it('takes two reports of a key for one or for two presses, as its profile says', async () => {
    for (const [name, presses] of [
      ['usr-5637', ['5', '5']],
      ['generic-v253', ['5']],
    ] as const) {
      const { clock, line, say, sound } = scriptedModem({ ATDT1: 'VCON' }, { profile: voice(name) });
      await clock.run(line.start());
      const call = await clock.run(line.dial('1', new AbortController().signal));
      const digits: string[] = [];
      call.onDigit((digit) => digits.push(digit));
      say('\x105');
      sound(560);
      say('\x105');
      expect(digits).toEqual(presses);
    }
  });

  it('uses 16 bits only where the profile and the link carry them', async () => {
    const table = { 'AT+VSM=?': '129,"16-BIT LINEAR",(8000)\r\n\r\nOK', ATI3: 'U.S. Robotics 56K\r\n\r\nOK' };
    const usb = scriptedModem(table);
    await usb.clock.run(usb.line.start());
    expect(usb.commands).toContain('AT+VSM=129,8000');
    const uart = scriptedModem(table, { path: '/dev/ttyUSB0', baudRate: 115_200 });
    await uart.clock.run(uart.line.start());
    expect(uart.line.status).toMatchObject({ state: 'absent', reason: expect.stringContaining('only: 16-BIT LINEAR') });
  });
});

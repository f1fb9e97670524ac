import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CountryCode } from '#platform/country-code.ts';
import { silentLogger } from '#platform/log.ts';
import { countries } from '#pstn/countries.ts';
import { capabilityOf } from '#pstn/doctor/capability.ts';
import { ModemLine } from '#pstn/modem/modem-line.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { examineWith } from './examine-with.ts';
import { parseTranscripts, replayModem, type Transcript } from './replay.ts';

const folder = join('test', 'line', '1-modem-profiles', 'transcripts');

function countryOf({ found }: Transcript): CountryCode {
  const code = String(found?.country);
  if (!(code in countries)) throw new Error(`no such country: ${code}`);
  return code as CountryCode;
}

/** As it stands in a file: without what is undefined. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

/** Every file in the folder is a case: an owner's transcript, put there, is one too. */
for (const file of readdirSync(folder)) {
  for (const transcript of parseTranscripts(readFileSync(join(folder, file), 'utf8'))) {
    describe(`the transcript ${file}`, () => {
      it('leads to the same profile and the same capability', async () => {
        const clock = new VirtualClock();
        const { openPort, faults } = replayModem(clock, transcript);
        const found = await examineWith({ clock, openPort }, { country: countryOf(transcript) });
        expect(faults).toEqual([]);
        expect(plain(capabilityOf(found))).toEqual(transcript.found);
      });

      it('gives the gateway a line that waits for calls, or a reason why not', async () => {
        const clock = new VirtualClock();
        const { openPort, faults } = replayModem(clock, transcript);
        const line = new ModemLine(
          { clock, log: silentLogger, openPort },
          { name: 'line', path: 'modem', country: countryOf(transcript) },
        );
        await clock.run(line.start());
        expect(faults).toEqual([]);
        if (transcript.found?.method === undefined) expect(line.status.state).toBe('absent');
        else {
          expect(line.status.state).toBe('idle');
          expect(line.traits?.profile).toBe(transcript.found.profile);
        }
      });
    });
  }
}

describe('a replay', () => {
  const [transcript] = parseTranscripts(readFileSync(join(folder, 'facts-cx93001-eis.jsonl'), 'utf8'));
  if (transcript === undefined) throw new Error('there is no transcript');

  it('tells of a command that the modem was never given', async () => {
    const clock = new VirtualClock();
    const { openPort, faults } = replayModem(clock, transcript);
    const odd = builtInProfiles.map((profile) =>
      profile.kind === 'voice' ? { ...profile, init: [...profile.init, 'AT+XYZ=1'] } : profile,
    );
    await examineWith({ clock, openPort }, { profiles: odd });
    expect(faults).toEqual(['command AT+XYZ=1']);
  });

  it('is not the same when the modem says something else', async () => {
    const clock = new VirtualClock();
    const entries = transcript.entries.map((entry) =>
      'from' in entry && entry.from.startsWith('131,') ? { ...entry, from: '131,"G.729",8,0,(8000),(0),(0)' } : entry,
    );
    const { openPort } = replayModem(clock, { ...transcript, entries });
    const found = await examineWith({ clock, openPort });
    expect(found.method).toEqual({ number: 132, coding: 'alaw' });
  });
});

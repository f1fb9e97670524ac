import { cadenced, ToneSequence } from '#media/tone-sequence.ts';
import type { CountryCode } from '#platform/country-code.ts';
import { countries } from '#pstn/countries.ts';

/** Asks for a PIN: two short high beeps, unlike any tone of an exchange. */
export function pinPrompt(): ToneSequence {
  const beep = { frequencies: [1000], ms: 120 };
  return new ToneSequence({ steps: [beep, { frequencies: [], ms: 120 }, beep], times: 1 });
}

/** Says no: one long low beep. */
export function refusalTone(): ToneSequence {
  return new ToneSequence({ steps: [{ frequencies: [300], ms: 800 }], times: 1 });
}

/** A tone as the exchanges of the line's country play it; `seconds` for one that comes to an end. */
export function networkTone(country: CountryCode, tone: 'dial' | 'ringback' | 'busy', seconds?: number): ToneSequence {
  const { frequencies, cadence, modulation } = countries[country][tone];
  if (seconds === undefined) return new ToneSequence({ steps: cadenced(frequencies, cadence, modulation) });
  const steps =
    cadence.length === 0 ? [{ frequencies, ms: seconds * 1000 }] : cadenced(frequencies, cadence, modulation);
  const length = steps.reduce((sum, { ms }) => sum + ms, 0);
  return new ToneSequence({ steps, times: Math.max(1, Math.round((seconds * 1000) / length)) });
}

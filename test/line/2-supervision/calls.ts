import { encodeMulaw } from '#media/g711.ts';
import type { EmulatedLineOptions } from '#pstn/emulator/emulated-line.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import type { LineCall, LineEvent } from '#pstn/line.ts';
import type { ModemLineOptions } from '#pstn/modem/modem-line.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import type { VoiceProfile } from '#pstn/modem/profiles/schema.ts';
import { type SimulatedLine, simulatedLine } from '../../pstn/simulated-line.ts';
import { seeded } from './sounds.ts';

const found = builtInProfiles.find(({ name }) => name === 'generic-v253');
if (found?.kind !== 'voice') throw new Error('there is no profile for any voice modem');
export const genericProfile: VoiceProfile = found;

/** Whatever the modem reports of the line, the driver does not take it: as with a modem that reports nothing. */
export const mute: Partial<ModemLineOptions> = {
  profile: { ...genericProfile, codes: { ...genericProfile.codes, trusted: '' } },
};

export interface Conversation extends SimulatedLine {
  readonly call: LineCall;
  readonly events: SimulatedLine['events'];
  readonly told: LineEvent[];
}

/** Syllables of noise, four a second, as loud as a voice: what no detector of tones may take for one. */
export function babble(seconds: number): Uint8Array {
  const random = seeded(seconds);
  const peak = 3000;
  let low = 0;
  return encodeMulaw(
    Int16Array.from({ length: seconds * 8000 }, (_, i) => {
      low += 0.4 * (2 * random() - 1 - low);
      return low * peak * 2 * Math.max(0, Math.sin((2 * Math.PI * 4 * i) / 8000));
    }),
  );
}

const talk = babble(30);

export async function started(
  emulator: Partial<EmulatedLineOptions> = {},
  modem: Partial<ModemLineOptions> = {},
): Promise<SimulatedLine> {
  const simulated = simulatedLine(emulator, modem);
  await simulated.clock.run(simulated.line.start());
  return simulated;
}

/** A call that came in and was answered, the far end talking. */
export async function conversation(
  emulator: Partial<EmulatedLineOptions> = {},
  modem: Partial<ModemLineOptions> = {},
  party: Partial<Party> = {},
): Promise<Conversation> {
  const simulated = await started(emulator, modem);
  const { clock, emulated, rings } = simulated;
  const caller: Party = { behaviour: 'answers', answerAfterMs: 0, sendSound: talk, ...party };
  emulated.exchange.ring({ callerId: { number: '5551234', name: 'A' }, party: caller });
  await clock.runUntil(() => rings.length > 0, 20_000);
  const ring = rings[0];
  if (ring === undefined) throw new Error('it does not ring');
  const call = await clock.run(ring.ring.answer());
  const told: LineEvent[] = [];
  call.onEvent((event) => told.push(event));
  return { ...simulated, call, told };
}

/** What a call ended for after `act`, and how long after it, ms. */
export async function endOf({ clock, call }: Conversation, act: () => void, withinMs = 10_000) {
  const since = clock.now();
  act();
  const why = await clock.run(call.ended, withinMs);
  return { why, after: clock.now() - since };
}

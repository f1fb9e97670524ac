import type { ModemProfile } from '#pstn/modem/profiles/schema.ts';

/** The questions whose answers tell modems apart. */
export type Probe = 'ati' | 'ati3' | 'fmi' | 'fmm' | 'vsm';
export type ProbeAnswers = Readonly<Partial<Record<Probe, string>>>;

export const probes: readonly { readonly probe: Probe; readonly command: string }[] = [
  { probe: 'ati', command: 'ATI' },
  { probe: 'ati3', command: 'ATI3' },
  { probe: 'fmi', command: 'AT+FMI?' },
  { probe: 'fmm', command: 'AT+FMM?' },
  { probe: 'vsm', command: 'AT+VSM=?' },
];

export interface ProfileChoice {
  readonly profile: ModemProfile;
  /** What decided, for people. */
  readonly why: string;
}

/** A modem's answer to one question goes no further into the comparison than this; so it is linear in what it says. */
export const MAX_ANSWER = 1000;

/**
 * The profile whose demands hold and are the most specific, that is the longest in all; among equals the one that stands later, as the
 * user's own do. Without any the one that says it is the fallback.
 */
export function chooseProfile(profiles: readonly ModemProfile[], answers: ProbeAnswers): ProfileChoice | undefined {
  const said = new Map<string, string>();
  for (const { probe } of probes) said.set(probe, (answers[probe] ?? '').slice(0, MAX_ANSWER).toUpperCase());
  let best: (ProfileChoice & { readonly weight: number }) | undefined;
  for (const profile of profiles) {
    for (const rule of profile.match) {
      const demands = Object.entries(rule).flatMap(([probe, texts = []]) => texts.map((text) => ({ probe, text })));
      if (!demands.every(({ probe, text }) => said.get(probe)?.includes(text.toUpperCase()))) continue;
      const weight = demands.reduce((sum, { text }) => sum + text.length, 0);
      if (best !== undefined && weight < best.weight) continue;
      const why = demands.map(({ probe, text }) => `${commandOf(probe)} answers "${text}"`).join(', ');
      best = { profile, why, weight };
    }
  }
  if (best !== undefined) return { profile: best.profile, why: best.why };
  const fallback = profiles.findLast((profile) => profile.fallback);
  return fallback && { profile: fallback, why: 'no other profile matches' };
}

function commandOf(probe: string): string {
  return probes.find((candidate) => candidate.probe === probe)?.command ?? probe;
}

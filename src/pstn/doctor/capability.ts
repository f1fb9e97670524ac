import type { Findings } from '#pstn/doctor/examine.ts';

/** What a modem turned out to be able to do, in a form that one examination can be held against another. */
export function capabilityOf(found: Findings): Readonly<Record<string, unknown>> {
  const { country, profile, method, duplex, refused, callerId, volts, hearing, trials, problems } = found;
  return {
    country,
    profile: profile?.name,
    method,
    duplex,
    refused,
    callerId,
    volts,
    tone: hearing?.tone,
    exits: trials.map(({ command, answer, exit }) => `${command} ${answer} ${exit?.code ?? 'none'}`),
    fatal: problems.filter(({ fatal }) => fatal).map(({ what }) => what),
  };
}

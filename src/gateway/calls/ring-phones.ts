import { ANSWERED_ELSEWHERE, decided, type Ending, phoneRefused, reasonOf } from '#gateway/call-end.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { CallerId } from '#pstn/line.ts';
import type { RouteTarget } from '#sip/adapter/call-router.ts';
import type { Call, CallEngine } from '#sip/ua/call-engine.ts';

export interface RingPhonesDeps {
  readonly engine: CallEngine;
  /** Where the phones of a user are, seen from here. */
  readonly locate: (aor: string, signal: AbortSignal) => Promise<readonly RouteTarget[]>;
  readonly log: Logger;
}

export interface PhonesToRing {
  readonly users: readonly string[];
  readonly callerId: CallerId;
  /** The domain of gateways: numbers asserted from it are believed. */
  readonly pstnDomain: string;
  /** Aborts when the ringing is over. */
  readonly signal: AbortSignal;
  /** Why it is over, for the CANCEL; asked after `signal` aborted. */
  readonly over: () => Ending;
}

/** What became of ringing: an answered call, or why there is none. */
export type Rung = { readonly phone: Call } | { readonly nobody: Ending };

/** Calls all phones of all users at once; the first answer wins and the others are cancelled. Never rejects. */
export async function ringPhones(deps: RingPhonesDeps, ringing: PhonesToRing): Promise<Rung> {
  const { users, signal } = ringing;
  const phones = (await Promise.all(users.map((aor) => locate(deps, aor, signal)))).flat();
  if (signal.aborted) return { nobody: ringing.over() };
  if (phones.length === 0) return { nobody: decided('phone: none is registered') };
  const won = new AbortController();
  const attempts = phones.map(async ({ aor, target }) => {
    const call = await invite(deps, ringing, { aor, target, won: won.signal });
    // Two phones may answer in the same moment: the later one is hung up.
    if (won.signal.aborted) {
      await call.hangUp(reasonOf(ANSWERED_ELSEWHERE));
      throw new Error('another phone answered');
    }
    won.abort(new Error('another phone answered'));
    return call;
  });
  try {
    return { phone: await Promise.any(attempts) };
  } catch (thrown) {
    if (signal.aborted) return { nobody: ringing.over() };
    return { nobody: mostTelling(thrown instanceof AggregateError ? thrown.errors : [thrown]) };
  }
}

/** Of several refusals a busy phone says most: it is there. */
function mostTelling(reasons: readonly unknown[]): Ending {
  const endings = reasons.map(phoneRefused);
  const [first = decided('phone: nobody answered')] = endings;
  return endings.find(({ outcome }) => outcome === 'busy') ?? first;
}

async function locate(deps: RingPhonesDeps, aor: string, signal: AbortSignal) {
  try {
    return (await deps.locate(aor, signal)).map((target) => ({ aor, target }));
  } catch (thrown) {
    deps.log.warn('user not located', { aor, reason: messageOf(thrown) });
    return [];
  }
}

async function invite(
  deps: RingPhonesDeps,
  { callerId, pstnDomain, signal, over }: PhonesToRing,
  { aor, target, won }: { readonly aor: string; readonly target: RouteTarget; readonly won: AbortSignal },
): Promise<Call> {
  const either = AbortSignal.any([signal, won]);
  try {
    return await deps.engine.call({
      target: await target.open(either),
      requestUri: target.requestUri,
      to: `sip:${aor}`,
      signal: either,
      cancelReason: () => reasonOf(won.aborted ? ANSWERED_ELSEWHERE : over()),
      ...callerFields(callerId, pstnDomain),
    });
  } catch (thrown) {
    deps.log.info('phone not reached', { aor, reason: messageOf(thrown) });
    // What else `open` throws is no answer of a phone.
    throw thrown instanceof Failure ? thrown : new Error(messageOf(thrown));
  }
}

/**
 * Who calls, as a phone shows it: the number, and the name the exchange told, else the number again. A withheld number is
 * told to nobody, not even to trusted proxies, since the exchange tells it to nobody either (RFC 3323 §4.1).
 */
function callerFields({ number, name, presentation }: CallerId, pstnDomain: string) {
  if (presentation === 'withheld') {
    return { from: 'sip:anonymous@anonymous.invalid', fromName: 'Anonymous', withheld: true };
  }
  const user = uriUser(number ?? '');
  if (number === undefined || user === '') {
    return { from: `sip:anonymous@${pstnDomain}`, fromName: name ?? 'Number unavailable' };
  }
  const from = `sip:${user}@${pstnDomain}`;
  return { from, fromName: name ?? number, assertedIdentity: from };
}

/** What the line told as a number, made safe for the user part of a URI. */
function uriUser(number: string): string {
  return number.replace(/[^0-9+*#A-D]/g, '').replaceAll('#', '%23');
}

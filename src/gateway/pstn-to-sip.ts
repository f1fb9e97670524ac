import { bridgeCalls } from '#gateway/call-bridge.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import type { LiveCall } from '#gateway/live-calls.ts';
import type { LineScenarioDeps } from '#gateway/sip-to-pstn.ts';
import { delay } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { CallerId, IncomingRing, LineCall } from '#pstn/line.ts';
import type { RouteTarget } from '#sip/adapter/call-router.ts';
import type { Call, CallEngine } from '#sip/ua/call-engine.ts';

export interface RingScenarioDeps extends LineScenarioDeps {
  /** The line that rings. */
  readonly desk: LineDesk;
  readonly engine: CallEngine;
  /** Where the phones of a user are, seen from here. */
  readonly locate: (aor: string, signal: AbortSignal) => Promise<readonly RouteTarget[]>;
}

export interface RingOptions {
  /** The users that ring. */
  readonly rings: readonly string[];
  readonly ringSeconds: number;
  /** The domain of gateways: numbers asserted from it are believed. */
  readonly pstnDomain: string;
  /** The line's own number. */
  readonly number: string | undefined;
}

/** The line rings: the users of this line ring too, and the first phone that answers takes the call. */
export async function pstnToSip(deps: RingScenarioDeps, ring: IncomingRing, options: RingOptions): Promise<void> {
  const { number, name } = ring.callerId;
  const caller = number ?? ring.callerId.presentation;
  const callee = options.rings.join(', ') || (options.number ?? deps.desk.line.name);
  const info = { direction: 'from-line', caller, callerName: name, callee, line: deps.desk.line.name } as const;
  await deps.calls.run(info, 'ringing', async (live) => {
    const end = await ringAndBridge(deps, live, { ring, options });
    const { startedAt, answeredAt } = live;
    const endedAt = deps.clock.now();
    const answered = answeredAt !== undefined;
    await deps.records.add({
      direction: 'from-line',
      line: deps.desk.line.name,
      caller,
      callerName: name,
      callee,
      startedAt,
      answeredAt,
      endedAt,
      outcome: answered ? 'answered' : 'missed',
      answer: answered ? 'real' : 'none',
      end,
      cause: answered ? 16 : 19,
    });
    live.tell(answeredAt === undefined ? 'missed' : 'ended', end);
  });
}

async function ringAndBridge(
  deps: RingScenarioDeps,
  live: LiveCall,
  { ring, options }: { readonly ring: IncomingRing; readonly options: RingOptions },
): Promise<string> {
  const timeout = new AbortController();
  const decided = new AbortController();
  const givenUp = AbortSignal.any([ring.abandoned, live.hangUp.signal, timeout.signal]);
  delay(deps.clock, options.ringSeconds * 1000, AbortSignal.any([givenUp, decided.signal])).then(
    () => timeout.abort(new Error('nobody answered')),
    // The ringing was over before.
    () => {},
  );
  let phone: Call;
  try {
    phone = await ringPhones(deps, { ring, options, signal: givenUp });
  } catch (thrown) {
    if (ring.abandoned.aborted) return 'line: caller gave up';
    return timeout.signal.aborted ? 'phone: nobody answered' : `phone: ${messageOf(thrown)}`;
  } finally {
    decided.abort();
  }
  let line: LineCall;
  try {
    line = await ring.answer();
  } catch (thrown) {
    await phone.hangUp('Q.850;cause=41');
    return `line: ${messageOf(thrown)}`;
  }
  live.tell('answered');
  return bridgeCalls(deps, live, { line, phone, limitMs: deps.desk.callLimitMs });
}

/** Calls all phones of all users at once; the first answer wins and the others are cancelled. Rejects when nobody answers. */
async function ringPhones(
  deps: RingScenarioDeps,
  {
    ring,
    options,
    signal,
  }: { readonly ring: IncomingRing; readonly options: RingOptions; readonly signal: AbortSignal },
): Promise<Call> {
  const located = await Promise.all(
    options.rings.map(async (aor) => {
      try {
        return (await deps.locate(aor, signal)).map((target) => ({ aor, target }));
      } catch (thrown) {
        deps.log.warn('user not located', { aor, reason: messageOf(thrown) });
        return [];
      }
    }),
  );
  const phones = located.flat();
  if (phones.length === 0) throw new Error('no phone of this line is registered');
  const won = new AbortController();
  const attempts = phones.map(async ({ aor, target }) => {
    const call = await invite(deps, {
      aor,
      target,
      callerId: ring.callerId,
      options,
      signal: AbortSignal.any([signal, won.signal]),
    });
    // Two phones may answer in the same moment: the later one is hung up.
    if (won.signal.aborted) {
      await call.hangUp();
      throw new Error('another phone answered');
    }
    won.abort(new Error('another phone answered'));
    return call;
  });
  try {
    return await Promise.any(attempts);
  } catch (thrown) {
    const [first] = thrown instanceof AggregateError ? thrown.errors : [thrown];
    throw first;
  }
}

interface Invitation {
  readonly aor: string;
  readonly target: RouteTarget;
  readonly callerId: CallerId;
  readonly options: RingOptions;
  readonly signal: AbortSignal;
}

async function invite(deps: RingScenarioDeps, invitation: Invitation): Promise<Call> {
  const { aor, target, callerId, options, signal } = invitation;
  const { number, name, presentation } = callerId;
  const from =
    number === undefined ? `sip:anonymous@${options.pstnDomain}` : `sip:${uriUser(number)}@${options.pstnDomain}`;
  try {
    return await deps.engine.call({
      target: await target.open(signal),
      requestUri: target.requestUri,
      from,
      to: `sip:${aor}`,
      signal,
      ...(name === undefined ? {} : { fromName: name }),
      ...(number === undefined ? {} : { assertedIdentity: from }),
      ...(presentation === 'withheld' ? { withheld: true } : {}),
    });
  } catch (thrown) {
    deps.log.info('phone not reached', { aor, reason: messageOf(thrown) });
    throw thrown;
  }
}

/** What the line told as a number, made safe for the user part of a URI. */
function uriUser(number: string): string {
  return number.replace(/[^0-9+*#A-D]/g, '').replaceAll('#', '%23') || 'unavailable';
}

import { decided, type Ending, endedByLine, lineFailed, refused } from '#gateway/call-end.ts';
import { askNumber } from '#gateway/calls/ask-number.ts';
import { askPin } from '#gateway/calls/ask-pin.ts';
import { dialLines } from '#gateway/calls/dial-lines.ts';
import { lineLeg } from '#gateway/calls/line-leg.ts';
import type { PinGate } from '#gateway/calls/pin-gate.ts';
import { networkTone } from '#gateway/calls/prompt-tones.ts';
import { type RingPhonesDeps, ringPhones } from '#gateway/calls/ring-phones.ts';
import { keepSecondLeg } from '#gateway/calls/second-leg.ts';
import { type DialledContext, readDialled } from '#gateway/dialled.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import type { LiveCall } from '#gateway/live-calls.ts';
import { calleeOf, type OutboundDeps, refusalOf } from '#gateway/sip-to-pstn.ts';
import { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import type { CallerId, LineCall } from '#pstn/line.ts';
import type { Call } from '#sip/ua/call-engine.ts';

export interface DialInDeps extends OutboundDeps, RingPhonesDeps {
  readonly desk: LineDesk;
  readonly context: DialledContext;
  readonly pins?: PinGate;
}

export interface DialIn {
  readonly line: LineCall;
  readonly callerId: CallerId;
}

/** Whom an outside caller reached, or why nobody; `no PIN` when there was not even a try. */
export type DialedIn = { readonly phone: Call } | { readonly ending: Ending } | 'no PIN';

const BUSY_SECONDS = 4;

/** An outside caller enters a PIN, then dials a user of the overlay or, where the owner allows it, a number over another line. */
export async function dialIn(deps: DialInDeps, live: LiveCall, caller: DialIn): Promise<DialedIn> {
  const { clock, log, pins, desk } = deps;
  const { signal } = live.hangUp;
  if (pins === undefined) return 'no PIN';
  const sound = SoundCall.onLine(caller.line);
  try {
    // Whoever withholds the number shares tries with all others that do.
    const who = caller.callerId.number ?? caller.callerId.presentation;
    const answer = await askPin({ clock, log, pins }, sound, { from: 'line', caller: `line ${who}` }, signal);
    if ('refused' in answer) {
      if (answer.refused === 'no PIN came') return 'no PIN';
      return { ending: refused(answer.refused, { status: 403, phrase: 'Forbidden' }) };
    }
    const digits = await askNumber(clock, sound, desk.config.country, signal);
    const reached =
      digits === undefined || answer.isPin(digits)
        ? { ending: decided('no number came') }
        : await reach(deps, live, { ...caller, identity: answer.identity, digits, sound });
    if ('ending' in reached) await sound.play(networkTone(desk.config.country, 'busy', BUSY_SECONDS));
    return reached;
  } finally {
    sound.release();
  }
}

interface Wanted extends DialIn {
  readonly identity: string;
  readonly digits: string;
  readonly sound: SoundCall;
}

/** Users first: by the digits as their name, then by the number; then another line. */
async function reach(deps: DialInDeps, live: LiveCall, wanted: Wanted): Promise<Exclude<DialedIn, 'no PIN'>> {
  const { context, desk } = deps;
  const { digits, sound } = wanted;
  const dialled = await readDialled(`tel:${digits}`, context);
  const names = dialled.kind === 'number' ? [digits, dialled.e164] : [digits];
  void sound.play(networkTone(desk.config.country, 'ringback'));
  let nobody = decided('no number came');
  for (const name of names) {
    const aor = `${name}@${context.overlay}`;
    const rung = await ringUser(deps, live, { ...wanted, aor });
    if ('phone' in rung) return rung;
    // Twenty: nobody of that name is registered.
    if (rung.nobody.cause !== 20) return { ending: rung.nobody };
    nobody = rung.nobody;
  }
  if (dialled.kind !== 'number' || !desk.config.dial_in_lines) return { ending: nobody };
  return overAnotherLine(deps, live, { ...wanted, dialled });
}

async function ringUser(deps: DialInDeps, live: LiveCall, { aor, callerId, sound }: Wanted & { readonly aor: string }) {
  live.redirect({ callee: aor });
  const timeout = new AbortController();
  const timer = deps.clock.after(deps.desk.config.ring_seconds * 1000, () =>
    timeout.abort(new Error('nobody answered')),
  );
  const signal = AbortSignal.any([sound.over, live.hangUp.signal, timeout.signal]);
  const over = () => decided(sound.over.aborted ? 'line: caller gave up' : 'phone: nobody answered');
  try {
    return await ringPhones(deps, { users: [aor], callerId, pstnDomain: deps.context.pstnDomain, signal, over });
  } finally {
    timer.cancel();
  }
}

async function overAnotherLine(
  deps: DialInDeps,
  live: LiveCall,
  { identity, dialled, sound }: Wanted & { readonly dialled: { readonly kind: 'number'; readonly e164: string } },
): Promise<Exclude<DialedIn, 'no PIN'>> {
  live.redirect({ callee: calleeOf(dialled) });
  const choice = deps.lines.choose({ caller: identity, dialled });
  if (choice.kind !== 'free')
    return { ending: choice.kind === 'emergency' ? decided('no number came') : refusalOf(choice) };
  const spending = deps.budgets.begin(identity, '', (why) => live.hangUp.abort(new Error(why)));
  const signal = AbortSignal.any([sound.over, live.hangUp.signal]);
  const dialling = { dialled, withheld: false, choice, spending, clearsLine: false };
  const leg = { startedAt: deps.clock.now(), caller: identity, callee: dialled.e164 };
  const second: { line: string | undefined } = { line: undefined };
  try {
    const { line } = await dialLines(deps, second, dialling, signal);
    const answeredAt = deps.clock.now();
    spending.answered();
    void line.ended.then((hangup) => {
      spending.ended();
      const answered = { line: second.line ?? '', answeredAt, answer: line.answer.kind };
      keepSecondLeg(deps, { ...leg, ...answered }, endedByLine(hangup));
    });
    return { phone: lineLeg(line, dialled.e164, deps.log) };
  } catch (thrown) {
    spending.ended();
    const ending = lineFailed(thrown);
    keepSecondLeg(deps, { ...leg, line: second.line ?? '', answeredAt: undefined, answer: 'none' }, ending);
    return { ending };
  }
}

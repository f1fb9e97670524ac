import type { LineConfig } from '#config/line.ts';
import { decided, type Ending, endedByLine, endedByPhone, reasonOf, stopped } from '#gateway/call-end.ts';
import type { LiveCall } from '#gateway/live-calls.ts';
import { VoicePath } from '#media/voice-path.ts';
import { type Clock, delay } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { LineCall, LineEvent } from '#pstn/line.ts';
import type { Call } from '#sip/ua/call-engine.ts';

export interface BridgeDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface BridgedEnds {
  readonly line: LineCall;
  readonly phone: Call;
  readonly limitMs: number;
  /** What the owner wants of telephones and fax machines on the line, and of its sound. */
  readonly policy: Pick<LineConfig, 'handset' | 'fax' | 'echo_canceller' | 'automatic_gain'>;
}

/** Fax machines make themselves heard at once (ITU-T T.30 §4.1); such a tone later on is something else. */
const FAX_MS = 30_000;

/**
 * Joins the line and the phone until the first of them hangs up, the time is over, a telephone takes over, a fax machine is heard
 * or the call is told to end; then ends both. Resolves with the cause once both are over. Never rejects.
 */
export async function bridgeCalls(deps: BridgeDeps, live: LiveCall, ends: BridgedEnds): Promise<Ending> {
  const { line, phone, limitMs } = ends;
  const digits = passDigits(deps, live, ends);
  passFlash(deps, live, ends);
  const over = new AbortController();
  const joinedAt = deps.clock.now();
  const noticed = new Promise<Ending>((resolve) => {
    line.onEvent((event) => {
      if (over.signal.aborted) return;
      if (event.type === 'fax' && deps.clock.now() - joinedAt > FAX_MS) return;
      const ending = notice(live, event, ends.policy);
      if (ending !== undefined) resolve(ending);
    });
  });
  const { echo_canceller: cancelEcho, automatic_gain: automaticGain } = ends.policy;
  const voice = new VoicePath(phone.media, { cancelEcho, automaticGain });
  line.connect((heard, spare) => voice.exchange(heard, spare));
  const ending = await Promise.race([
    line.ended.then(endedByLine),
    phone.ended.then(endedByPhone),
    timeLimit(deps.clock, limitMs, over.signal),
    told(live.hangUp.signal),
    noticed,
  ]);
  over.abort();
  const sound = { ...phone.media.statistics, ...line.statistics, ...voice.statistics };
  deps.log.info('call over', { call: live.id, digitsNotSent: digits.notSent, ...sound });
  await Promise.all([line.hangUp(), phone.hangUp(reasonOf(ending))].map((hangUp) => hangUp.catch(() => {})));
  await line.ended;
  return wasCall(ending, live) ? { ...ending, outcome: 'answered' } : ending;
}

/** The call was up, whatever ended it; but no answer that was only inferred stands against the exchange's word that there is no such number. */
function wasCall({ end, outcome }: Ending, live: LiveCall): boolean {
  return outcome !== 'fax' && !(live.answerKind === 'inferred' && end === endedByLine('special-information').end);
}

function passDigits(deps: BridgeDeps, live: LiveCall, { line, phone }: BridgedEnds): { notSent: number } {
  const count = { notSent: 0 };
  phone.media.onDigit((digit) => {
    live.digit('phone', digit);
    line.sendDigits(digit).catch((thrown) => {
      // A phone can press keys without end: it must not fill the log too.
      if (++count.notSent === 1) deps.log.warn('digit not sent', { call: live.id, reason: messageOf(thrown) });
    });
  });
  line.onDigit((digit) => {
    live.digit('line', digit);
    phone.media.sendDigits(digit);
  });
  return count;
}

/** One flash at a time: a phone that repeats its event, or sends it twice over, means one. */
function passFlash(deps: BridgeDeps, live: LiveCall, { line, phone }: BridgedEnds): void {
  let flashing = false;
  let failures = 0;
  phone.onFlash(async () => {
    if (flashing) return;
    flashing = true;
    try {
      await line.flash();
      live.flash(true);
    } catch (thrown) {
      // As with digits: pressed again and again it must not fill the log.
      if (++failures === 1) deps.log.warn('no hook flash', { call: live.id, reason: messageOf(thrown) });
      live.flash(false);
    } finally {
      flashing = false;
    }
  });
}

/** Tells of what happens on the line; an ending when the call is over by it. */
function notice(live: LiveCall, event: LineEvent, { handset, fax }: BridgedEnds['policy']): Ending | undefined {
  switch (event.type) {
    case 'call-waiting':
      live.callWaiting(event.callerId);
      return undefined;
    case 'fax':
      return fax === 'end' ? decided('line: fax') : undefined;
    case 'telephone':
      if (handset === 'ignore') return undefined;
      live.telephone(event.by, event.offHook);
      return handset === 'take-over' && event.offHook ? decided('line: a telephone took over') : undefined;
  }
}

async function timeLimit(clock: Clock, ms: number, signal: AbortSignal): Promise<Ending> {
  // Rejects only after the race is over.
  await delay(clock, ms, signal).catch(() => {});
  return decided('time limit');
}

function told(signal: AbortSignal): Promise<Ending> {
  return new Promise((resolve) => {
    const tell = () => resolve(stopped(signal.reason));
    if (signal.aborted) tell();
    else signal.addEventListener('abort', tell, { once: true });
  });
}

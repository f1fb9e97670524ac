import type { LiveCall } from '#gateway/live-calls.ts';
import { createSampleExchange } from '#media/bridge.ts';
import { type Clock, delay } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { LineCall } from '#pstn/line.ts';
import type { Call } from '#sip/ua/call-engine.ts';

export interface BridgeDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** Ends of a call, by who or what caused them. */
export type BridgeEnd = `line: ${string}` | `phone: ${string}` | 'time limit' | `stopped: ${string}`;

/** Normal call clearing (ITU-T Q.850), as Reason header value (RFC 3326). */
const CLEARED = 'Q.850;cause=16';

/**
 * Joins the line and the phone until the first of them hangs up, the time is over or the call is told to end; then ends both.
 * Resolves with the cause once both are over. Never rejects.
 */
export async function bridgeCalls(
  deps: BridgeDeps,
  live: LiveCall,
  ends: { readonly line: LineCall; readonly phone: Call; readonly limitMs: number },
): Promise<BridgeEnd> {
  const { line, phone, limitMs } = ends;
  let digitsNotSent = 0;
  phone.media.onDigit((digit) => {
    live.digit('phone', digit);
    line.sendDigits(digit).catch((thrown) => {
      // A phone can press keys without end: it must not fill the log too.
      if (++digitsNotSent === 1) deps.log.warn('digit not sent', { call: live.id, reason: messageOf(thrown) });
    });
  });
  line.onDigit((digit) => {
    live.digit('line', digit);
    phone.media.sendDigits(digit);
  });
  line.connect(createSampleExchange(phone.media));
  const over = new AbortController();
  const end = await Promise.race([
    line.ended.then((cause): BridgeEnd => `line: ${cause}`),
    phone.ended.then(({ by, reason }): BridgeEnd => `phone: ${by === 'remote' ? 'hung up' : reason}`),
    timeLimit(deps.clock, limitMs, over.signal),
    told(live.hangUp.signal),
  ]);
  over.abort();
  const { media } = phone;
  deps.log.info('call over', { call: live.id, end, digitsNotSent, ...media.statistics, ...line.statistics });
  await Promise.all([line.hangUp(), phone.hangUp(CLEARED)].map((hangUp) => hangUp.catch(() => {})));
  await line.ended;
  return end;
}

async function timeLimit(clock: Clock, ms: number, signal: AbortSignal): Promise<BridgeEnd> {
  // Rejects only after the race is over.
  await delay(clock, ms, signal).catch(() => {});
  return 'time limit';
}

function told(signal: AbortSignal): Promise<BridgeEnd> {
  return new Promise((resolve) => {
    const tell = () => resolve(`stopped: ${messageOf(signal.reason)}`);
    if (signal.aborted) tell();
    else signal.addEventListener('abort', tell, { once: true });
  });
}

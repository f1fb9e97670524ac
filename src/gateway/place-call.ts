import type { DialledContext } from '#gateway/dialled.ts';
import { PacedSound, Recorder } from '#media/paced.ts';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { type Clock, delay } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { CallRouter, RouteTarget } from '#sip/adapter/call-router.ts';
import type { Call, CallEngine, SipTarget } from '#sip/ua/call-engine.ts';

export interface PlaceCallDeps {
  readonly engine: CallEngine;
  readonly router: CallRouter;
  /** Reaches phones registered here, and the own line. */
  readonly ownProxy: () => SipTarget;
  readonly clock: Clock;
  readonly context: DialledContext;
  /** The certificate's user name. */
  readonly ownName: string;
}

export interface PlaceCallOptions {
  /** A number (`+...`) or `user@domain`. */
  readonly to: string;
  readonly seconds: number;
  /** Hz of the tone to send. */
  readonly tone: number;
  /** Digits to press one second into the call. */
  readonly digits: string;
}

export interface PlacedCall {
  readonly answered: true;
  readonly setupMs: number;
  readonly seconds: number;
  readonly heardHz: number | undefined;
  readonly digits: string;
  readonly end: string;
}

/** Of longer calls the beginning is measured. */
const RECORDED_SECONDS = 30;

/** Calls as this node's own user, plays a tone, listens, and hangs up: `copperring call`. */
export async function placeCall(
  deps: PlaceCallDeps,
  options: PlaceCallOptions,
  signal: AbortSignal,
): Promise<PlacedCall> {
  const { clock } = deps;
  const startedAt = clock.now();
  const call = await connect(deps, options.to, signal);
  const answeredAt = clock.now();
  let digits = '';
  call.media.onDigit((digit) => {
    digits += digit;
  });
  const sink = new Recorder(Math.min(options.seconds, RECORDED_SECONDS));
  const sound = new PacedSound(clock, call.media, { source: new ToneGenerator([options.tone]), sink });
  sound.start();
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const presses = delay(clock, 1000, either).then(() => options.digits && call.media.sendDigits(options.digits));
  presses.catch(() => {});
  const end = await Promise.race([
    call.ended.then(({ by, reason }) => `${by}: ${reason}`),
    delay(clock, options.seconds * 1000, either).then(
      () => 'local: time over',
      () => 'local: stopped',
    ),
  ]);
  over.abort();
  sound.stop();
  await call.hangUp();
  return {
    answered: true,
    setupMs: answeredAt - startedAt,
    seconds: (clock.now() - answeredAt) / 1000,
    heardHz: dominantFrequencyOfMulaw(sink.sound)?.frequency,
    digits,
    end,
  };
}

async function connect(deps: PlaceCallDeps, to: string, signal: AbortSignal): Promise<Call> {
  const { router, ownProxy, context, ownName, engine } = deps;
  const requestUri = to.includes('@') ? `sip:${to}` : `sip:${to}@${context.pstnDomain};user=phone`;
  const answer = await router.route({ method: 'INVITE', requestUri, caller: ownName, fromOverlay: false }, signal);
  if (answer.kind === 'reject') {
    throw new Failure(
      { code: 'no-route', status: answer.status },
      `${to} cannot be called: ${answer.status} ${answer.phrase}`,
    );
  }
  const here: RouteTarget = { requestUri, open: async () => ownProxy() };
  const targets = answer.kind === 'targets' ? answer.targets : [here];
  let reason: unknown = new Failure({ code: 'no-route' }, `${to} cannot be called`);
  for (const target of targets) {
    try {
      const reached = await target.open(signal);
      return await engine.call({
        target: reached,
        requestUri: target.requestUri,
        from: `sip:${ownName}`,
        to: target.requestUri,
        signal,
      });
    } catch (thrown) {
      signal.throwIfAborted();
      reason = thrown;
      if (!isWorthAnotherTarget(thrown)) break;
    }
  }
  throw new Failure({ code: 'no-answer' }, `${to} did not answer: ${messageOf(reason)}`, reason);
}

function isWorthAnotherTarget(thrown: unknown): boolean {
  if (!(thrown instanceof Failure)) return false;
  const { status }: { readonly status?: unknown } = thrown.fault;
  return typeof status !== 'number' || status === 408 || (status >= 500 && status < 600);
}

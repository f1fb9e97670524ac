import { duplexPair } from 'node:stream';
import { openRtpSession } from '#media/rtp-session.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { SipStack, type SipStackDeps, type SipStackOptions } from '#sip/sip-stack.ts';
import type { IncomingCall, SipStream } from '#sip/ua/call-engine.ts';

export const logger = silentLogger;

/** Short base values, so that failures show quickly on real sockets. */
export const QUICK_TIMERS = { t1: 100, t2: 400, t4: 200, d: 1000, trying: 50 };

export function createMedia({ address }: { readonly address: string }) {
  return openRtpSession({ clock: systemClock, random: systemRandom, logger }, { address });
}

/** A stack with real sockets and real media on loopback. */
export function stack(options: Partial<SipStackOptions> = {}, deps: Partial<SipStackDeps> = {}): SipStack {
  return new SipStack(
    { clock: systemClock, random: systemRandom, log: logger, createMedia, ...deps },
    { transport: { overlayDomain: 'home.example' }, ...options },
  );
}

/** Resolves with the first incoming call. */
export function nextCall(target: SipStack): Promise<IncomingCall> {
  return new Promise((resolve) => target.engine.onIncoming(resolve));
}

/** Two ends of one overlay connection: what `a` is given to reach b, and the other way round. */
export function streamPair(
  a: { name: string; node: string },
  b: { name: string; node: string },
): [SipStream, SipStream] {
  const [left, right] = duplexPair();
  return [
    { duplex: left, peerName: b.name, peerNode: b.node },
    { duplex: right, peerName: a.name, peerNode: a.node },
  ];
}

/** Rejects after `ms`, so that a test that waits for an event fails instead of hanging. */
export async function within<T>(promise: Promise<T>, ms = 5000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

import type { Clock, Timer } from '#platform/clock.ts';
import type { SipResponse } from '#sip/message/message.ts';
import type { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import type { TimerValues } from '#sip/transaction/timers.ts';

/** Sends the 2xx to an INVITE again until its ACK comes (RFC 3261 §13.3.1.4), on every transport: hops ahead may be UDP. */
export class RepeatedAnswer {
  /** CSeq of the INVITE; its ACK has the same. */
  readonly sequence: number;
  readonly #timers: Timer[] = [];
  #done = false;

  constructor(
    deps: { readonly clock: Clock; readonly timers: TimerValues; readonly transaction: ServerTransaction },
    options: { readonly response: SipResponse; readonly expired: () => void },
  ) {
    const { clock, timers, transaction } = deps;
    this.sequence = transaction.request.cseq.number;
    transaction.respond(options.response);
    const repeat = (interval: number) => {
      this.#timers[0] = clock.after(interval, () => {
        transaction.respond(options.response);
        repeat(Math.min(2 * interval, timers.t2));
      });
    };
    repeat(timers.t1);
    this.#timers[1] = clock.after(64 * timers.t1, () => {
      this.stop();
      options.expired();
    });
  }

  get isDone(): boolean {
    return this.#done;
  }

  stop(): void {
    this.#done = true;
    for (const timer of this.#timers) timer.cancel();
  }
}

import type { Clock, Timer } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { SendOutcome } from '#reload/forwarding/forwarder.ts';
import type { Answer, ExchangeFault, Request } from '#reload/messaging/exchange.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** RFC 6940 §6.2.1: the request and at most four retransmissions. */
const TRANSMISSIONS = 5;

export interface TransactionPort {
  /** Sends the same bytes as every time; `wayOut` is the linked node they left by. */
  transmit(): { readonly outcome: SendOutcome; readonly wayOut: NodeId | undefined };
  /** Answers the request here: responsibility for its destination came to this node while it waited. */
  answerHere(): Promise<Answer>;
  /** overlay-reliability-timer of the configuration in force, in milliseconds. */
  interval(): number;
  ended(): void;
}

/** One request of this node until its answer, its failure or its cancellation (RFC 6940 §6.2.1). */
export class Transaction {
  readonly request: Request;
  readonly #clock: Clock;
  readonly #port: TransactionPort;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #onAbort: () => void;
  #deadline = 0;
  #transmissions = 0;
  #timer: Timer | undefined;
  #over = false;
  #hint: Failure<ExchangeFault> | undefined;
  #wayOut: NodeId | undefined;

  constructor(
    request: Request,
    deps: { readonly clock: Clock; readonly port: TransactionPort },
    settle: { readonly resolve: (answer: Answer) => void; readonly reject: (reason: unknown) => void },
  ) {
    this.request = request;
    this.#clock = deps.clock;
    this.#port = deps.port;
    this.#resolve = settle.resolve;
    this.#reject = settle.reject;
    this.#onAbort = () => this.fail(this.request.signal?.reason);
  }

  start(): void {
    this.request.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#deadline = this.#clock.now() + (this.request.timeoutMs ?? TRANSMISSIONS * this.#port.interval());
    this.#transmit();
  }

  answered(answer: Answer): void {
    if (this.#end()) this.#resolve(answer);
  }

  fail(reason: unknown): void {
    if (this.#end()) this.#reject(reason);
  }

  /** A node on the way refused the message. The target may still answer another copy; if not, this is the likely cause. */
  hint(failure: Failure<ExchangeFault>): void {
    this.#hint = failure;
  }

  /**
   * The link to `node` broke or stopped answering. A request that left by it goes out again at once another way, before its timer says so;
   * one that was bound to that link fails when the link is gone.
   */
  linkFailed(node: NodeId, isGone: boolean): void {
    if (this.#over || this.#wayOut !== node || this.#transmissions >= TRANSMISSIONS) return;
    if (this.request.firstHop === undefined) {
      this.#timer?.cancel();
      this.#transmit();
    } else if (isGone) {
      this.fail(unreachable());
    }
  }

  #transmit(): void {
    this.#transmissions++;
    const { outcome, wayOut } = this.#port.transmit();
    if (this.#over) return;
    this.#wayOut = wayOut;
    const isFirst = this.#transmissions === 1;
    if (outcome === 'too-large') {
      const length = this.request.body.length;
      this.fail(
        new Failure<ExchangeFault>({ code: 'too-large', length }, 'the request is larger than max-message-size'),
      );
    } else if (outcome === 'local' && this.request.firstHop === undefined) {
      this.#port.answerHere().then(
        (answer) => this.answered(answer),
        (reason) => this.fail(reason),
      );
    } else if (outcome !== 'sent' && (isFirst || this.request.firstHop !== undefined)) {
      this.fail(unreachable());
    } else {
      // A way that is lost while the ring heals may be found again.
      const left = this.#deadline - this.#clock.now();
      const wait = this.#transmissions < TRANSMISSIONS ? Math.min(this.#port.interval(), left) : left;
      this.#timer = this.#clock.after(Math.max(0, wait), () => this.#timeout());
    }
  }

  #timeout(): void {
    if (this.#transmissions < TRANSMISSIONS && this.#clock.now() < this.#deadline) this.#transmit();
    else
      this.fail(
        new Failure<ExchangeFault>({ code: 'timeout' }, 'no answer came within the request lifetime', this.#hint),
      );
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#timer?.cancel();
    this.request.signal?.removeEventListener('abort', this.#onAbort);
    this.#port.ended();
    return true;
  }
}

function unreachable(): Failure<ExchangeFault> {
  return new Failure<ExchangeFault>({ code: 'unreachable' }, 'no link leads towards the destination');
}

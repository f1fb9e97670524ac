import { silence } from '#media/g711.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type {
  AnswerSupervision,
  CallerId,
  DialFault,
  IncomingRing,
  Line,
  LineCall,
  LineEvent,
  LineHangup,
  LineObserver,
  LineStatus,
  RingEnd,
  SampleExchange,
} from '#pstn/line.ts';

const KNOWN: CallerId = { number: '+4930123456', name: 'Erika', presentation: 'available' };

/** Samples of 20 ms. */
const PIECE = 160;
const KEPT = 500;

/** A call of which the test is the far end: what happens on the line happens when the test says so. */
export class FakeLineCall implements LineCall {
  readonly answer: AnswerSupervision;
  readonly ended: Promise<LineHangup>;
  readonly statistics = { bytesHeard: 0, bytesPlayed: 0, underruns: 0, overruns: 0, givenBackMs: 0 };
  /** Digits that were sent to the line. */
  sent = '';
  flashes = 0;
  canFlash = true;
  isOver = false;
  #exchange: SampleExchange = (heard) => new Uint8Array(heard.length).fill(0xff);
  readonly #digits: ((digit: string) => void)[] = [];
  readonly #events: ((event: LineEvent) => void)[] = [];
  readonly #over: () => void;
  /** What the line was played, 20 ms each, the latest seconds of it. */
  readonly played: Uint8Array[] = [];
  #resolve: (hangup: LineHangup) => void = () => {};

  constructor(clock: Clock, answer: AnswerSupervision, over: () => void) {
    this.answer = answer;
    this.#over = over;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const tick = () => {
      if (this.isOver) return;
      this.hear(silence(PIECE));
      clock.after(20, tick);
    };
    clock.after(20, tick);
  }

  connect(exchange: SampleExchange): void {
    this.#exchange = exchange;
  }

  onDigit(listener: (digit: string) => void): void {
    this.#digits.push(listener);
  }

  onEvent(listener: (event: LineEvent) => void): void {
    this.#events.push(listener);
  }

  async sendDigits(digits: string): Promise<void> {
    this.sent += digits;
  }

  async flash(): Promise<void> {
    if (!this.canFlash) throw new Failure<DialFault>({ code: 'modem', detail: 'none' }, 'it gives no hook flash');
    this.flashes++;
  }

  async hangUp(): Promise<void> {
    this.end('local');
  }

  end(hangup: LineHangup): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#over();
    this.#resolve(hangup);
  }

  press(digits: string): void {
    for (const digit of digits) for (const listener of this.#digits) listener(digit);
  }

  happen(event: LineEvent): void {
    for (const listener of this.#events) listener(event);
  }

  /** The line brings sound; gives what it is played meanwhile. */
  hear(sound: Uint8Array): Uint8Array {
    const played = this.#exchange(sound, 0).slice();
    this.played.push(played);
    if (this.played.length > KEPT) this.played.shift();
    return played;
  }
}

interface Dialling {
  readonly digits: string;
  answer(supervision?: AnswerSupervision): FakeLineCall;
  fail(fault: DialFault): void;
}

interface Ringing {
  readonly answered: Promise<FakeLineCall>;
  stop(end: RingEnd): void;
}

export class FakeLine implements Line {
  readonly name: string;
  readonly #clock: Clock;
  readonly traits = undefined;
  status: LineStatus = { state: 'idle', modem: 'fake' };
  /** Why rings cannot be answered. */
  answerFault: DialFault | undefined;
  /** What was dialled, and how the test lets it go on. */
  readonly diallings: Dialling[] = [];
  readonly #observers: LineObserver[] = [];

  constructor(name: string, clock: Clock) {
    this.#clock = clock;
    this.name = name;
  }

  observe(observer: LineObserver): void {
    this.#observers.push(observer);
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  dial(digits: string, signal: AbortSignal): Promise<LineCall> {
    if (signal.aborted) return Promise.reject(new Failure<DialFault>({ code: 'aborted' }, 'aborted'));
    this.status = { state: 'dialling', modem: 'fake' };
    return new Promise((resolve, reject) => {
      const aborted = () => fail({ code: 'aborted' });
      const fail = (fault: DialFault) => {
        signal.removeEventListener('abort', aborted);
        this.#idle();
        reject(new Failure<DialFault>(fault, fault.code));
      };
      signal.addEventListener('abort', aborted, { once: true });
      this.diallings.push({
        digits,
        fail,
        answer: (supervision = { kind: 'inferred', by: 'ringback-gone' }) => {
          // From now on it is a call, which its owner hangs up.
          signal.removeEventListener('abort', aborted);
          const call = this.#call(supervision);
          resolve(call);
          return call;
        },
      });
    });
  }

  /** The line rings, and goes on until the test or the gateway ends it. */
  ring(callerId: CallerId = KNOWN): Ringing {
    const abandoned = new AbortController();
    this.status = { state: 'ringing', modem: 'fake' };
    let answered: (call: FakeLineCall) => void = () => {};
    const promise = new Promise<FakeLineCall>((resolve) => {
      answered = resolve;
    });
    const ring: IncomingRing = {
      callerId,
      abandoned: abandoned.signal,
      answer: async () => {
        if (this.answerFault) throw new Failure<DialFault>(this.answerFault, 'not answered');
        if (abandoned.signal.aborted) throw new Failure<DialFault>({ code: 'aborted' }, 'the caller gave up');
        const call = this.#call({ kind: 'real', by: 'own-answer' });
        answered(call);
        return call;
      },
    };
    for (const observer of this.#observers) observer.ring(ring);
    return {
      answered: promise,
      stop: (end) => {
        this.#idle();
        abandoned.abort(end);
      },
    };
  }

  #call(supervision: AnswerSupervision): FakeLineCall {
    this.status = { state: 'busy', modem: 'fake' };
    return new FakeLineCall(this.#clock, supervision, () => this.#idle());
  }

  #idle(): void {
    this.status = { state: 'idle', modem: 'fake' };
  }
}

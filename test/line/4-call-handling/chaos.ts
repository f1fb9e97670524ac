import { PinGate } from '#gateway/calls/pin-gate.ts';
import { hashPin } from '#gateway/calls/pin-hash.ts';
import type { Verdict } from '#gateway/screening/screening.ts';
import { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import { delay } from '#platform/clock.ts';
import { systemRandom } from '#platform/random.ts';
import type { CallerId, LineCall, LineHangup } from '#pstn/line.ts';
import type { Call, IncomingCall } from '#sip/ua/call-engine.ts';
import type { SeededRandom } from '../../simulation/seeded-random.ts';
import type { FakeLine, FakeLineCall } from './fake-line.ts';
import { TestGateway, type TestPhone } from './test-gateway.ts';

const ALICE = 'alice@home.example';
const BOB = '4711@home.example';
const MALLORY = 'mallory@home.example';
const PIN = '271828';
const hash = await hashPin(PIN, systemRandom);

const CALLERS: readonly CallerId[] = [
  { number: '+4930123456', name: 'Erika', presentation: 'available' },
  { number: '+4930777777', name: undefined, presentation: 'available' },
  { number: undefined, name: undefined, presentation: 'withheld' },
  { number: undefined, name: undefined, presentation: 'unavailable' },
];
const DIALLED = ['+4930555', '+4930555', '900', '112', '+33155555', '+4930100', '+49'];
const TYPED = [PIN, '#', '*', '1', '000000#', '030555#', '4711#', '112#', 'A', '0'];
const HANGUPS: readonly LineHangup[] = ['busy-tone', 'loop-drop', 'modem-lost', 'far-end', 'special-information'];
const VERDICTS: readonly Verdict['action'][] = ['ring', 'ring', 'ring', 'challenge', 'voice-mail', 'hang-up', 'ignore'];

/** A gateway with everything on, and people who do what they like, when they like. The same seed does the same. */
export class Chaos {
  readonly gw: TestGateway;
  readonly #random: SeededRandom;
  readonly #phones: readonly TestPhone[];
  readonly #rings = new Map<FakeLine, ReturnType<FakeLine['ring']>>();
  readonly #lineCalls: FakeLineCall[] = [];
  readonly #calls: Call[] = [];
  readonly #attempts: AbortController[] = [];
  readonly #offered = new Map<TestPhone, number>();

  constructor(random: SeededRandom) {
    this.#random = random;
    const late: { gw?: TestGateway } = {};
    const clockOf = () => late.gw!.clock;
    const pins = new (class extends PinGate {
      override check(...tried: Parameters<PinGate['check']>) {
        // Hashing takes real time.
        return clockOf().hold(super.check(...tried));
      }
    })({ now: () => clockOf().now(), after: (ms, fire) => clockOf().after(ms, fire) }, [
      { name: 'family', hash, from: ['line', 'members'] },
    ]);
    this.gw = new TestGateway(
      {
        line: [
          {
            ...{ name: 'home', device: 'a', rings: [ALICE, BOB], ring_seconds: 5, last_resort: '+4917012345678' },
            access_number: '900',
          },
          {
            ...{ name: 'office', device: 'b', rings: [ALICE], ring_seconds: 5, dial_in: 'unanswered', two_stage: true },
            ...{ dial_in_lines: true, number: '+4930100' },
          },
          { name: 'door', device: 'c', rings: [BOB], ring_seconds: 6, dial_in: 'at-once', handset: 'take-over' },
        ],
        pins: [{ name: 'family', hash, from: ['line', 'members'] }],
        dial_plan: {
          allow: [{ callers: [ALICE, BOB, 'pin:family'], prefixes: ['+49'] }],
          ...{ emergency: true, minutes_per_call: 2, minutes_per_day: 3, calls_per_hour: 12, calls_at_once: 2 },
        },
      },
      {
        pins,
        screening: {
          judge: () => ({ action: this.#pick(VERDICTS), why: 'chance' }),
          challenge: (call, _, signal) => this.#challenge(call, signal),
        },
        voiceMail: {
          serves: (user) => user === ALICE,
          answerAfterSeconds: 3,
          take: async (call, _, signal) => {
            await this.#listen(call, signal, 8000);
            return { left: false, why: 'nothing was said' };
          },
        },
      },
    );
    late.gw = this.gw;
    this.#phones = [ALICE, BOB, MALLORY].map((user) => this.gw.phone(user));
  }

  /** Somebody does something, and time passes. */
  async step(): Promise<void> {
    this.#look();
    this.#pick([
      () => this.#ring(),
      () => this.#stopRing(),
      () => this.#pick(this.#lineCalls)?.end(this.#pick(HANGUPS)),
      () => this.#pick(this.#lineCalls)?.press(this.#pick(TYPED)),
      () => this.#pick(this.#lineCalls)?.press(`${PIN}#`),
      () => this.#happen(),
      () => this.#settleDialling(),
      () => this.#settleDialling(),
      () => this.#call(),
      () => this.#pick(this.#attempts)?.abort(new Error('cancelled')),
      () => this.#answerPhone(),
      () => this.#answerPhone(),
      () => void this.#pick(this.#calls)?.hangUp(),
      () => this.#pick(this.gw.medias)?.press(this.#pick(TYPED)),
      () => this.#pick(this.gw.medias)?.pressFlash(),
      () => this.#pick(this.gw.calls.list)?.hangUp.abort(new Error('told to')),
    ])();
    // At the same moment, in the same second, or later.
    await this.gw.clock.advance(this.#pick([0, 0, 1, 20, 200, 1000, 3000, 6000]));
  }

  /** Everybody goes home; resolves once no call is left. */
  async end(): Promise<void> {
    for (let i = 0; i < 60 && (i === 0 || this.gw.calls.list.length > 0); i++) {
      this.#look();
      for (const line of [...this.#rings.keys()]) this.#stop(line);
      for (const call of this.#lineCalls) call.end('far-end');
      for (const attempt of this.#attempts) attempt.abort(new Error('cancelled'));
      for (const line of this.gw.lines) line.diallings.at(-1)?.fail({ code: 'no-answer' });
      for (const call of this.#calls) void call.hangUp();
      await this.gw.clock.advance(5000);
    }
  }

  #look(): void {
    for (const line of this.#rings.keys()) if (line.status.state !== 'ringing') this.#rings.delete(line);
  }

  #ring(): void {
    const line = this.#pick(this.gw.lines);
    if (line.status.state !== 'idle') return;
    const ringing = line.ring(this.#pick(CALLERS));
    this.#rings.set(line, ringing);
    void ringing.answered.then((call) => this.#lineCalls.push(call));
  }

  #stopRing(): void {
    const line = this.#pick([...this.#rings.keys()]);
    if (line) this.#stop(line);
  }

  #stop(line: FakeLine): void {
    const ringing = this.#rings.get(line);
    this.#rings.delete(line);
    if (line.status.state === 'ringing')
      ringing?.stop(this.#pick(['caller-gave-up', 'answered-elsewhere', 'modem-lost']));
  }

  #happen(): void {
    this.#pick(this.#lineCalls)?.happen(
      this.#pick([
        { type: 'fax', tone: 'calling' },
        { type: 'telephone', by: 'extension', offHook: true },
        { type: 'call-waiting', callerId: CALLERS[2] },
      ] as const),
    );
  }

  #settleDialling(): void {
    const line = this.#pick(this.gw.lines.filter(({ status }) => status.state === 'dialling'));
    const dialling = line?.diallings.at(-1);
    if (dialling === undefined) return;
    if (this.#random.unit() < 0.7) this.#lineCalls.push(dialling.answer());
    else dialling.fail(this.#pick([{ code: 'busy' }, { code: 'glare' }, { code: 'modem', detail: 'dead' }] as const));
  }

  #call(): void {
    const attempt = new AbortController();
    this.#attempts.push(attempt);
    this.#pick(this.#phones)
      .call(this.#pick(DIALLED), { signal: attempt.signal })
      .then(
        (call) => this.#calls.push(call),
        () => {},
      );
  }

  #answerPhone(): void {
    const phone = this.#pick(this.#phones);
    const next = this.#offered.get(phone) ?? 0;
    const call: IncomingCall | undefined = phone.incoming[next];
    if (call === undefined) return;
    this.#offered.set(phone, next + 1);
    if (this.#random.unit() < 0.3) call.reject(486, 'Busy Here');
    else
      call.answer().then(
        (answered) => this.#calls.push(answered),
        () => {},
      );
  }

  async #challenge(call: LineCall, signal: AbortSignal): Promise<boolean> {
    await this.#listen(call, signal, 2000);
    return this.#random.unit() < 0.5;
  }

  async #listen(call: LineCall, signal: AbortSignal, ms: number): Promise<void> {
    const sound = SoundCall.onLine(call);
    await delay(this.gw.clock, ms, AbortSignal.any([sound.over, signal])).catch(() => {});
    sound.release();
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random.unit() * from.length)]!;
  }
}

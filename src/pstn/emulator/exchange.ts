import { DtmfDetector } from '#media/dtmf.ts';
import { silence } from '#media/g711.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import { type CountryCode, countries, type LineCountry } from '#pstn/countries.ts';
import { Ear, type HearingReport } from '#pstn/emulator/ear.ts';
import type { Loop, LoopListener } from '#pstn/emulator/loop.ts';
import { type HangUpHow, NumberPlan, type Party, type RingCallerId } from '#pstn/emulator/number-plan.ts';
import {
  KeyedSource,
  networkTone,
  recording,
  type SoundSource,
  silentSource,
  steadyTone,
} from '#pstn/emulator/sound-source.ts';

export type ExchangeEvent =
  | { readonly event: 'off-hook' }
  | { readonly event: 'on-hook' }
  /** The first digit was heard. */
  | { readonly event: 'dialling' }
  | { readonly event: 'dialled'; readonly number: string }
  | { readonly event: 'ringing' }
  /** The caller gave up, or `ringFor` was over. */
  | { readonly event: 'ring-ended' }
  | { readonly event: 'answered'; readonly direction: 'from-line' | 'to-line'; readonly afterMs: number }
  | { readonly event: 'digit'; readonly digit: string }
  | { readonly event: 'hung-up'; readonly how: HangUpHow }
  | ({ readonly event: 'call-ended' } & CallReport);

/** A call as the exchange saw it. */
export interface CallReport extends HearingReport {
  readonly direction: 'from-line' | 'to-line';
  readonly number: string | null;
  readonly sentHz: number | null;
  /** Since the answer. */
  readonly durationMs: number;
  readonly endedBy: 'line' | 'exchange' | null;
}

export interface RingOptions {
  readonly callerId?: RingCallerId;
  /** What the caller does once answered. */
  readonly party: Party;
  /** The caller gives up after so long; for ever when not given. */
  readonly ringForMs?: number;
}

/** Silence after a digit that ends the number, in samples. */
const END_OF_NUMBER = 8000;
const LOOP_DROP_MS = 800;
const ID_BEFORE_RING_MS = 300;
const ID_AFTER_RING_MS = 500;
const MAX_NUMBER = 32;
/** What a caller plays that rings back. */
const CALLBACK_HZ = 587;

interface Call {
  readonly party: Party;
  readonly direction: 'from-line' | 'to-line';
  readonly number: string | null;
  readonly source: KeyedSource;
  readonly ear: Ear;
  samples: number;
  endedBy: 'line' | 'exchange' | null;
}

type State =
  | { readonly name: 'idle' }
  | { readonly name: 'ringing'; readonly ring: RingOptions; readonly since: number }
  | { readonly name: 'collecting'; digits: string; quiet: number; readonly tone: SoundSource }
  | {
      readonly name: 'calling';
      readonly number: string;
      readonly party: Party;
      left: number;
      readonly tone: SoundSource;
    }
  | { readonly name: 'connected'; readonly call: Call }
  /** Nothing more will come of it: tone until the line is on hook. */
  | { readonly name: 'released'; readonly tone: SoundSource };

/** A small telephone exchange with one subscriber line. What the line says reaches it as sound only, dialling included. */
export class Exchange implements Loop {
  readonly #clock: Clock;
  readonly #country: LineCountry;
  readonly #onEvent: (event: ExchangeEvent) => void;
  readonly #plan = new NumberPlan();
  readonly #dialReceiver: DtmfDetector;
  readonly #timers = new Set<Timer>();
  #listener: LoopListener | undefined;
  #offHook = false;
  #state: State = { name: 'idle' };
  #last: Call | undefined;
  #callBack: Party['callBack'];
  #recordNext = false;

  constructor(deps: { readonly clock: Clock; readonly onEvent: (event: ExchangeEvent) => void }, country: CountryCode) {
    this.#clock = deps.clock;
    this.#onEvent = deps.onEvent;
    this.#country = countries[country];
    this.#dialReceiver = new DtmfDetector((digit) => this.#dialled(digit));
  }

  listen(listener: LoopListener): void {
    this.#listener = listener;
  }

  plan(number: string, party: Party): void {
    this.#plan.set(number, party);
  }

  /** No more timers of its own. */
  close(): void {
    this.#cancelTimers();
  }

  /** Rings the line; false when it is in use. */
  ring(options: RingOptions): boolean {
    if (this.#offHook || this.#state.name !== 'idle') return false;
    this.#state = { name: 'ringing', ring: options, since: this.#clock.now() };
    this.#onEvent({ event: 'ringing' });
    const before = this.#country.callerId === 'before-ring' && options.callerId !== undefined;
    if (before) this.#sendCallerId(options.callerId);
    this.#after(before ? ID_BEFORE_RING_MS : 0, () => this.#burst(0));
    if (options.ringForMs !== undefined) this.#after(options.ringForMs, () => this.giveUp());
    return true;
  }

  /** The caller of a ring hangs up before the answer. */
  giveUp(): void {
    if (this.#state.name !== 'ringing') return;
    this.#cancelTimers();
    this.#state = { name: 'idle' };
    this.#listener?.ring(false);
    this.#onEvent({ event: 'ring-ended' });
  }

  /** The far end of the call in progress hangs up. */
  hangUp(how: HangUpHow): boolean {
    const state = this.#state;
    if (state.name !== 'connected') return false;
    this.#cancelTimers();
    this.#onEvent({ event: 'hung-up', how });
    this.#endCall(state.call, 'exchange');
    const tone = networkTone(how === 'busy-tone' ? this.#country.busy : this.#country.dial);
    this.#state = { name: 'released', tone };
    if (how === 'loop-drop') {
      this.#listener?.current(false);
      this.#after(LOOP_DROP_MS, () => this.#listener?.current(true));
    }
    return true;
  }

  /** The far end presses keys. */
  sendDigits(digits: string): boolean {
    if (this.#state.name !== 'connected') return false;
    this.#state.call.source.press(digits);
    return true;
  }

  /** Keeps the sound of the call in progress, or else of the next one. */
  record(): void {
    if (this.#state.name === 'connected') this.#state.call.ear.record();
    else this.#recordNext = true;
  }

  /** What was kept of the call in progress or the last one, mu-law. */
  get recorded(): Uint8Array {
    return this.#callNowOrLast()?.ear.recorded ?? new Uint8Array(0);
  }

  /** The call in progress, or else the last one. */
  report(): CallReport | undefined {
    const call = this.#callNowOrLast();
    return call && reportOf(call);
  }

  seize(): void {
    if (this.#offHook) return;
    this.#offHook = true;
    this.#onEvent({ event: 'off-hook' });
    const state = this.#state;
    if (state.name === 'ringing') {
      this.#cancelTimers();
      this.#listener?.ring(false);
      this.#connect(state.ring.party, 'to-line', state.ring.callerId?.number ?? null, this.#clock.now() - state.since);
    } else this.#state = { name: 'collecting', digits: '', quiet: 0, tone: networkTone(this.#country.dial) };
  }

  release(): void {
    if (!this.#offHook) return;
    this.#offHook = false;
    this.#cancelTimers();
    if (this.#state.name === 'connected') this.#endCall(this.#state.call, 'line');
    this.#state = { name: 'idle' };
    this.#onEvent({ event: 'on-hook' });
    const callBack = this.#callBack;
    this.#callBack = undefined;
    if (!callBack) return;
    const party: Party = { behaviour: 'answers', answerAfterMs: 0, sendHz: CALLBACK_HZ };
    this.#after(callBack.afterMs, () => this.ring({ callerId: callBack.callerId, party }));
  }

  transfer(sent: Uint8Array): Uint8Array {
    const state = this.#state;
    switch (state.name) {
      case 'collecting':
        return this.#collect(state, sent);
      case 'calling':
        return this.#progress(state, sent.length);
      case 'connected':
        return this.#converse(state.call, sent);
      case 'released':
        return state.tone.next(sent.length);
      default:
        return silence(sent.length);
    }
  }

  #collect(state: Extract<State, { name: 'collecting' }>, sent: Uint8Array): Uint8Array {
    this.#dialReceiver.push(sent);
    if (this.#state !== state) return silence(sent.length);
    if (state.digits === '') return state.tone.next(sent.length);
    state.quiet += sent.length;
    if (state.quiet >= END_OF_NUMBER) this.#route(state.digits);
    return silence(sent.length);
  }

  #dialled(digit: string): void {
    const state = this.#state;
    if (state.name !== 'collecting') return;
    if (digit === '#' && state.digits !== '') {
      this.#route(state.digits);
      return;
    }
    if (state.digits === '') this.#onEvent({ event: 'dialling' });
    state.digits += digit;
    state.quiet = 0;
    if (state.digits.length >= MAX_NUMBER || this.#plan.isWhole(state.digits)) this.#route(state.digits);
  }

  #route(number: string): void {
    this.#onEvent({ event: 'dialled', number });
    const party = this.#plan.find(number);
    if (party.behaviour === 'busy') this.#state = { name: 'released', tone: networkTone(this.#country.busy) };
    else {
      const left = party.behaviour === 'answers' ? party.answerAfterMs * 8 : Number.POSITIVE_INFINITY;
      const tone = party.behaviour === 'silent' ? silentSource : networkTone(this.#country.ringback);
      this.#state = { name: 'calling', number, party, left, tone };
    }
  }

  #progress(state: Extract<State, { name: 'calling' }>, count: number): Uint8Array {
    state.left -= count;
    const sound = state.tone.next(count);
    if (state.left <= 0) {
      this.#connect(state.party, 'from-line', state.number, state.party.answerAfterMs);
      if (state.party.reversal) this.#listener?.reversed();
    }
    return sound;
  }

  #converse(call: Call, sent: Uint8Array): Uint8Array {
    call.samples += sent.length;
    call.ear.push(sent);
    return call.source.next(sent.length);
  }

  #connect(party: Party, direction: Call['direction'], number: string | null, afterMs: number): void {
    const ear = new Ear((digit) => this.#onEvent({ event: 'digit', digit }));
    if (this.#recordNext) ear.record();
    this.#recordNext = false;
    const source = new KeyedSource(soundOf(party));
    const call: Call = { party, direction, number, source, ear, samples: 0, endedBy: null };
    this.#last = call;
    this.#state = { name: 'connected', call };
    this.#onEvent({ event: 'answered', direction, afterMs });
    const { sendDigits, hangUpAfterMs, hangUpHow = 'busy-tone' } = party;
    if (sendDigits) this.#after(sendDigits.afterMs, () => source.press(sendDigits.digits));
    if (hangUpAfterMs !== undefined) this.#after(hangUpAfterMs, () => this.hangUp(hangUpHow));
  }

  #endCall(call: Call, endedBy: 'line' | 'exchange'): void {
    call.endedBy = endedBy;
    if (call.direction === 'from-line') this.#callBack = call.party.callBack;
    this.#onEvent({ event: 'call-ended', ...reportOf(call) });
  }

  #callNowOrLast(): Call | undefined {
    return this.#state.name === 'connected' ? this.#state.call : this.#last;
  }

  /** One burst of ringing current and the pause behind it. */
  #burst(index: number): void {
    const cadence = this.#country.ringing;
    this.#listener?.ring(true);
    this.#after(cadence[index % cadence.length] ?? 0, () => {
      this.#listener?.ring(false);
      const first = index === 0 && this.#country.callerId === 'after-ring';
      if (first && this.#state.name === 'ringing') {
        const { callerId } = this.#state.ring;
        this.#after(ID_AFTER_RING_MS, () => this.#sendCallerId(callerId));
      }
      this.#after(cadence[(index + 1) % cadence.length] ?? 0, () =>
        this.#burst((index + 2) % cadence.length || cadence.length),
      );
    });
  }

  #sendCallerId(callerId: RingCallerId | undefined): void {
    if (callerId === undefined) return;
    const time = new Date(this.#clock.now());
    const two = (value: number) => String(value).padStart(2, '0');
    this.#listener?.callerId({
      date: two(time.getUTCMonth() + 1) + two(time.getUTCDate()),
      time: two(time.getUTCHours()) + two(time.getUTCMinutes()),
      ...callerId,
    });
  }

  #after(ms: number, act: () => void): void {
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      act();
    });
    this.#timers.add(timer);
  }

  #cancelTimers(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}

function soundOf(party: Party): SoundSource {
  if (party.sendSound) return recording(party.sendSound);
  return party.sendHz === undefined ? silentSource : steadyTone([party.sendHz]);
}

function reportOf(call: Call): CallReport {
  return {
    ...call.ear.report(),
    direction: call.direction,
    number: call.number,
    sentHz: call.party.sendHz ?? null,
    durationMs: Math.round(call.samples / 8),
    endedBy: call.endedBy,
  };
}

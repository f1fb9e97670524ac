import { DtmfDetector } from '#media/dtmf.ts';
import { silence } from '#media/g711.ts';
import type { Clock } from '#platform/clock.ts';
import type { CountryCode } from '#platform/country-code.ts';
import type { LineCountry } from '#pstn/countries/country.ts';
import { countries } from '#pstn/countries.ts';
import { type CallDirection, type CallReport, ConnectedCall } from '#pstn/emulator/connected-call.ts';
import type { Loop, LoopListener } from '#pstn/emulator/loop.ts';
import { type HangUpHow, NumberPlan, type Party, type RingCallerId } from '#pstn/emulator/number-plan.ts';
import { PairSound } from '#pstn/emulator/pair-sound.ts';
import { Ringer } from '#pstn/emulator/ringer.ts';
import { SecondCall } from '#pstn/emulator/second-call.ts';
import { networkTone, type SoundSource, silentSource, specialTone, waitingTone } from '#pstn/emulator/sound-source.ts';
import { TimerSet } from '#pstn/emulator/timer-set.ts';
import type { Telephone } from '#pstn/line.ts';

export type ExchangeEvent =
  | { readonly event: 'off-hook' }
  | { readonly event: 'on-hook' }
  /** The first digit was heard. */
  | { readonly event: 'dialling' }
  | { readonly event: 'dialled'; readonly number: string }
  | { readonly event: 'ringing' }
  /** The caller gave up, or `ringFor` was over. */
  | { readonly event: 'ring-ended' }
  | { readonly event: 'answered'; readonly direction: CallDirection; readonly afterMs: number }
  | { readonly event: 'digit'; readonly digit: string }
  | { readonly event: 'flash' }
  | { readonly event: 'hung-up'; readonly how: HangUpHow }
  | ({ readonly event: 'call-ended' } & CallReport);

export interface RingOptions {
  readonly callerId?: RingCallerId;
  /** What the caller does once answered. */
  readonly party: Party;
  /** The caller gives up after so long; for ever when not given. */
  readonly ringForMs?: number;
}

/** What a test can do with the far side of a line, whatever kind of line it is. */
export type FarSide = Pick<
  Exchange,
  | 'plan'
  | 'ring'
  | 'giveUp'
  | 'hangUp'
  | 'sendDigits'
  | 'callWaiting'
  | 'record'
  | 'recorded'
  | 'report'
  | 'telephone'
  | 'cut'
  | 'close'
>;

/** Silence after a digit that ends the number, in samples. */
const END_OF_NUMBER = 8000;
const LOOP_DROP_MS = 800;
const MAX_NUMBER = 32;
/** What a caller plays that rings back. */
const CALLBACK_HZ = 587;

const clearings = {
  busy: 'busy-tone',
  congestion: 'congestion-tone',
  'loop-drop': 'loop-drop',
} as const satisfies Record<LineCountry['clearing'], HangUpHow>;

/** What is heard of numbers that can't be reached. */
const refusals: Partial<Record<Party['behaviour'], HangUpHow>> = {
  busy: 'busy-tone',
  congestion: 'congestion-tone',
  unobtainable: 'special-information',
};

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
  | { readonly name: 'connected'; readonly call: ConnectedCall }
  /** Nothing more will come of it: tone until the line is on hook. */
  | { readonly name: 'released'; readonly tone: SoundSource };

/** A small telephone exchange with one subscriber line. What the line says reaches it as sound only, dialling included. */
export class Exchange implements Loop {
  readonly #clock: Clock;
  readonly #country: LineCountry;
  readonly #onEvent: (event: ExchangeEvent) => void;
  readonly #plan = new NumberPlan();
  readonly #dialReceiver: DtmfDetector;
  readonly #timers: TimerSet;
  readonly #ringer: Ringer;
  #listener: LoopListener | undefined;
  #offHook = false;
  #state: State = { name: 'idle' };
  #last: ConnectedCall | undefined;
  readonly #onPair: PairSound;
  #callBack: Party['callBack'];
  #recordNext = false;
  #extension = false;
  #isCut = false;
  readonly #second = new SecondCall();

  constructor(deps: { readonly clock: Clock; readonly onEvent: (event: ExchangeEvent) => void }, country: CountryCode) {
    this.#clock = deps.clock;
    this.#onEvent = deps.onEvent;
    this.#country = countries[country];
    this.#timers = new TimerSet(deps.clock);
    this.#onPair = new PairSound(deps.clock);
    const play = (sound: Uint8Array) => this.#onPair.play(sound);
    this.#ringer = new Ringer({ clock: deps.clock, timers: this.#timers, play }, this.#country);
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
    this.#timers.cancel();
  }

  /** A telephone beside the modem is lifted or put down. One on the pair takes a ringing call away from the modem. */
  telephone(by: Telephone, offHook: boolean): void {
    if (by === 'extension') {
      this.#extension = offHook;
      if (offHook && this.#state.name === 'ringing') this.giveUp();
    }
    this.#listener?.telephone(by, offHook);
  }

  /** The pair is cut, or joined again. */
  cut(isCut: boolean): void {
    this.#isCut = isCut;
    if (!isCut) return;
    this.giveUp();
    if (this.#state.name === 'connected') this.#endCall(this.#state.call, 'exchange');
    this.#endHeld('exchange');
    if (this.#offHook) this.#state = { name: 'released', tone: silentSource };
    this.#listener?.current(false);
  }

  get isInUse(): boolean {
    return this.#extension;
  }

  get isPresent(): boolean {
    return !this.#isCut;
  }

  /** Rings the line; false when it is in use. */
  ring(options: RingOptions): boolean {
    if (this.#offHook || this.#extension || this.#isCut || this.#state.name !== 'idle') return false;
    this.#state = { name: 'ringing', ring: options, since: this.#clock.now() };
    this.#onEvent({ event: 'ringing' });
    if (this.#listener) this.#ringer.start(this.#listener, options.callerId);
    if (options.ringForMs !== undefined) this.#timers.after(options.ringForMs, () => this.giveUp());
    return true;
  }

  /** The caller of a ring hangs up before the answer. */
  giveUp(): void {
    if (this.#state.name !== 'ringing') return;
    this.#timers.cancel();
    this.#state = { name: 'idle' };
    this.#listener?.ring(false);
    this.#onEvent({ event: 'ring-ended' });
  }

  /** The far end of the call in progress hangs up. */
  hangUp(asked: HangUpHow): boolean {
    const how = asked === 'national' ? clearings[this.#country.clearing] : asked;
    const state = this.#state;
    if (state.name !== 'connected') return false;
    this.#onEvent({ event: 'hung-up', how });
    this.#endCall(state.call, 'exchange');
    this.#state = { name: 'released', tone: this.#toneAfter(how) };
    if (how === 'polarity-reversal') this.#listener?.reversed();
    if (how === 'loop-drop') {
      this.#listener?.current(false);
      this.#timers.after(LOOP_DROP_MS, () => this.#listener?.current(true));
    }
    return true;
  }

  /** A second caller waits, and is heard after a flash: false when there is no call, two already, or no such tone in the country. */
  callWaiting(party: Party = { behaviour: 'answers', answerAfterMs: 0 }): boolean {
    const { callWaiting } = this.#country;
    if (this.#state.name !== 'connected' || callWaiting === undefined) return false;
    if (!this.#second.wait(party, waitingTone(callWaiting))) return false;
    this.#listener?.callWaiting();
    return true;
  }

  /** The far end presses keys. */
  sendDigits(digits: string): boolean {
    if (this.#state.name !== 'connected') return false;
    this.#state.call.press(digits);
    return true;
  }

  /** Keeps the sound of the call in progress, or else of the next one. */
  record(): void {
    if (this.#state.name === 'connected') this.#state.call.record();
    else this.#recordNext = true;
  }

  /** What was kept of the call in progress or the last one, mu-law. */
  get recorded(): Uint8Array {
    return this.#callNowOrLast()?.recorded ?? new Uint8Array(0);
  }

  /** The call in progress, or else the last one. */
  report(): CallReport | undefined {
    return this.#callNowOrLast()?.report;
  }

  seize(): void {
    if (this.#offHook) return;
    this.#offHook = true;
    this.#onEvent({ event: 'off-hook' });
    const state = this.#state;
    if (state.name === 'ringing') {
      this.#timers.cancel();
      this.#listener?.ring(false);
      this.#connect(state.ring.party, 'to-line', state.ring.callerId?.number ?? null, this.#clock.now() - state.since);
    } else this.#state = { name: 'collecting', digits: '', quiet: 0, tone: networkTone(this.#country.dial) };
  }

  release(): void {
    if (!this.#offHook) return;
    this.#offHook = false;
    this.#timers.cancel();
    if (this.#state.name === 'connected') this.#endCall(this.#state.call, 'line');
    this.#endHeld('line');
    this.#state = { name: 'idle' };
    this.#onEvent({ event: 'on-hook' });
    const callBack = this.#callBack;
    this.#callBack = undefined;
    if (!callBack) return;
    const party: Party = { behaviour: 'answers', answerAfterMs: 0, sendHz: CALLBACK_HZ };
    this.#timers.after(callBack.afterMs, () => this.ring({ callerId: callBack.callerId, party }));
  }

  overhear(count: number): Uint8Array {
    return this.#onPair.next(count);
  }

  /** Toggles between a call and the second one, also when the far end of the first is gone. */
  flash(): void {
    if (!this.#offHook) return;
    this.#onEvent({ event: 'flash' });
    const state = this.#state;
    if (state.name !== 'connected' && state.name !== 'released') return;
    const active = state.name === 'connected' ? state.call : undefined;
    const call = this.#second.swap(active, (party) => this.#connect(party, 'to-line', null, 0));
    if (call) this.#state = { name: 'connected', call };
  }

  transfer(sent: Uint8Array): Uint8Array {
    const state = this.#state;
    if (this.#isCut) return silence(sent.length);
    switch (state.name) {
      case 'collecting':
        return this.#collect(state, sent);
      case 'calling':
        return this.#progress(state, sent.length);
      case 'connected':
        return this.#second.over(state.call.transfer(sent));
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
    const refusal = refusals[party.behaviour];
    if (refusal !== undefined) this.#state = { name: 'released', tone: this.#toneAfter(refusal) };
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

  #connect(party: Party, direction: CallDirection, number: string | null, afterMs: number): ConnectedCall {
    const call = new ConnectedCall({ party, direction, number }, (digit) => this.#onEvent({ event: 'digit', digit }));
    if (this.#recordNext) call.record();
    this.#recordNext = false;
    this.#last = call;
    this.#state = { name: 'connected', call };
    this.#onEvent({ event: 'answered', direction, afterMs });
    const { sendDigits, hangUpAfterMs, hangUpHow = 'busy-tone' } = party;
    if (sendDigits) this.#timers.after(sendDigits.afterMs, () => call.press(sendDigits.digits));
    if (hangUpAfterMs !== undefined) this.#timers.after(hangUpAfterMs, () => this.#leaves(call, hangUpHow));
    return call;
  }

  /** A far end hangs up by itself, heard or held. */
  #leaves(call: ConnectedCall, how: HangUpHow): void {
    if (this.#second.left(call)) this.#endCall(call, 'exchange');
    else if (this.#state.name === 'connected' && this.#state.call === call) this.hangUp(how);
  }

  #endHeld(endedBy: 'line' | 'exchange'): void {
    const held = this.#second.drop();
    if (held) this.#endCall(held, endedBy);
  }

  #toneAfter(how: HangUpHow): SoundSource {
    switch (how) {
      case 'busy-tone':
        return networkTone(this.#country.busy);
      case 'congestion-tone':
        return networkTone(this.#country.congestion);
      case 'special-information':
        return specialTone(this.#country.special);
      case 'silence':
      case 'polarity-reversal':
        return silentSource;
      default:
        return networkTone(this.#country.dial);
    }
  }

  #endCall(call: ConnectedCall, endedBy: 'line' | 'exchange'): void {
    call.end(endedBy);
    if (call.direction === 'from-line') this.#callBack = call.party.callBack;
    this.#onEvent({ event: 'call-ended', ...call.report });
  }

  #callNowOrLast(): ConnectedCall | undefined {
    return this.#state.name === 'connected' ? this.#state.call : this.#last;
  }
}

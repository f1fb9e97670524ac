import { silence } from '#media/g711.ts';
import type { Clock } from '#platform/clock.ts';
import type { CountryCode } from '#platform/country-code.ts';
import { countries } from '#pstn/countries.ts';
import { type CallReport, ConnectedCall } from '#pstn/emulator/connected-call.ts';
import type { ExchangeEvent, FarSide, RingOptions } from '#pstn/emulator/exchange.ts';
import { type HangUpHow, NumberPlan, type Party, type RingCallerId } from '#pstn/emulator/number-plan.ts';
import { networkTone, type SoundSource } from '#pstn/emulator/sound-source.ts';
import { TimerSet } from '#pstn/emulator/timer-set.ts';

/** What the network tells a module. Nothing is inferred from sound here: every step of a call is signalled. */
export interface NetworkListener {
  incoming(callerId: RingCallerId | undefined): void;
  /** The caller of an incoming call gave up. */
  gaveUp(): void;
  alerting(): void;
  active(): void;
  /** `cause` is what +CEER says of it. */
  ended(why: Ending, cause: string): void;
  waiting(number: string): void;
}

export type Ending = 'busy' | 'no-answer' | 'far-end' | 'unobtainable' | 'congestion';

/** Names of ITU-T Q.850 table 1. */
const causes: Readonly<Record<Ending, string>> = {
  busy: 'User busy',
  'no-answer': 'No answer from user (user alerted)',
  'far-end': 'Normal call clearing',
  unobtainable: 'Unassigned (unallocated) number',
  congestion: 'No circuit/channel available',
};
/** Who calls while there is a call. */
const WAITING_NUMBER = '+15559876';

const ALERTING_AFTER_MS = 800;
/** How long a mobile network lets a number ring. */
const NO_ANSWER_MS = 60_000;

type State =
  | { readonly name: 'idle' }
  | { readonly name: 'incoming'; readonly ring: RingOptions; readonly since: number }
  | { readonly name: 'calling'; readonly number: string; readonly party: Party; readonly ringback: SoundSource }
  | { readonly name: 'connected'; readonly call: ConnectedCall };

/** A mobile network with one subscriber, told what to do as the exchange is. */
export class CellularNetwork implements FarSide {
  readonly #clock: Clock;
  readonly #ringback: () => SoundSource;
  readonly #onEvent: (event: ExchangeEvent) => void;
  readonly #plan = new NumberPlan();
  readonly #timers: TimerSet;
  #listener: NetworkListener | undefined;
  #state: State = { name: 'idle' };
  #last: ConnectedCall | undefined;
  #recordNext = false;
  #covered = true;

  constructor(deps: { readonly clock: Clock; readonly onEvent: (event: ExchangeEvent) => void }, country: CountryCode) {
    this.#clock = deps.clock;
    this.#onEvent = deps.onEvent;
    this.#ringback = () => networkTone(countries[country].ringback);
    this.#timers = new TimerSet(deps.clock);
  }

  listen(listener: NetworkListener): void {
    this.#listener = listener;
  }

  get isCovered(): boolean {
    return this.#covered;
  }

  plan(number: string, party: Party): void {
    this.#plan.set(number, party);
  }

  ring(options: RingOptions): boolean {
    if (!this.#covered || this.#state.name !== 'idle') return false;
    this.#state = { name: 'incoming', ring: options, since: this.#clock.now() };
    this.#onEvent({ event: 'ringing' });
    if (options.ringForMs !== undefined) this.#timers.after(options.ringForMs, () => this.giveUp());
    this.#listener?.incoming(options.callerId);
    return true;
  }

  giveUp(): void {
    if (this.#state.name !== 'incoming') return;
    this.#idle();
    this.#onEvent({ event: 'ring-ended' });
    this.#listener?.gaveUp();
  }

  hangUp(how: HangUpHow): boolean {
    if (this.#state.name !== 'connected') return false;
    const { call } = this.#state;
    this.#onEvent({ event: 'hung-up', how });
    this.#endCall(call, 'exchange');
    this.#idle();
    this.#listener?.ended('far-end', causes['far-end']);
    return true;
  }

  callWaiting(): boolean {
    if (this.#state.name !== 'connected') return false;
    this.#listener?.waiting(WAITING_NUMBER);
    return true;
  }

  sendDigits(digits: string): boolean {
    if (this.#state.name !== 'connected') return false;
    this.#state.call.press(digits);
    return true;
  }

  record(): void {
    if (this.#state.name === 'connected') this.#state.call.record();
    else this.#recordNext = true;
  }

  get recorded(): Uint8Array {
    return this.#nowOrLast()?.recorded ?? new Uint8Array(0);
  }

  report(): CallReport | undefined {
    return this.#nowOrLast()?.report;
  }

  /** A module has no telephone beside it. */
  telephone(): void {}

  /** Out of coverage, and back. */
  cut(isCut: boolean): void {
    this.#covered = !isCut;
    if (!isCut) return;
    this.giveUp();
    if (this.#state.name === 'connected') this.#endCall(this.#state.call, 'exchange');
    if (this.#state.name === 'idle') return;
    this.#idle();
    this.#listener?.ended('far-end', causes['far-end']);
  }

  close(): void {
    this.#timers.cancel();
  }

  /** The subscriber calls a number. */
  dial(number: string): void {
    if (this.#state.name !== 'idle') return;
    const party = this.#plan.find(number);
    this.#state = { name: 'calling', number, party, ringback: this.#ringback() };
    this.#onEvent({ event: 'dialled', number });
    const { behaviour } = party;
    const refusal =
      behaviour === 'busy' || behaviour === 'unobtainable' || behaviour === 'congestion' ? behaviour : undefined;
    this.#timers.after(ALERTING_AFTER_MS, () => (refusal ? this.#fail(refusal) : this.#alert(party)));
  }

  answer(): boolean {
    const state = this.#state;
    if (state.name !== 'incoming') return false;
    this.#timers.cancel();
    const { party, callerId } = state.ring;
    this.#connect(party, { direction: 'to-line', number: callerId?.number ?? null }, this.#clock.now() - state.since);
    return true;
  }

  /** The subscriber hangs up, or refuses. */
  release(): void {
    if (this.#state.name === 'connected') this.#endCall(this.#state.call, 'line');
    this.#idle();
  }

  /** DTMF that the network plays to the far end for the subscriber. */
  get isConnected(): boolean {
    return this.#state.name === 'connected';
  }

  transfer(sent: Uint8Array): Uint8Array {
    if (this.#state.name === 'connected') return this.#state.call.transfer(sent);
    return this.#state.name === 'calling' ? this.#state.ringback.next(sent.length) : silence(sent.length);
  }

  #alert(party: Party): void {
    this.#listener?.alerting();
    const state = this.#state;
    if (party.behaviour !== 'answers') {
      this.#timers.after(NO_ANSWER_MS, () => this.#fail('no-answer'));
      return;
    }
    this.#timers.after(party.answerAfterMs, () => {
      if (this.#state !== state || state.name !== 'calling') return;
      this.#connect(party, { direction: 'from-line', number: state.number }, party.answerAfterMs);
    });
  }

  #fail(why: Ending): void {
    if (this.#state.name !== 'calling') return;
    this.#idle();
    this.#listener?.ended(why, causes[why]);
  }

  #connect(party: Party, about: Pick<CallReport, 'direction' | 'number'>, afterMs: number): void {
    const call = new ConnectedCall({ party, ...about }, (digit) => this.#onEvent({ event: 'digit', digit }));
    if (this.#recordNext) call.record();
    this.#recordNext = false;
    this.#last = call;
    this.#state = { name: 'connected', call };
    this.#onEvent({ event: 'answered', direction: about.direction, afterMs });
    const { sendDigits, hangUpAfterMs, hangUpHow = 'busy-tone' } = party;
    if (sendDigits) this.#timers.after(sendDigits.afterMs, () => call.press(sendDigits.digits));
    if (hangUpAfterMs !== undefined) this.#timers.after(hangUpAfterMs, () => this.hangUp(hangUpHow));
    this.#listener?.active();
  }

  #endCall(call: ConnectedCall, by: 'line' | 'exchange'): void {
    call.end(by);
    this.#onEvent({ event: 'call-ended', ...call.report });
  }

  #idle(): void {
    this.#timers.cancel();
    this.#state = { name: 'idle' };
  }

  #nowOrLast(): ConnectedCall | undefined {
    return this.#state.name === 'connected' ? this.#state.call : this.#last;
  }
}

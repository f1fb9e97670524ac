import type { Clock, Timer } from '#platform/clock.ts';
import type { SipRequest, SipResponse } from '#sip/message/message.ts';
import { printMessage } from '#sip/message/printer.ts';
import { replyTo } from '#sip/message/reply.ts';
import type { ServerEffect, ServerInput } from '#sip/transaction/machine.ts';
import { SERVER_INVITE_START, type ServerInviteState, stepServerInvite } from '#sip/transaction/server-invite.ts';
import { SERVER_PLAIN_START, type ServerPlainState, stepServerPlain } from '#sip/transaction/server-plain.ts';
import type { MachineSettings, TimerName } from '#sip/transaction/timers.ts';
import type { Flow } from '#sip/transport/flow.ts';

/** What the owner of a server transaction may want to know. */
export interface ServerObserver {
  /** A CANCEL came for it while no final response was sent; it has been answered. `reason` is its Reason field. */
  cancelled?(reason: string | undefined): void;
  /** No ACK came, or the response could not be sent. */
  failed?(cause: 'timeout' | 'transport'): void;
}

interface ServerDeps {
  readonly clock: Clock;
  readonly pass: (transaction: ServerTransaction) => void;
  readonly passAck: (ack: SipRequest, flow: Flow) => void;
  readonly ended: () => void;
}

/** Runs one server machine: keeps its timers and its latest response. */
export class ServerTransaction {
  readonly request: SipRequest;
  /** The flow the request came over. */
  readonly flow: Flow;
  readonly #answerFlow: Flow;
  readonly #deps: ServerDeps;
  readonly #settings: MachineSettings;
  readonly #timers = new Map<TimerName, Timer>();
  #invite: ServerInviteState = SERVER_INVITE_START;
  #plain: ServerPlainState = SERVER_PLAIN_START;
  #latest: Uint8Array | undefined;
  #observer: ServerObserver = {};

  constructor(
    deps: ServerDeps,
    options: { request: SipRequest; flow: Flow; answerFlow: Flow; settings: MachineSettings },
  ) {
    this.#deps = deps;
    this.request = options.request;
    this.flow = options.flow;
    this.#answerFlow = options.answerFlow;
    this.#settings = options.settings;
  }

  /** Whether a final response was sent, or the transaction is over. */
  get isFinal(): boolean {
    const name = this.request.method === 'INVITE' ? this.#invite.name : this.#plain.name;
    return name !== 'initial' && name !== 'trying' && name !== 'proceeding';
  }

  observe(observer: ServerObserver): void {
    this.#observer = observer;
  }

  /** Sends a response; one that comes after the final one is dropped, except for further 2xx to an INVITE. */
  respond(response: SipResponse): void {
    const isExtra2xx = this.#invite.name === 'accepted' && response.status >= 200 && response.status < 300;
    if (this.isFinal && !isExtra2xx) return;
    this.#latest = printMessage(response);
    this.#step({ type: 'respond', status: response.status });
  }

  start(): void {
    this.#step({ type: 'request' });
  }

  /** A repeated request, or the ACK. */
  receive(request: SipRequest, flow: Flow): void {
    if (request.method !== 'ACK') this.#step({ type: 'request' });
    else this.#step({ type: 'ack' }, () => this.#deps.passAck(request, flow));
  }

  cancel(reason: string | undefined): void {
    if (!this.isFinal) this.#observer.cancelled?.(reason);
  }

  transportFailed(): void {
    this.#step({ type: 'transport-error' });
  }

  /** Drops the transaction without telling its user. */
  abandon(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #step(input: ServerInput, passAck: () => void = () => {}): void {
    if (this.request.method === 'INVITE') {
      const next = stepServerInvite(this.#invite, input, this.#settings);
      this.#invite = next.state;
      this.#apply(next.effects, passAck);
    } else {
      const next = stepServerPlain(this.#plain, input, this.#settings);
      this.#plain = next.state;
      this.#apply(next.effects, passAck);
    }
  }

  #apply(effects: readonly ServerEffect[], passAck: () => void): void {
    for (const effect of effects) {
      switch (effect.do) {
        case 'pass':
          this.#deps.pass(this);
          break;
        case 'pass-ack':
          passAck();
          break;
        case 'send-trying':
          this.#latest = printMessage(replyTo(this.request, 100));
          this.#send();
          break;
        case 'send':
          this.#send();
          break;
        case 'fail':
          this.#observer.failed?.(effect.cause);
          break;
        case 'start':
          this.#timers.get(effect.timer)?.cancel();
          this.#timers.set(
            effect.timer,
            this.#deps.clock.after(effect.ms, () => this.#step({ type: 'timer', timer: effect.timer })),
          );
          break;
        case 'stop':
          this.#timers.get(effect.timer)?.cancel();
          break;
        case 'end':
          this.abandon();
          this.#deps.ended();
          break;
      }
    }
  }

  #send(): void {
    if (this.#latest !== undefined) this.#answerFlow.send(this.#latest, () => this.#step({ type: 'transport-error' }));
  }
}

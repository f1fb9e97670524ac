import type { Clock, Timer } from '#platform/clock.ts';
import { Headers } from '#sip/message/headers.ts';
import { SipRequest, type SipResponse } from '#sip/message/message.ts';
import { printMessage } from '#sip/message/printer.ts';
import { CLIENT_INVITE_START, type ClientInviteState, stepClientInvite } from '#sip/transaction/client-invite.ts';
import { CLIENT_PLAIN_START, type ClientPlainState, stepClientPlain } from '#sip/transaction/client-plain.ts';
import type { ClientEffect, ClientInput } from '#sip/transaction/machine.ts';
import type { MachineSettings, TimerName } from '#sip/transaction/timers.ts';
import type { Flow } from '#sip/transport/flow.ts';

/** Told of the fate of a request. */
export interface ClientObserver {
  /** Each provisional response, the final one, and for an INVITE every further 2xx. */
  response(response: SipResponse): void;
  /** No final response came. */
  failed(cause: 'timeout' | 'transport'): void;
}

interface ClientDeps {
  readonly clock: Clock;
  readonly observer: ClientObserver;
  readonly ended: () => void;
}

/** Runs one client machine: keeps its timers and its bytes. */
export class ClientTransaction {
  /** The request as it was sent, its Via on top. */
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly #deps: ClientDeps;
  readonly #settings: MachineSettings;
  readonly #bytes: Uint8Array;
  readonly #timers = new Map<TimerName, Timer>();
  #invite: ClientInviteState = CLIENT_INVITE_START;
  #plain: ClientPlainState = CLIENT_PLAIN_START;
  #ack: Uint8Array | undefined;

  constructor(deps: ClientDeps, options: { request: SipRequest; flow: Flow; settings: MachineSettings }) {
    this.#deps = deps;
    this.request = options.request;
    this.flow = options.flow;
    this.#settings = options.settings;
    this.#bytes = printMessage(options.request);
  }

  /** Where the machine stands. A CANCEL may be sent in `proceeding` only (RFC 3261 §9.1). */
  get state(): ClientInviteState['name'] | ClientPlainState['name'] {
    return this.request.method === 'INVITE' ? this.#invite.name : this.#plain.name;
  }

  start(): void {
    this.#step({ type: 'start' });
  }

  receive(response: SipResponse): void {
    this.#step({ type: 'response', status: response.status }, response);
  }

  transportFailed(): void {
    this.#step({ type: 'transport-error' });
  }

  /** Drops the transaction without telling its user. */
  abandon(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #step(input: ClientInput, response?: SipResponse): void {
    if (this.request.method === 'INVITE') {
      const next = stepClientInvite(this.#invite, input, this.#settings);
      this.#invite = next.state;
      this.#apply(next.effects, response);
    } else {
      const next = stepClientPlain(this.#plain, input, this.#settings);
      this.#plain = next.state;
      this.#apply(next.effects, response);
    }
  }

  #apply(effects: readonly ClientEffect[], response: SipResponse | undefined): void {
    for (const effect of effects) {
      switch (effect.do) {
        case 'send':
          this.#send(this.#bytes);
          break;
        case 'acknowledge':
          if (response !== undefined) this.#ack ??= printMessage(ackFor(this.request, response));
          if (this.#ack !== undefined) this.#send(this.#ack);
          break;
        case 'pass':
          if (response !== undefined) this.#deps.observer.response(response);
          break;
        case 'fail':
          this.#deps.observer.failed(effect.cause);
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

  #send(bytes: Uint8Array): void {
    this.flow.send(bytes, () => this.#step({ type: 'transport-error' }));
  }
}

/** The ACK for a final response other than 2xx: RFC 3261 §17.1.1.3, with the Route fields of the INVITE. */
function ackFor(invite: SipRequest, response: SipResponse): SipRequest {
  const headers = new Headers([
    ...Headers.of([['Via', invite.headers.first('Via') ?? '']]).fields,
    ...Headers.of([['Max-Forwards', '70']]).fields,
    ...invite.headers.copy('From'),
    ...response.headers.copy('To'),
    ...invite.headers.copy('Call-ID', 'Route'),
    ...Headers.of([['CSeq', `${invite.cseq.number} ACK`]]).fields,
  ]);
  return new SipRequest({ method: 'ACK', uri: invite.uri, headers });
}

/** The CANCEL of a pending INVITE: RFC 3261 §9.1. */
export function cancelFor(invite: SipRequest, reason: string | undefined): SipRequest {
  let headers = new Headers([
    ...Headers.of([['Via', invite.headers.first('Via') ?? '']]).fields,
    ...Headers.of([['Max-Forwards', '70']]).fields,
    ...invite.headers.copy('From', 'To', 'Call-ID', 'Route'),
    ...Headers.of([['CSeq', `${invite.cseq.number} CANCEL`]]).fields,
  ]);
  if (reason !== undefined) headers = headers.append('Reason', reason);
  return new SipRequest({ method: 'CANCEL', uri: invite.uri, headers });
}

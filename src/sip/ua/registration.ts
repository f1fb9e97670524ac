import { toHex } from '#platform/bytes.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { Headers, type NewField } from '#sip/message/headers.ts';
import { SipRequest, type SipResponse } from '#sip/message/message.ts';
import { parseNameAddress } from '#sip/message/name-address.ts';
import { comparisonKey, parseUri } from '#sip/message/uri.ts';
import { newTag } from '#sip/transaction/identifiers.ts';
import type { TransactionLayer } from '#sip/transaction/layer.ts';
import type { Flow } from '#sip/transport/flow.ts';
import type { SipTarget } from '#sip/ua/call-engine.ts';
import { answerChallenge, type Credentials } from '#sip/ua/client-auth.ts';
import { contactFor } from '#sip/ua/context.ts';

export interface RegistrationDeps {
  readonly transactions: TransactionLayer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface RegistrationOptions {
  /** The registrar. */
  readonly target: SipTarget;
  /** For example `sip:alice@home.example`. */
  readonly aor: string;
  readonly credentials?: Credentials;
  /** Seconds asked for; 3600 when left out. */
  readonly expires?: number;
}

type RegistrationFault = { readonly code: 'rejected'; readonly status: number } | { readonly code: 'unreachable' };

/** Keeps one address of record registered from this user agent (RFC 3261 §10.2). */
export class Registration {
  readonly #deps: RegistrationDeps;
  readonly #options: RegistrationOptions;
  readonly #callId: string;
  readonly #tag: string;
  #sequence = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(deps: RegistrationDeps, options: RegistrationOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#callId = toHex(deps.random.bytes(16));
    this.#tag = newTag(deps.random);
  }

  /** Registers and keeps registered. Resolves after the first success; rejects with `Failure<RegistrationFault>`. */
  async start(): Promise<void> {
    const granted = await this.#register(this.#options.expires ?? 3600);
    this.#schedule(granted);
  }

  /** Removes the registration; a registrar that does not answer is not waited for longer than a transaction. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    if (this.#sequence === 0) return;
    try {
      await this.#register(0);
    } catch (thrown) {
      this.#deps.log.debug('registration not removed', { reason: messageOf(thrown) });
    }
  }

  #schedule(seconds: number): void {
    if (this.#stopped) return;
    // Well before the end, so that a lost refresh can be tried again.
    this.#timer = this.#deps.clock.after(Math.max(1, seconds * 0.8) * 1000, () => void this.#refresh());
  }

  async #refresh(): Promise<void> {
    try {
      this.#schedule(await this.#register(this.#options.expires ?? 3600));
    } catch (thrown) {
      this.#deps.log.warn('registration not refreshed', { reason: messageOf(thrown) });
      this.#schedule(30);
    }
  }

  /** One REGISTER, with its repetition after a challenge. Gives the seconds granted. */
  async #register(expires: number): Promise<number> {
    const flow = await this.#flow();
    const contact = contactFor(flow, this.#options.aor);
    let request = this.#request(contact, expires);
    let response = await this.#exchange(request, flow);
    for (let tries = 0; tries < 2 && (response.status === 401 || response.status === 407); tries++) {
      const { credentials } = this.#options;
      const again = credentials && answerChallenge(request, response, { credentials, random: this.#deps.random });
      if (again === undefined) break;
      request = again;
      this.#sequence = request.cseq.number;
      response = await this.#exchange(request, flow);
    }
    if (response.status < 300) return grantedTo(contact, response, expires);
    const fault: RegistrationFault = { code: 'rejected', status: response.status };
    throw new Failure<RegistrationFault>(fault, `The registrar refused: ${response.status} ${response.phrase}`);
  }

  async #flow(): Promise<Flow> {
    try {
      return await this.#deps.transactions.transport.flowTo(this.#options.target);
    } catch (thrown) {
      throw new Failure<RegistrationFault>(
        { code: 'unreachable' },
        `The registrar cannot be reached: ${messageOf(thrown)}`,
        thrown,
      );
    }
  }

  #request(contact: string, expires: number): SipRequest {
    const { aor } = this.#options;
    const domain = parseUri(aor, 'aor')?.host ?? '';
    const fields: NewField[] = [
      ['Max-Forwards', '70'],
      ['From', `<${aor}>;tag=${this.#tag}`],
      ['To', `<${aor}>`],
      ['Call-ID', this.#callId],
      ['CSeq', `${++this.#sequence} REGISTER`],
      ['Contact', contact],
      ['Expires', String(expires)],
    ];
    return new SipRequest({ method: 'REGISTER', uri: `sip:${domain}`, headers: Headers.of(fields) });
  }

  #exchange(request: SipRequest, flow: Flow): Promise<SipResponse> {
    return new Promise((resolve, reject) => {
      this.#deps.transactions.send(request, flow, {
        response: (response) => response.status >= 200 && resolve(response),
        failed: () => reject(new Failure<RegistrationFault>({ code: 'unreachable' }, 'The registrar does not answer')),
      });
    });
  }
}

/** RFC 3261 §10.2.4: the registrar may have cut the time short. */
function grantedTo(contact: string, response: SipResponse, wished: number): number {
  const own = comparisonKey(parseNameAddress(contact, 'Contact').uri, 'Contact');
  for (const text of response.headers.list('Contact').slice(0, 64)) {
    const listed = parseNameAddress(text, 'Contact');
    const seconds = Number(listed.parameters.get('expires'));
    if (comparisonKey(listed.uri, 'Contact') === own && Number.isInteger(seconds)) return seconds;
  }
  return wished;
}

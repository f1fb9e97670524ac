import type { Clock } from '#platform/clock.ts';
import type { Account } from '#sip/adapter/authenticator.ts';
import type { Binding, Bindings } from '#sip/adapter/bindings.ts';
import type { NewField } from '#sip/message/headers.ts';
import type { SipRequest, SipResponse } from '#sip/message/message.ts';
import { type NameAddress, parseNameAddress } from '#sip/message/name-address.ts';
import { replyTo } from '#sip/message/reply.ts';
import { parseSeconds } from '#sip/message/scalars.ts';
import { addressOfRecord, comparisonKey, parseUri } from '#sip/message/uri.ts';
import type { Flow } from '#sip/transport/flow.ts';

export interface RegistrarOptions {
  /** Seconds. Shorter wishes are refused by 423, longer ones cut. */
  readonly minExpires: number;
  readonly maxExpires: number;
  readonly defaultExpires: number;
}

interface Change {
  readonly contact: NameAddress;
  readonly key: string;
  /** Seconds; 0 removes. */
  readonly expires: number;
}

/** Processes REGISTER requests whose sender is known (RFC 3261 §10.3, from step 4). */
export class Registrar {
  readonly #clock: Clock;
  readonly #bindings: Bindings;
  readonly #options: RegistrarOptions;

  constructor(deps: { readonly clock: Clock; readonly bindings: Bindings }, options: RegistrarOptions) {
    this.#clock = deps.clock;
    this.#bindings = deps.bindings;
    this.#options = options;
  }

  /** The answer to a REGISTER that came over `flow` from the owner of `account`. */
  register(request: SipRequest, flow: Flow, account: Account): SipResponse {
    const uri = parseUri(request.to.uri, 'To');
    if (uri === undefined) return replyTo(request, 404);
    const aor = addressOfRecord(uri);
    // No one registers for someone else (RFC 7904 A: there is no third-party registration).
    if (!account.aors.includes(aor)) return replyTo(request, 403);
    const contacts = request.headers.list('Contact');
    if (contacts.includes('*')) return this.#removeAll(request, aor, contacts.length);
    const changes = contacts.map((text) => this.#readChange(request, text));
    if (changes.some(({ expires }) => expires > 0 && expires < this.#options.minExpires)) {
      return replyTo(request, 423, { fields: [['Min-Expires', String(this.#options.minExpires)]] });
    }
    return this.#apply(request, flow, { aor, changes });
  }

  #readChange(request: SipRequest, text: string): Change {
    const contact = parseNameAddress(text, 'Contact');
    const stated = contact.parameters.get('expires') ?? request.headers.value('Expires');
    const wish = stated === undefined ? this.#options.defaultExpires : parseSeconds(stated, 'expires');
    return { contact, key: comparisonKey(contact.uri, 'Contact'), expires: Math.min(wish, this.#options.maxExpires) };
  }

  #removeAll(request: SipRequest, aor: string, contacts: number): SipResponse {
    if (contacts !== 1 || request.headers.value('Expires') !== '0') return replyTo(request, 400);
    if (this.#bindings.of(aor).some((binding) => isOlder(request, binding))) return replyTo(request, 500);
    this.#bindings.replace(aor, []);
    return this.#listing(request, aor);
  }

  #apply(request: SipRequest, flow: Flow, { aor, changes }: { aor: string; changes: readonly Change[] }): SipResponse {
    const kept = new Map(this.#bindings.of(aor).map((binding) => [binding.key, binding]));
    for (const { contact, key, expires } of changes) {
      const known = kept.get(key);
      // RFC 3261 §10.3 step 7: a REGISTER that was overtaken by a newer one changes nothing at all.
      if (known !== undefined && isOlder(request, known)) return replyTo(request, 500);
      if (expires === 0) kept.delete(key);
      else kept.set(key, this.#bind(request, flow, { contact, key, expires }));
    }
    if (!this.#bindings.hasRoom(aor, kept.size)) return replyTo(request, 503);
    if (changes.length > 0) this.#bindings.replace(aor, [...kept.values()]);
    return this.#listing(request, aor);
  }

  #bind(request: SipRequest, flow: Flow, { contact, key, expires }: Change): Binding {
    const q = Number(contact.parameters.get('q') ?? '1');
    // A phone that asks for rport wants to be answered, and so called, where its packets come from: it may sit behind a NAT.
    const isSymmetric = flow.reliable || request.via.parameters.has('rport');
    return {
      uri: contact.uri,
      key,
      flowKey: isSymmetric ? flow.key : undefined,
      expiresAt: this.#clock.now() + expires * 1000,
      callId: request.callId,
      sequence: request.cseq.number,
      q: q >= 0 && q <= 1 ? q : 1,
    };
  }

  #listing(request: SipRequest, aor: string): SipResponse {
    const now = this.#clock.now();
    const fields = this.#bindings.of(aor).map(({ uri, expiresAt }): NewField => {
      return ['Contact', `<${uri}>;expires=${Math.ceil((expiresAt - now) / 1000)}`];
    });
    return replyTo(request, 200, { fields });
  }
}

function isOlder(request: SipRequest, binding: Binding): boolean {
  return binding.callId === request.callId && request.cseq.number <= binding.sequence;
}

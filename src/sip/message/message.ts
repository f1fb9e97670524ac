import { malformed } from '#sip/message/fault.ts';
import type { Headers } from '#sip/message/headers.ts';
import { type NameAddress, parseNameAddress } from '#sip/message/name-address.ts';
import { type CSeq, parseCSeq } from '#sip/message/scalars.ts';
import { parseUri, type SipUri } from '#sip/message/uri.ts';
import { parseVia, type Via } from '#sip/message/via.ts';

const NO_BODY: Uint8Array = new Uint8Array(0);

/** What requests and responses have in common. Fields are parsed when first asked for; a message never changes. */
abstract class Message {
  readonly headers: Headers;
  readonly body: Uint8Array;
  #via: Via | undefined;
  #from: NameAddress | undefined;
  #to: NameAddress | undefined;
  #cseq: CSeq | undefined;

  constructor(headers: Headers, body: Uint8Array) {
    this.headers = headers;
    this.body = body;
  }

  /** The topmost Via. This and the other getters throw `Failure<SipMessageFault>` when the field is missing or malformed. */
  get via(): Via {
    this.#via ??= parseVia(this.headers.first('Via') ?? missing('Via'));
    return this.#via;
  }

  get from(): NameAddress {
    this.#from ??= parseNameAddress(this.headers.value('From') ?? missing('From'), 'From');
    return this.#from;
  }

  get to(): NameAddress {
    this.#to ??= parseNameAddress(this.headers.value('To') ?? missing('To'), 'To');
    return this.#to;
  }

  get cseq(): CSeq {
    this.#cseq ??= parseCSeq(this.headers.value('CSeq') ?? missing('CSeq'));
    return this.#cseq;
  }

  get callId(): string {
    return this.headers.value('Call-ID') ?? missing('Call-ID');
  }

  get fromTag(): string | undefined {
    return this.from.parameters.get('tag');
  }

  get toTag(): string | undefined {
    return this.to.parameters.get('tag');
  }
}

export interface RequestParts {
  readonly method: string;
  readonly uri: string;
  readonly headers: Headers;
  readonly body?: Uint8Array;
}

export class SipRequest extends Message {
  readonly kind = 'request';
  /** As written: methods are case-sensitive and no escape is resolved in them (RFC 4475 §3.1.1.5). */
  readonly method: string;
  /** The Request-URI as written, escapes included. */
  readonly uri: string;
  #parsedUri: SipUri | undefined | null = null;

  constructor(parts: RequestParts) {
    super(parts.headers, parts.body ?? NO_BODY);
    this.method = parts.method;
    this.uri = parts.uri;
  }

  /** The Request-URI taken apart, undefined for a scheme other than sip: and sips:. */
  get sipUri(): SipUri | undefined {
    if (this.#parsedUri === null) this.#parsedUri = parseUri(this.uri, 'Request-URI');
    return this.#parsedUri;
  }

  with(change: Partial<RequestParts>): SipRequest {
    return new SipRequest({ method: this.method, uri: this.uri, headers: this.headers, body: this.body, ...change });
  }
}

export interface ResponseParts {
  readonly status: number;
  readonly phrase: string;
  readonly headers: Headers;
  readonly body?: Uint8Array;
}

export class SipResponse extends Message {
  readonly kind = 'response';
  readonly status: number;
  readonly phrase: string;

  constructor(parts: ResponseParts) {
    super(parts.headers, parts.body ?? NO_BODY);
    this.status = parts.status;
    this.phrase = parts.phrase;
  }

  with(change: Partial<ResponseParts>): SipResponse {
    return new SipResponse({
      status: this.status,
      phrase: this.phrase,
      headers: this.headers,
      body: this.body,
      ...change,
    });
  }
}

export type SipMessage = SipRequest | SipResponse;

function missing(field: string): never {
  throw malformed(field, 'it is missing');
}

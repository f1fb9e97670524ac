import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '#platform/clock.ts';
import type { Random } from '#platform/random.ts';
import { Nonces } from '#sip/adapter/nonces.ts';
import { quote } from '#sip/message/cursor.ts';
import {
  type Authentication,
  algorithmOf,
  type DigestAlgorithm,
  digestResponse,
  digestSecret,
  parseAuthentication,
} from '#sip/message/digest.ts';
import type { NewField } from '#sip/message/headers.ts';
import type { SipRequest, SipResponse } from '#sip/message/message.ts';
import { toHeaderText } from '#sip/message/printer.ts';
import { replyTo } from '#sip/message/reply.ts';
import { addressOfRecord, comparisonKey, parseUri } from '#sip/message/uri.ts';
import { newTag } from '#sip/transaction/identifiers.ts';
import { RateLimit } from '#sip/transport/rate-limit.ts';

/** Someone with a phone. */
export interface Account {
  /** AORs (`user@domain`, domain in lower case) it may register and call from; the first one names it. */
  readonly aors: readonly [string, ...string[]];
  /** The password, or H(A1) = hash(user:realm:password) in hexadecimal by algorithm. */
  readonly secret:
    | { readonly password: string }
    | { readonly hashed: Readonly<Partial<Record<DigestAlgorithm, string>>> };
}

/** Finds an account by the user name of digest authentication. */
export type AccountLookup = (user: string) => Promise<Account | undefined>;

/** What a request says about the phone it is from, before that is proved. */
export interface PhoneHint {
  readonly aor: string;
  readonly userAgent: string;
}

export interface AuthenticatorOptions {
  readonly realm: string;
  /** Offered to a phone, most preferred first (RFC 8760 §2.3). */
  readonly algorithms: (phone: PhoneHint) => readonly DigestAlgorithm[];
  readonly nonceLifetimeMs: number;
  /** Wrong passwords a source may send at once; one more every ten seconds. */
  readonly guesses: number;
}

export type Verdict = { readonly account: Account } | { readonly refusal: SipResponse };

interface DigestFields {
  readonly algorithm: DigestAlgorithm;
  readonly user: string;
  readonly uri: string;
  readonly nonce: string;
  readonly response: string;
  readonly count: string;
  readonly clientNonce: string;
}

/**
 * SHA-256, then MD5. Phones that give up at a challenge they do not know instead of looking at the next one get MD5
 * alone: baresip up to 2 registers nowhere else. Who could forge the User-Agent could strip the stronger challenge as well.
 */
export function usualAlgorithms({ userAgent }: PhoneHint): readonly DigestAlgorithm[] {
  return /^baresip v?[012]\./i.test(userAgent) ? ['MD5'] : ['SHA-256', 'MD5'];
}

/** Digest authentication of phones (RFC 3261 §22, RFC 7616, RFC 8760). */
export class Authenticator {
  readonly #accounts: AccountLookup;
  readonly #random: Random;
  readonly #options: AuthenticatorOptions;
  readonly #nonces: Nonces;
  readonly #guesses: RateLimit;

  constructor(
    deps: { readonly clock: Clock; readonly random: Random; readonly accounts: AccountLookup },
    options: AuthenticatorOptions,
  ) {
    this.#accounts = deps.accounts;
    this.#random = deps.random;
    this.#options = options;
    this.#nonces = new Nonces(deps, { lifetimeMs: options.nonceLifetimeMs, remembered: 8192 });
    this.#guesses = new RateLimit(deps, { perSecond: 0.1, burst: options.guesses, sources: 4096 });
  }

  /** Says whose request it is, or how to refuse it. `status` is 401 for a registrar and 407 for a proxy. */
  async verify(request: SipRequest, status: 401 | 407, source: string): Promise<Verdict> {
    const name = status === 401 ? 'Authorization' : 'Proxy-Authorization';
    const fields = this.#find(request, name);
    if (fields === undefined) return { refusal: this.#challenge(request, status, false) };
    if (!this.#guesses.allows(source)) return { refusal: this.#refuse(request, 503, [['Retry-After', '10']]) };
    if (!sameUri(fields.uri, request.uri)) return { refusal: this.#refuse(request, 400) };
    const account = await this.#accounts(fields.user);
    if (!this.#matches(account, fields, request.method) || account === undefined) {
      this.#guesses.take(source);
      return { refusal: this.#refuse(request, 403) };
    }
    // The count is noted only once the password is known to be right: others cannot use it up.
    const freshness = this.#nonces.use(fields.nonce, Number.parseInt(fields.count, 16));
    if (freshness !== 'good') return { refusal: this.#challenge(request, status, true) };
    return { account };
  }

  /** The first credentials for this realm; others belong to elements ahead. */
  #find(request: SipRequest, name: string): DigestFields | undefined {
    for (const text of request.headers.list(name).slice(0, 8)) {
      const authentication = parseAuthentication(text, name);
      const fields = readFields(authentication);
      if (fields !== undefined && authentication.parameters.get('realm') === toHeaderText(this.#options.realm)) {
        return this.#algorithms(request).includes(fields.algorithm) ? fields : undefined;
      }
    }
    return undefined;
  }

  #matches(account: Account | undefined, fields: DigestFields, method: string): boolean {
    const { algorithm, uri, nonce } = fields;
    const quality = { count: fields.count, clientNonce: fields.clientNonce };
    const secret = account === undefined ? undefined : this.#secretOf(account, fields);
    // An unknown user costs the same time as a wrong password.
    const expected = digestResponse({ algorithm, secret: secret ?? 'none', method, uri, nonce, quality });
    const given = Buffer.from(fields.response.toLowerCase(), 'latin1');
    const wanted = Buffer.from(expected, 'latin1');
    return given.length === wanted.length && timingSafeEqual(given, wanted) && secret !== undefined;
  }

  #secretOf({ secret }: Account, { algorithm, user }: DigestFields): string | undefined {
    if ('hashed' in secret) return secret.hashed[algorithm]?.toLowerCase();
    return digestSecret(algorithm, user, this.#options.realm, secret.password);
  }

  #challenge(request: SipRequest, status: 401 | 407, stale: boolean): SipResponse {
    const name = status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate';
    const nonce = this.#nonces.issue();
    const realm = quote(toHeaderText(this.#options.realm));
    const suffix = stale ? ', stale=true' : '';
    const fields = this.#algorithms(request).map(
      (algorithm): NewField => [
        name,
        `Digest realm=${realm}, nonce="${nonce}", qop="auth", algorithm=${algorithm}${suffix}`,
      ],
    );
    return this.#refuse(request, status, fields);
  }

  #algorithms(request: SipRequest): readonly DigestAlgorithm[] {
    const from = parseUri(request.from.uri, 'From');
    const aor = from === undefined ? '' : addressOfRecord(from);
    return this.#options.algorithms({ aor, userAgent: request.headers.value('User-Agent') ?? '' });
  }

  #refuse(request: SipRequest, status: number, fields: readonly NewField[] = []): SipResponse {
    return replyTo(request, status, { toTag: newTag(this.#random), fields });
  }
}

function readFields({ scheme, parameters }: Authentication): DigestFields | undefined {
  const algorithm = algorithmOf(parameters.get('algorithm'));
  const user = parameters.get('username');
  const uri = parameters.get('uri');
  const nonce = parameters.get('nonce');
  const response = parameters.get('response');
  const count = parameters.get('nc');
  const clientNonce = parameters.get('cnonce');
  if (scheme !== 'digest' || algorithm === undefined || user === undefined || uri === undefined) return undefined;
  if (nonce === undefined || response === undefined || clientNonce === undefined) return undefined;
  // Without qop=auth there is neither replay protection nor a client nonce (RFC 8760 §2.6 demands it).
  if (parameters.get('qop')?.toLowerCase() !== 'auth' || count === undefined || !/^[0-9a-f]{8}$/i.test(count))
    return undefined;
  return { algorithm, user: Buffer.from(user, 'latin1').toString('utf8'), uri, nonce, response, count, clientNonce };
}

function sameUri(a: string, b: string): boolean {
  return a === b || comparisonKey(a, 'Authorization') === comparisonKey(b, 'Request-URI');
}

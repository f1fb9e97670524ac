import { createHash, X509Certificate } from 'node:crypto';
import { equalBytes } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import { BoundedCache } from '#reload/security/bounded-cache.ts';
import type { Signatory, Verifier } from '#reload/security/identity.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { writerOf } from '#reload/storage/context.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import type { Entry } from '#reload/storage/record.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import type { ResourceId } from '#reload/wire/ids.ts';
import type { StoredData } from '#reload/wire/stored-data.ts';

/** Values offered for one Kind at one Resource-ID, with the certificates they came with (DER). */
export interface Offer {
  readonly kind: KindDefinition;
  readonly resource: ResourceId;
  readonly values: readonly StoredData[];
  readonly certificates: readonly Uint8Array[];
}

export interface VerifiedOffer {
  readonly entries: readonly Entry[];
  /** The certificates that the entries refer to. */
  readonly certificates: ReadonlyMap<string, Uint8Array>;
}

interface Deps {
  readonly verifier: Verifier;
  readonly clock: Clock;
}

/** Signatures checked without a pause; sound shares the event loop. */
const VERIFICATIONS_A_TURN = 16;

/** Checks the signatures of stored values and whether their signers may write there (RFC 6940 §7.1, §7.3). */
export class ValueVerification {
  readonly #deps: Deps;
  readonly #chains = new BoundedCache<Chain>(256);

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Who signed; throws a refusal with Error_Forbidden (RFC 6940 §7.4.1.1). */
  check(offer: Omit<Offer, 'values'>, data: StoredData): Signatory {
    const { kind, resource } = offer;
    let signatory: Signatory;
    try {
      const input = valueSignatureInput({
        resource,
        kind: kind.id,
        storageTime: data.storageTime,
        value: data.value,
      });
      signatory = this.#deps.verifier.verifyOnce(data.signature, offer.certificates, input);
    } catch (thrown) {
      throw refuse(ErrorCode.forbidden, `kind ${kind.name}: ${messageOf(thrown)}`);
    }
    const reason = kind.permits({ resource, value: data.value, signer: writerOf(signatory) });
    if (reason !== undefined) throw refuse(ErrorCode.forbidden, `kind ${kind.name}: ${reason}`);
    return signatory;
  }

  /** All or nothing: entries that arrive now, ready to be stored. */
  async admit(offer: Offer): Promise<VerifiedOffer> {
    const receivedAt = this.#deps.clock.now();
    const entries: Entry[] = [];
    const certificates = new Map<string, Uint8Array>();
    for (const [index, data] of offer.values.entries()) {
      if (index > 0 && index % VERIFICATIONS_A_TURN === 0) await this.#pause();
      const signatory = this.check(offer, data);
      const chain = this.#chainOf(signatory, offer.certificates);
      for (const [fingerprint, der] of chain) certificates.set(fingerprint, der);
      entries.push({ data, receivedAt, certificates: [...chain.keys()] });
    }
    return { entries, certificates };
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#deps.clock.after(0, resolve));
  }

  /** The signer's certificate and those between it and the root, which the value needs wherever it goes (RFC 6940 §7.4.2.2). */
  #chainOf({ certificate }: Signatory, bucket: readonly Uint8Array[]): Chain {
    const known = this.#chains.get(certificate.fingerprint);
    if (known !== undefined) return known;
    const chain = new Map([[certificate.fingerprint, certificate.der]]);
    const others = readable(bucket.filter((der) => !equalBytes(der, certificate.der)));
    // Mostly the signer's certificate came alone, and need not be read once more.
    if (others.length === 0) return chain;
    for (let last = new X509Certificate(certificate.der); ; ) {
      const issuer = others.find((other) => last.checkIssued(other) && !chain.has(fingerprintOf(other)));
      if (issuer === undefined) break;
      // A root is known to everyone.
      if (!issuer.checkIssued(issuer)) chain.set(fingerprintOf(issuer), issuer.raw);
      else break;
      last = issuer;
    }
    this.#chains.set(certificate.fingerprint, chain);
    return chain;
  }
}

type Chain = ReadonlyMap<string, Uint8Array>;

function fingerprintOf(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('hex');
}

/** The bucket was sent by others: what is no certificate is passed over, as the verifier does. */
function readable(bucket: readonly Uint8Array[]): X509Certificate[] {
  return bucket.flatMap((der) => {
    try {
      return [new X509Certificate(der)];
    } catch {
      return [];
    }
  });
}

import { hash } from 'node:crypto';
import { concat, equalBytes, toHex } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import type { ConfigurationSource, OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { type AlgorithmPair, identityHash, isSupported, verifyBytes } from '#reload/security/algorithms.ts';
import { BoundedCache } from '#reload/security/bounded-cache.ts';
import { memberCertificate } from '#reload/security/certificate.ts';
import { findPath, readable, type ValidityPeriod } from '#reload/security/certificate-path.ts';
import { certificateFailure, signatureFailure } from '#reload/security/fault.ts';
import type { Certificate, Signatory, SignatureInput, Verifier } from '#reload/security/identity.ts';
import { selfSignedNodeIds } from '#reload/security/self-signed.ts';
import { type ParsedCertificate, parseCertificate } from '#reload/security/x509.ts';
import { HashAlgorithm } from '#reload/wire/codes.ts';
import { idBytes, type NodeId } from '#reload/wire/ids.ts';
import { encodeSignerIdentity, type Signature, type SignerIdentity } from '#reload/wire/security-block.ts';

export interface CertificateVerifierDeps {
  readonly clock: Clock;
  readonly configuration: ConfigurationSource;
}

export interface CertificateVerifierOptions {
  readonly certificates?: number;
  readonly signatures?: number;
}

/** A security block has room for a few hundred certificates (RFC 6940 §6.3.4); a Fetch of many values needs some tens. */
const MAX_BUCKET = 256;

interface CheckedCertificate {
  readonly certificate: Certificate;
  readonly period: ValidityPeriod;
}

/** Checks certificates and signatures against the configuration in force; remembers what passed, within bounds. */
export class CertificateVerifier implements Verifier {
  readonly #clock: Clock;
  readonly #source: ConfigurationSource;
  readonly #checked: BoundedCache<CheckedCertificate>;
  readonly #signatures: BoundedCache<true>;
  #roots: readonly ParsedCertificate[] | undefined;
  /** The configuration under which everything remembered was found. */
  #configuration: OverlayConfiguration | undefined;

  constructor(deps: CertificateVerifierDeps, options: CertificateVerifierOptions = {}) {
    this.#clock = deps.clock;
    this.#source = deps.configuration;
    this.#checked = new BoundedCache(options.certificates ?? 1024);
    this.#signatures = new BoundedCache(options.signatures ?? 4096);
  }

  checkCertificate(der: Uint8Array, intermediates: readonly Uint8Array[]): Certificate {
    return this.#checkKnown(fingerprintOf(der), der, intermediates);
  }

  verify(signature: Signature, certificates: readonly Uint8Array[], input: SignatureInput): Signatory {
    const { signatory, pair, bytes } = this.#prepare(signature, certificates, input);
    requireSigned(pair, signatory, bytes, signature.value);
    return signatory;
  }

  verifyOnce(signature: Signature, certificates: readonly Uint8Array[], input: SignatureInput): Signatory {
    const { signatory, pair, bytes } = this.#prepare(signature, certificates, input);
    const known = cacheKey(signatory.certificate, signature, bytes);
    if (this.#signatures.get(known)) return signatory;
    requireSigned(pair, signatory, bytes, signature.value);
    this.#signatures.set(known, true);
    return signatory;
  }

  /** Everything before the arithmetic: who should have signed, with what, and what. */
  #prepare(signature: Signature, certificates: readonly Uint8Array[], input: SignatureInput) {
    if (certificates.length > MAX_BUCKET)
      throw signatureFailure(
        { code: 'too-many-certificates', count: certificates.length },
        `it came with ${certificates.length} certificates, ${MAX_BUCKET} at most are searched.`,
      );
    const signatory = this.#findSignatory(signature.identity, certificates);
    const pair = { hash: signature.hashAlgorithm, signature: signature.signatureAlgorithm };
    const key = signatory.certificate.publicKey;
    if (!isSupported(pair, key))
      throw signatureFailure(
        { code: 'unsupported-algorithm', ...pair },
        `algorithms ${pair.hash}/${pair.signature} are not accepted with the signer's key.`,
      );
    return { signatory, pair, bytes: input(encodeSignerIdentity(signature.identity)) };
  }

  #checkKnown(fingerprint: string, der: Uint8Array, intermediates: readonly Uint8Array[]): Certificate {
    this.#forgetUnderOldConfiguration();
    const known = this.#checked.get(fingerprint);
    const checked = known ?? this.#check(der, intermediates);
    this.#requireValidNow(checked.period);
    if (known === undefined) this.#checked.set(fingerprint, checked);
    return checked.certificate;
  }

  /** Roots, bad nodes and the rest may have changed. Asked at each use: a listener might be told later than another that verifies. */
  #forgetUnderOldConfiguration(): void {
    if (this.#configuration === this.#source.current) return;
    this.#configuration = this.#source.current;
    this.#roots = undefined;
    this.#checked.clear();
    this.#signatures.clear();
  }

  #findSignatory(identity: SignerIdentity, certificates: readonly Uint8Array[]): Signatory {
    if (identity.type === 'none')
      throw signatureFailure({ code: 'unsupported-identity', type: 'none' }, 'it names no signer.');
    for (const der of certificates) {
      if (identity.type === 'cert_hash') {
        const digest = identityHash(identity.hashAlgorithm, der);
        if (digest === undefined || !equalBytes(digest, identity.hash)) continue;
        const fingerprint = identity.hashAlgorithm === HashAlgorithm.sha256 ? toHex(digest) : fingerprintOf(der);
        const certificate = this.#checkKnown(fingerprint, der, certificates);
        return { nodeId: onlyNodeId(certificate), certificate };
      }
      const nodeId = this.#nodeIdWithHash(identity, der);
      if (nodeId !== undefined) return { nodeId, certificate: this.checkCertificate(der, certificates) };
    }
    throw signatureFailure(
      { code: 'unknown-certificate' },
      "the signer's certificate did not come with it, or its hash is of an unknown kind.",
    );
  }

  /** Which Node-ID of the certificate makes this hash. The certificate is read here, and checked only once it is the one. */
  #nodeIdWithHash(identity: SignerIdentity & { type: 'cert_hash_node_id' }, der: Uint8Array): NodeId | undefined {
    return this.#nodeIdsOf(der).find((nodeId) => {
      const digest = identityHash(identity.hashAlgorithm, idBytes(nodeId), der);
      return digest !== undefined && equalBytes(digest, identity.hash);
    });
  }

  #nodeIdsOf(der: Uint8Array): readonly NodeId[] {
    const known = this.#checked.get(fingerprintOf(der));
    if (known !== undefined) return known.certificate.nodeIds;
    try {
      return memberCertificate(parseCertificate(der)).nodeIds;
    } catch {
      // An intermediate, for example: not a member's certificate, so not the signer's.
      return [];
    }
  }

  #check(der: Uint8Array, intermediates: readonly Uint8Array[]): CheckedCertificate {
    const configuration = this.#source.current;
    const parsed = parseCertificate(der);
    const certificate = memberCertificate(parsed);
    if (certificate.overlayName !== configuration.instanceName)
      throw certificateFailure(
        { code: 'wrong-overlay', expected: configuration.instanceName, found: certificate.overlayName },
        `it is for overlay ${certificate.overlayName}, this is ${configuration.instanceName}.`,
      );
    checkNodeIds(certificate, configuration);
    const period = this.#trust(parsed, certificate, intermediates);
    return { certificate, period };
  }

  /** A chain to a root-cert, or where the overlay permits it a self-signature with Node-IDs made from the key (RFC 6940 §11.3, §11.3.1). */
  #trust(parsed: ParsedCertificate, certificate: Certificate, intermediates: readonly Uint8Array[]): ValidityPeriod {
    const { selfSignedDigest, nodeIdLength, rootCerts } = this.#source.current;
    const selfSigned = equalBytes(parsed.issuer, parsed.subject) && parsed.signedBy(parsed.publicKey);
    if (selfSignedDigest === undefined || !selfSigned) {
      this.#roots ??= readable(rootCerts);
      return findPath(parsed, intermediates, { roots: this.#roots, now: this.#clock.now() });
    }
    const own = selfSignedNodeIds(parsed.publicKeyInfo, selfSignedDigest, certificate.nodeIds.length, nodeIdLength);
    const foreign = certificate.nodeIds.find((nodeId) => !own.includes(nodeId));
    if (foreign !== undefined)
      throw certificateFailure(
        { code: 'node-id-mismatch', nodeId: foreign },
        `its Node-ID ${foreign} was not made from its key.`,
      );
    return { notBefore: parsed.notBefore, notAfter: parsed.notAfter };
  }

  #requireValidNow({ notBefore, notAfter }: ValidityPeriod): void {
    const now = this.#clock.now();
    if (now < notBefore)
      throw certificateFailure(
        { code: 'not-yet-valid', notBefore },
        `it is valid from ${isoTime(notBefore)} on and this clock says ${isoTime(now)}.`,
      );
    if (now > notAfter)
      throw certificateFailure(
        { code: 'expired', notAfter },
        `it was valid until ${isoTime(notAfter)} and this clock says ${isoTime(now)}.`,
      );
  }
}

function requireSigned(pair: AlgorithmPair, { certificate }: Signatory, bytes: Uint8Array, value: Uint8Array): void {
  if (verifyBytes(pair, certificate.publicKey, bytes, value)) return;
  throw signatureFailure({ code: 'bad-signature' }, "it does not fit the signed bytes and the signer's key.");
}

/** Tells apart everything the result depends on; the length marks where the signature ends and the input begins. */
function cacheKey(certificate: Certificate, signature: Signature, input: Uint8Array): string {
  const digest = hash('sha256', concat(signature.value, input), 'base64');
  const { hashAlgorithm, signatureAlgorithm, value } = signature;
  return `${certificate.fingerprint}:${hashAlgorithm}:${signatureAlgorithm}:${value.length}:${digest}`;
}

function fingerprintOf(der: Uint8Array): string {
  return hash('sha256', der, 'hex');
}

function onlyNodeId(certificate: Certificate): NodeId {
  const [nodeId] = certificate.nodeIds;
  if (nodeId === undefined || certificate.nodeIds.length > 1)
    throw signatureFailure(
      { code: 'ambiguous-node-id' },
      'its certificate holds several Node-IDs and it does not say which of them signed.',
    );
  return nodeId;
}

function checkNodeIds({ nodeIds }: Certificate, { badNodes, nodeIdLength }: OverlayConfiguration): void {
  for (const nodeId of nodeIds) {
    if (nodeId.length !== 2 * nodeIdLength)
      throw certificateFailure(
        { code: 'san-shape', detail: 'Node-ID length' },
        `it has a Node-ID of ${nodeId.length / 2} bytes, the overlay's have ${nodeIdLength}.`,
      );
    if (badNodes.includes(nodeId))
      throw certificateFailure({ code: 'bad-node', nodeId }, `Node-ID ${nodeId} is listed as a bad node.`);
  }
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

import { hash, type KeyObject } from 'node:crypto';
import { concat, equalBytes, toHex, uint32Bytes } from '#platform/bytes.ts';
import { certificateFailure, signatureFailure } from '#reload/security/fault.ts';
import type { Certificate, Identity, Signatory, SignatureInput, Signer, Verifier } from '#reload/security/identity.ts';
import { HashAlgorithm } from '#reload/wire/codes.ts';
import { idBytes, type NodeId } from '#reload/wire/ids.ts';
import { encodeSignerIdentity, type Signature, type SignerIdentity } from '#reload/wire/security-block.ts';

/** Sizes of a member's certificate and of an ECDSA signature on P-256, so that messages are as long as they would be. */
const CERTIFICATE_BYTES = 435;
const SIGNATURE_BYTES = 71;
const PADDING = new Uint8Array(SIGNATURE_BYTES - 8);
const ECDSA = 3;

interface Member {
  readonly identity: Identity;
  readonly signerIdentity: SignerIdentity;
  readonly secret: readonly [number, number];
}

/**
 * Stands in for certificates and ECDSA in large simulations: the signature is a keyed hash, whose key this object knows for every
 * member, and certificates are blocks of bytes that it has handed out itself. Whoever did not sign is found out all the same.
 */
export class KeyedSecurity implements Verifier {
  readonly #overlay: string;
  readonly #secret: Uint8Array;
  /** One key for all: nothing is computed with it. */
  readonly #key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly #validity: { readonly notBefore: number; readonly notAfter: number };
  /** By the SHA-256 of the certificate, in hex. */
  readonly #members = new Map<string, Member>();

  constructor(
    overlay: string,
    options: {
      readonly secret: Uint8Array;
      readonly key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
      readonly validity: { readonly notBefore: number; readonly notAfter: number };
    },
  ) {
    this.#overlay = overlay;
    this.#secret = options.secret;
    this.#key = options.key;
    this.#validity = options.validity;
  }

  /** A new member of the overlay. */
  identity(user: string, nodeId: NodeId): Identity {
    const id = idBytes(nodeId);
    const seed = hash('sha256', concat(this.#secret, id), 'buffer');
    const secret = [seed.readUInt32BE(0), seed.readUInt32BE(4)] as const;
    const userName = `${user}@${this.#overlay}`;
    const der = new Uint8Array(CERTIFICATE_BYTES);
    der.set(id);
    der.set(Buffer.from(userName).subarray(0, CERTIFICATE_BYTES - id.length), id.length);
    const digest = hash('sha256', der, 'buffer');
    const certificate: Certificate = {
      der,
      fingerprint: toHex(digest),
      nodeIds: [nodeId],
      userName,
      overlayName: this.#overlay,
      publicKey: this.#key.publicKey,
      ...this.#validity,
    };
    const identity: Identity = { nodeId, certificate, chain: [], privateKey: this.#key.privateKey };
    const signerIdentity: SignerIdentity = { type: 'cert_hash', hashAlgorithm: HashAlgorithm.sha256, hash: digest };
    this.#members.set(certificate.fingerprint, { identity, signerIdentity, secret });
    return identity;
  }

  /** Forgets a member that is gone for good and whose messages have all arrived. */
  forget(identity: Identity): void {
    this.#members.delete(identity.certificate.fingerprint);
  }

  signer(identity: Identity): Signer {
    const member = this.#members.get(identity.certificate.fingerprint);
    if (member === undefined) throw new Error(`${identity.nodeId} is no member`);
    const { signerIdentity, secret } = member;
    const encodedIdentity = encodeSignerIdentity(signerIdentity);
    return {
      nodeId: identity.nodeId,
      certificate: identity.certificate,
      chain: [],
      sign: (input) => ({
        hashAlgorithm: HashAlgorithm.sha256,
        signatureAlgorithm: ECDSA,
        identity: signerIdentity,
        value: keyedHash(secret, input(encodedIdentity)),
      }),
    };
  }

  verify(signature: Signature, certificates: readonly Uint8Array[], input: SignatureInput): Signatory {
    const { identity } = signature;
    if (identity.type !== 'cert_hash')
      throw signatureFailure({ code: 'unsupported-identity', type: identity.type }, 'only cert_hash is in use here.');
    const member = this.#members.get(toHex(identity.hash));
    const der = member?.identity.certificate.der;
    if (member === undefined || der === undefined || !certificates.some((other) => equalBytes(other, der)))
      throw signatureFailure({ code: 'unknown-certificate' }, "the signer's certificate did not come with it.");
    if (!equalBytes(signature.value, keyedHash(member.secret, input(encodeSignerIdentity(identity)))))
      throw signatureFailure({ code: 'bad-signature' }, 'it does not fit the signed bytes.');
    return { nodeId: member.identity.nodeId, certificate: member.identity.certificate };
  }

  verifyOnce(signature: Signature, certificates: readonly Uint8Array[], input: SignatureInput): Signatory {
    return this.verify(signature, certificates, input);
  }

  checkCertificate(der: Uint8Array): Certificate {
    const member = this.#members.get(hash('sha256', der, 'hex'));
    if (member === undefined) throw certificateFailure({ code: 'untrusted-chain' }, 'it is no member here.');
    return member.identity.certificate;
  }
}

/** 64 bits over key and input: enough to notice what was changed on the way, and far cheaper than a call of the crypto library. */
function keyedHash(secret: readonly [number, number], input: Uint8Array): Uint8Array {
  let [a, b] = secret;
  for (let i = 0; i < input.length; i++) {
    const byte = input[i] ?? 0;
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x5bd1e995) ^ (b >>> 15);
  }
  a = Math.imul(a ^ (b >>> 16), 0x85ebca6b);
  b = Math.imul(b ^ (a >>> 13), 0xc2b2ae35);
  return concat(uint32Bytes(a), uint32Bytes(b), PADDING);
}

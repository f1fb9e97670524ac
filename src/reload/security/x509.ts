import { type KeyObject, X509Certificate } from 'node:crypto';
import { DerReader, oidText, TAG, timeOf } from '#reload/security/der.ts';
import { certificateFailure } from '#reload/security/fault.ts';

/** An X.509 certificate (RFC 5280 §4.1) taken apart. Only its form has been checked. */
export interface ParsedCertificate {
  readonly der: Uint8Array;
  /** Encoded names, compared byte for byte. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  /** The whole SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array;
  readonly publicKey: KeyObject;
  readonly isCa: boolean;
  readonly pathLength: number | undefined;
  /** Undefined when there is no such extension. */
  readonly mayIssue: boolean | undefined;
  /** Content of the subjectAltName extension. */
  readonly alternativeNames: Uint8Array | undefined;
  signedBy(issuerKey: KeyObject): boolean;
}

const OID = { keyUsage: '2.5.29.15', subjectAltName: '2.5.29.17', basicConstraints: '2.5.29.19' } as const;
/** Understood elsewhere or without meaning between members, hence harmless when critical: extended key usage. */
const TOLERATED_CRITICAL: ReadonlySet<string> = new Set([...Object.values(OID), '2.5.29.37']);
/** RSA (PKCS 1 v1.5 and PSS) and ECDSA with SHA-2, Ed25519. SHA-1 and MD5 are out. */
const SIGNATURE_ALGORITHMS: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.10',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
]);
const MAX_CERTIFICATE_BYTES = 65_535;
const MAX_EXTENSIONS = 32;
const KEY_CERT_SIGN = 0x04;

interface Extensions {
  isCa: boolean;
  pathLength: number | undefined;
  mayIssue: boolean | undefined;
  alternativeNames: Uint8Array | undefined;
}

/** Throws `Failure<CertificateFault>` with code `malformed` or `unsupported-key`. */
export function parseCertificate(der: Uint8Array): ParsedCertificate {
  if (der.length > MAX_CERTIFICATE_BYTES) throw malformed(`${der.length} bytes long`);
  const outer = new DerReader(der);
  const certificate = new DerReader(outer.expect(TAG.sequence).content);
  outer.finish();
  const tbs = new DerReader(certificate.expect(TAG.sequence).content);
  readAlgorithm(certificate.expect(TAG.sequence).content);
  tbs.optional(0xa0);
  tbs.expect(TAG.integer);
  tbs.expect(TAG.sequence);
  const issuer = tbs.expect(TAG.sequence).whole;
  const validity = new DerReader(tbs.expect(TAG.sequence).content);
  const subject = tbs.expect(TAG.sequence).whole;
  const publicKeyInfo = tbs.expect(TAG.sequence).whole;
  tbs.optional(0x81);
  tbs.optional(0x82);
  const extensions = readExtensions(tbs.optional(0xa3)?.content);
  tbs.finish();
  const x509 = openSslView(der);
  return {
    der,
    issuer,
    subject,
    notBefore: timeOf(validity.next()),
    notAfter: timeOf(validity.next()),
    publicKeyInfo,
    publicKey: publicKeyOf(x509),
    ...extensions,
    signedBy: (key) => x509.verify(key),
  };
}

function openSslView(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : 'OpenSSL does not read it');
  }
}

function publicKeyOf(x509: X509Certificate): KeyObject {
  let key: KeyObject;
  try {
    key = x509.publicKey;
  } catch {
    throw unsupportedKey('of a kind OpenSSL does not know');
  }
  return requireSupportedKey(key);
}

/** P-256, P-384 and RSA of 2048 to 8192 bits: strong enough, and cheap enough to verify for a stranger. */
export function requireSupportedKey(key: KeyObject): KeyObject {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ec' && (details?.namedCurve === 'prime256v1' || details?.namedCurve === 'secp384r1')) return key;
  const bits = details?.modulusLength ?? 0;
  if (type === 'rsa' && bits >= 2048 && bits <= 8192) return key;
  throw unsupportedKey(`${type ?? 'unknown'} ${details?.namedCurve ?? details?.modulusLength ?? ''}`.trim());
}

function readAlgorithm(content: Uint8Array): void {
  const algorithm = oidText(new DerReader(content).expect(TAG.oid).content);
  if (!SIGNATURE_ALGORITHMS.has(algorithm)) throw malformed(`signed with algorithm ${algorithm}`);
}

function readExtensions(content: Uint8Array | undefined): Extensions {
  const found: Extensions = { isCa: false, pathLength: undefined, mayIssue: undefined, alternativeNames: undefined };
  if (content === undefined) return found;
  const list = new DerReader(new DerReader(content).expect(TAG.sequence).content);
  const seen = new Set<string>();
  while (!list.atEnd) {
    const extension = new DerReader(list.expect(TAG.sequence).content);
    const oid = oidText(extension.expect(TAG.oid).content);
    const critical = extension.optional(TAG.boolean)?.content[0] === 0xff;
    const value = extension.expect(TAG.octetString).content;
    if (seen.has(oid) || seen.size >= MAX_EXTENSIONS) throw malformed('an extension twice, or too many of them');
    seen.add(oid);
    if (critical && !TOLERATED_CRITICAL.has(oid)) throw malformed(`critical extension ${oid}`);
    readExtension(oid, value, found);
  }
  return found;
}

function readExtension(oid: string, value: Uint8Array, found: Extensions): void {
  if (oid === OID.subjectAltName) found.alternativeNames = value;
  if (oid === OID.keyUsage) {
    const bits = new DerReader(value).expect(TAG.bitString).content;
    found.mayIssue = ((bits[1] ?? 0) & KEY_CERT_SIGN) !== 0;
  }
  if (oid === OID.basicConstraints) {
    const constraints = new DerReader(new DerReader(value).expect(TAG.sequence).content);
    found.isCa = constraints.optional(TAG.boolean)?.content[0] === 0xff;
    const length = constraints.optional(TAG.integer)?.content;
    if (length !== undefined)
      found.pathLength = length.length === 1 && (length[0] ?? 255) < 128 ? (length[0] ?? 0) : 127;
  }
}

function malformed(detail: string): Error {
  return certificateFailure({ code: 'malformed', detail }, `${detail}.`);
}

function unsupportedKey(detail: string): Error {
  return certificateFailure(
    { code: 'unsupported-key', detail },
    `its key is ${detail}; P-256, P-384 or RSA of 2048 to 8192 bits is wanted.`,
  );
}

import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { refusal } from '#reload/enrollment/fault.ts';
import { DerReader, type DerValue, oidText, TAG } from '#reload/security/der.ts';
import { requireSupportedKey } from '#reload/security/x509.ts';

/** A checked PKCS #10 request (RFC 2986 §4): its signature proves that the requester has the key. */
export interface CertificateRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeyInfo: Uint8Array;
  /** What it asks to be called: an rfc822Name it requests, else emailAddress or common name of its subject. */
  readonly userName: string | undefined;
}

const MAX_BYTES = 16_384;
const RFC822_NAME = 0x81;
const ATTRIBUTES = 0xa0;
const SET = 0x31;
const OID = {
  extensionRequest: '1.2.840.113549.1.9.14',
  subjectAltName: '2.5.29.17',
  emailAddress: '1.2.840.113549.1.9.1',
  commonName: '2.5.4.3',
} as const;
const HASH_BY_ALGORITHM: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
]);

/** Reads DER, PEM or base64 of DER. Throws `Failure<EnrollmentRefusal>` with bad_CSR. */
export function readCertificateRequest(bytes: Uint8Array): CertificateRequest {
  if (bytes.length > MAX_BYTES) throw refusal('bad_CSR', `The request has ${bytes.length} bytes.`);
  try {
    return readDer(bytes[0] === TAG.sequence ? bytes : fromText(bytes));
  } catch (cause) {
    throw refusal('bad_CSR', 'The request is no proper PKCS #10 with a key we accept.', cause);
  }
}

function fromText(bytes: Uint8Array): Uint8Array {
  const lines = Buffer.from(bytes)
    .toString('latin1')
    .split(/[\r\n]+/);
  const base64 = lines.filter((line) => !line.startsWith('-----')).join('');
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

function readDer(der: Uint8Array): CertificateRequest {
  const outer = new DerReader(der);
  const request = new DerReader(outer.expect(TAG.sequence).content);
  outer.finish();
  const info = request.expect(TAG.sequence);
  const algorithm = oidText(new DerReader(request.expect(TAG.sequence).content).expect(TAG.oid).content);
  const [unusedBits, ...signature] = request.expect(TAG.bitString).content;
  if (unusedBits !== 0) throw new Error('its signature is no whole number of bytes');
  request.finish();
  const fields = new DerReader(info.content);
  fields.expect(TAG.integer);
  const subject = fields.expect(TAG.sequence);
  const publicKeyInfo = fields.expect(TAG.sequence).whole;
  const attributes = fields.optional(ATTRIBUTES);
  fields.finish();
  const key = requireSupportedKey(createPublicKey({ key: Buffer.from(publicKeyInfo), format: 'der', type: 'spki' }));
  requireOwnSignature(info.whole, key, { algorithm, signature: Uint8Array.from(signature) });
  return { publicKeyInfo, userName: requestedName(attributes) ?? subjectName(subject) };
}

function requireOwnSignature(
  signed: Uint8Array,
  key: KeyObject,
  { algorithm, signature }: { readonly algorithm: string; readonly signature: Uint8Array },
): void {
  const hash = HASH_BY_ALGORITHM.get(algorithm);
  if (hash === undefined || !verify(hash, signed, { key, dsaEncoding: 'der' }, signature))
    throw new Error('its signature does not hold');
}

function requestedName(attributes: DerValue | undefined): string | undefined {
  if (attributes === undefined) return undefined;
  const list = new DerReader(attributes.content);
  while (!list.atEnd) {
    const attribute = new DerReader(list.expect(TAG.sequence).content);
    const oid = oidText(attribute.expect(TAG.oid).content);
    const values = attribute.expect(SET).content;
    if (oid !== OID.extensionRequest) continue;
    const extensions = new DerReader(new DerReader(values).expect(TAG.sequence).content);
    while (!extensions.atEnd) {
      const name = rfc822NameIn(new DerReader(extensions.expect(TAG.sequence).content));
      if (name !== undefined) return name;
    }
  }
  return undefined;
}

function rfc822NameIn(extension: DerReader): string | undefined {
  if (oidText(extension.expect(TAG.oid).content) !== OID.subjectAltName) return undefined;
  extension.optional(TAG.boolean);
  const names = new DerReader(new DerReader(extension.expect(TAG.octetString).content).expect(TAG.sequence).content);
  while (!names.atEnd) {
    const { tag, content } = names.next();
    if (tag === RFC822_NAME) return textOf(content);
  }
  return undefined;
}

function subjectName(subject: DerValue): string | undefined {
  const found = new Map<string, string>();
  const relativeNames = new DerReader(subject.content);
  while (!relativeNames.atEnd) {
    const pair = new DerReader(new DerReader(relativeNames.expect(SET).content).expect(TAG.sequence).content);
    const oid = oidText(pair.expect(TAG.oid).content);
    found.set(oid, textOf(pair.next().content));
  }
  return found.get(OID.emailAddress) ?? found.get(OID.commonName);
}

function textOf(content: Uint8Array): string {
  return Buffer.from(content).toString('latin1');
}

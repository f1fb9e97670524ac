import { type KeyObject, webcrypto } from 'node:crypto';
import { publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { printNodeUri } from '#reload/security/reload-uri.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** The library costs tens of megabytes of memory and most nodes never issue anything: loaded when first needed. */
async function loadX509() {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** Who signs: a CA's certificate (DER) and key. */
export interface Issuer {
  readonly certificate: Uint8Array;
  readonly privateKey: KeyObject;
}

export interface Validity {
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What a member's certificate says (RFC 6940 §11.3). */
export interface MemberNames {
  readonly overlayName: string;
  readonly userName: string;
  readonly nodeIds: readonly NodeId[];
}

/** A trust anchor: self-signed, CA, good for one level of intermediates. */
export async function writeRootCertificate(
  commonName: string,
  privateKey: KeyObject,
  validity: Validity,
): Promise<Uint8Array> {
  const x509 = await loadX509();
  const publicKey = new x509.PublicKey(publicKeyInfoOf(privateKey));
  const name = `CN=${commonName}`;
  return write({
    subject: name,
    issuer: name,
    validity,
    publicKeyInfo: publicKeyInfoOf(privateKey),
    signingKey: privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
}

/** A certificate authority below another; `pathLength` 0 lets it issue members only. */
export async function writeIntermediateCertificate(
  commonName: string,
  publicKeyInfo: Uint8Array,
  issuer: Issuer,
  validity: Validity,
): Promise<Uint8Array> {
  const x509 = await loadX509();
  return write({
    ...(await signedBy(issuer)),
    subject: `CN=${commonName}`,
    validity,
    publicKeyInfo,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
}

/** Empty subject; one RELOAD URI per Node-ID and one rfc822Name in a critical subjectAltName (RFC 6940 §11.3, RFC 5280 §4.2.1.6). */
export async function writeMemberCertificate(
  names: MemberNames,
  publicKeyInfo: Uint8Array,
  issuer: Issuer,
  validity: Validity,
): Promise<Uint8Array> {
  return write({
    ...(await signedBy(issuer)),
    subject: '',
    validity,
    publicKeyInfo,
    extensions: await memberExtensions(names),
  });
}

/** A member's certificate without an authority (RFC 6940 §11.3.1). */
export async function writeSelfSignedCertificate(
  names: MemberNames,
  privateKey: KeyObject,
  validity: Validity,
): Promise<Uint8Array> {
  const publicKeyInfo = publicKeyInfoOf(privateKey);
  const extensions = await memberExtensions(names);
  return write({ subject: '', issuer: '', validity, publicKeyInfo, signingKey: privateKey, extensions });
}

/** The HTTPS certificate of the enrollment server, for DNS names and IP addresses. */
export async function writeServerCertificate(
  hosts: { readonly dns: readonly string[]; readonly ip: readonly string[] },
  publicKeyInfo: Uint8Array,
  issuer: Issuer,
  validity: Validity,
): Promise<Uint8Array> {
  const x509 = await loadX509();
  const names = [
    ...hosts.dns.map((value) => ({ type: 'dns' as const, value })),
    ...hosts.ip.map((value) => ({ type: 'ip' as const, value })),
  ];
  return write({
    ...(await signedBy(issuer)),
    subject: '',
    validity,
    publicKeyInfo,
    extensions: [
      new x509.SubjectAlternativeNameExtension(names, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    ],
  });
}

/** A certificate signing request (PKCS #10, DER) that asks for a user name as rfc822Name. */
export async function writeCertificateRequest(userName: string, privateKey: KeyObject): Promise<Uint8Array> {
  const x509 = await loadX509();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    keys: { privateKey: await signingKeyOf(privateKey), publicKey: await verifyingKeyOf(privateKey) },
    signingAlgorithm: algorithmOf(privateKey),
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'email', value: userName }], true)],
  });
  return new Uint8Array(request.rawData);
}

interface Draft {
  readonly subject: string;
  readonly issuer: string;
  readonly validity: Validity;
  readonly publicKeyInfo: Uint8Array;
  readonly signingKey: KeyObject;
  readonly extensions: readonly import('@peculiar/x509').Extension[];
}

async function write(draft: Draft): Promise<Uint8Array> {
  const x509 = await loadX509();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: draft.subject,
    issuer: draft.issuer,
    notBefore: new Date(draft.validity.notBefore),
    notAfter: new Date(draft.validity.notAfter),
    publicKey: new x509.PublicKey(draft.publicKeyInfo),
    signingKey: await signingKeyOf(draft.signingKey),
    signingAlgorithm: algorithmOf(draft.signingKey),
    extensions: [...draft.extensions],
  });
  return new Uint8Array(certificate.rawData);
}

async function memberExtensions(names: MemberNames) {
  const x509 = await loadX509();
  const uris = names.nodeIds.map((nodeId) => printNodeUri({ nodeId, overlayName: names.overlayName }));
  return [
    new x509.SubjectAlternativeNameExtension(
      [...uris.map((value) => ({ type: 'url' as const, value })), { type: 'email', value: names.userName }],
      true,
    ),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
  ];
}

async function signedBy(issuer: Issuer) {
  const x509 = await loadX509();
  const { subject } = new x509.X509Certificate(issuer.certificate);
  return { issuer: subject, signingKey: issuer.privateKey };
}

function algorithmOf(key: KeyObject) {
  return key.asymmetricKeyType === 'rsa'
    ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
    : { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
}

async function signingKeyOf(key: KeyObject) {
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', pkcs8, algorithmOf(key), false, ['sign']);
}

async function verifyingKeyOf(key: KeyObject) {
  return webcrypto.subtle.importKey('spki', publicKeyInfoOf(key), algorithmOf(key), true, ['verify']);
}

import type { KeyObject } from 'node:crypto';
import { generatePrivateKey, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { type Issuer, writeRootCertificate } from '#reload/enrollment/x509-writer.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { newConfiguration } from '#reload/overlay-config/overlay-defaults.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import { fixedClock, TEST_EPOCH } from '../../support/overlay.ts';

export const DAY = 86_400_000;
export const VALIDITY = { notBefore: TEST_EPOCH - DAY, notAfter: TEST_EPOCH + DAY };
export const NODE = 'ab'.repeat(16);

export async function newRoot(name = 'root', validity = VALIDITY): Promise<Issuer> {
  const privateKey = await generatePrivateKey('p-256');
  return { certificate: await writeRootCertificate(name, privateKey, validity), privateKey };
}

/** A verifier for home.example with these trust anchors, and the clock it goes by. */
export function verifierFor(rootCerts: readonly Uint8Array[], choices: Partial<OverlayConfiguration> = {}) {
  const configuration = newConfiguration({
    instanceName: 'home.example',
    configurationSigners: [],
    ...choices,
    rootCerts,
  });
  const source = new CurrentConfiguration({ configuration, document: new Uint8Array() });
  const clock = fixedClock();
  return { source, clock, configuration, verifier: new CertificateVerifier({ clock, configuration: source }) };
}

interface CertificateDraft {
  readonly issuer: Issuer;
  readonly key?: KeyObject;
  readonly names?: readonly { readonly type: 'url' | 'email' | 'dns'; readonly value: string }[];
  readonly subject?: string;
  readonly validity?: typeof VALIDITY;
  readonly ca?: boolean;
  readonly usages?: number;
}

/** Any certificate whatever, also those no proper authority issues. */
export async function writeCertificate(draft: CertificateDraft): Promise<Uint8Array> {
  const x509 = await import('@peculiar/x509');
  const { webcrypto } = await import('node:crypto');
  const key = draft.key ?? (await generatePrivateKey('p-256'));
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    draft.issuer.privateKey.export({ type: 'pkcs8', format: 'der' }),
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  );
  const certificate = await x509.X509CertificateGenerator.create({
    subject: draft.subject ?? '',
    issuer: new x509.X509Certificate(draft.issuer.certificate).subject,
    notBefore: new Date((draft.validity ?? VALIDITY).notBefore),
    notAfter: new Date((draft.validity ?? VALIDITY).notAfter),
    publicKey: new x509.PublicKey(publicKeyInfoOf(key)),
    signingKey,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      ...(draft.names === undefined ? [] : [new x509.SubjectAlternativeNameExtension([...draft.names], true)]),
      ...(draft.ca === undefined ? [] : [new x509.BasicConstraintsExtension(draft.ca, undefined, true)]),
      ...(draft.usages === undefined ? [] : [new x509.KeyUsagesExtension(draft.usages, true)]),
    ],
  });
  return new Uint8Array(certificate.rawData);
}

export const uri = (nodeId = NODE, overlay = 'home.example') => ({
  type: 'url' as const,
  value: `reload://0110${nodeId}@${overlay}/`,
});
export const email = (value = 'alice@home.example') => ({ type: 'email' as const, value });

/** The fault code of what `action` throws. */
export function faultOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown);
  }
  return 'nothing thrown';
}

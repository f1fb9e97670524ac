/** A request as other tools write it, with the name in the subject. */
export async function foreignRequest(subject: string, nodeUri?: string): Promise<Uint8Array> {
  const x509 = await import('@peculiar/x509');
  const { webcrypto } = await import('node:crypto');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const extensions =
    nodeUri === undefined ? [] : [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: nodeUri }])];
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys,
    signingAlgorithm: algorithm,
    extensions,
  });
  return new Uint8Array(request.rawData);
}

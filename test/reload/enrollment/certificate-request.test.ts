import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '#platform/bytes.ts';
import { readCertificateRequest } from '#reload/enrollment/certificate-request.ts';
import { generatePrivateKey, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { writeCertificateRequest } from '#reload/enrollment/x509-writer.ts';
import { faultOf } from '../security/authority.ts';
import { foreignRequest } from './foreign-request.ts';

const fault = (bytes: Uint8Array) => faultOf(() => readCertificateRequest(bytes));

describe('certificate requests', () => {
  it.each(['p-256', 'rsa-2048'] as const)('with a key of %s are read: key and requested name', async (type) => {
    const key = await generatePrivateKey(type);
    const request = readCertificateRequest(await writeCertificateRequest('alice@home.example', key));
    expect(request.userName).toBe('alice@home.example');
    expect(equalBytes(request.publicKeyInfo, publicKeyInfoOf(key))).toBe(true);
  });

  it('are taken as DER, PEM and bare base64', async () => {
    const der = await writeCertificateRequest('alice@home.example', await generatePrivateKey('p-256'));
    const base64 = Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\r\n');
    for (const text of [base64, `-----BEGIN CERTIFICATE REQUEST-----\n${base64}\n-----END CERTIFICATE REQUEST-----\n`])
      expect(readCertificateRequest(Buffer.from(text)).userName).toBe('alice@home.example');
  });

  it('may have the name in the subject, e-mail address before common name, or none at all', async () => {
    expect(readCertificateRequest(await foreignRequest('CN=alice@home.example')).userName).toBe('alice@home.example');
    expect(readCertificateRequest(await foreignRequest('CN=x, E=alice@home.example')).userName).toBe(
      'alice@home.example',
    );
    expect(
      readCertificateRequest(await foreignRequest('', `reload://0110${'ab'.repeat(16)}@home.example/`)).userName,
    ).toBeUndefined();
  });

  it('R6940-11.3-13 are refused as bad_CSR when their own signature does not hold', async () => {
    const der = await writeCertificateRequest('alice@home.example', await generatePrivateKey('p-256'));
    const forged = Buffer.from(Buffer.from(der).toString('latin1').replace('alice@', 'mallo@'), 'latin1');
    expect(fault(forged)).toBe('bad_CSR');
  });

  it('are refused as bad_CSR with a weak or unusual key', async () => {
    for (const { privateKey } of [generateKeyPairSync('rsa', { modulusLength: 1024 })])
      expect(fault(await writeCertificateRequest('alice@home.example', privateKey))).toBe('bad_CSR');
  });

  it('are refused as bad_CSR when empty, cut off, mutated, padded or huge', async () => {
    const der = await writeCertificateRequest('alice@home.example', await generatePrivateKey('p-256'));
    for (let length = 0; length < der.length; length += 5) expect(fault(der.subarray(0, length))).toBe('bad_CSR');
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const mutated = der.slice();
        mutated[at] = (mutated[at] ?? 0) ^ change;
        expect(fault(mutated)).toBe('bad_CSR');
      }),
      { numRuns: 300 },
    );
    expect(fault(Uint8Array.of(...der, 0))).toBe('bad_CSR');
    expect(fault(new Uint8Array(20_000))).toBe('bad_CSR');
    expect(fault(Buffer.from('<html>'))).toBe('bad_CSR');
  });
});

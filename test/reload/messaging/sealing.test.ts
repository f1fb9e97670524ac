import { describe, expect, it } from 'vitest';
import { concat } from '#platform/bytes.ts';
import type { Incoming } from '#reload/forwarding/forwarder.ts';
import { open, seal } from '#reload/messaging/sealing.ts';
import { createSigner } from '#reload/security/signer.ts';
import { encode } from '#reload/wire/codec.ts';
import { splitPayload } from '#reload/wire/message.ts';
import { securityBlock } from '#reload/wire/security-block.ts';
import { createTestOverlay } from '../../support/overlay.ts';

describe('the certificates of a message', () => {
  it('R6940-6.3.4-05 are X.509 in DER with type 0: the same bytes under another type, or as PEM, prove nothing', async () => {
    const overlay = await createTestOverlay();
    const alice = await overlay.identity('alice');
    const key = { overlay: 7, transactionId: 9n };
    const sealed = seal(createSigner(alice), key, { code: 23, body: Uint8Array.of(0, 0), extensions: [] }, []);
    const { contentsBytes, security } = splitPayload(sealed);
    expect(security.certificates).toEqual([{ type: 0, certificate: alice.certificate.der }]);
    const opened = (certificates: typeof security.certificates) => {
      const payload = concat(contentsBytes, encode(securityBlock, { ...security, certificates }));
      const incoming = { header: key, payload } as unknown as Incoming;
      try {
        return open(overlay.verifier(), incoming, {}).signatory.nodeId;
      } catch (thrown) {
        return (thrown as { code: string }).code;
      }
    };
    const { der } = alice.certificate;
    expect(opened([{ type: 0, certificate: der }])).toBe(alice.nodeId);
    expect(opened([{ type: 1, certificate: der }])).toBe('unknown-certificate');
    const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
    expect(opened([{ type: 0, certificate: Buffer.from(pem) }])).toBe('unknown-certificate');
    // One of another type beside the right one is passed over.
    const both = [
      { type: 1, certificate: Uint8Array.of(1, 2, 3) },
      { type: 0, certificate: der },
    ];
    expect(opened(both)).toBe(alice.nodeId);
  });
});

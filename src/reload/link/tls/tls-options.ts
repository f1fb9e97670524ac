import { constants, X509Certificate } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import type { Identity } from '#reload/security/identity.ts';

/** ECDHE and an AEAD for TLS 1.2, everything TLS 1.3 has; no NULL and no anonymous suites (RFC 6940 §6.6.1). */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':');

/**
 * Both roles show their own certificate and know the roots of the overlay, never the system's. Tickets are off: a resumed session
 * shows its client no certificate.
 */
export function secureContextOptions(identity: Identity, configuration: OverlayConfiguration): SecureContextOptions {
  const roots = configuration.rootCerts.map(toPem);
  const chain = [identity.certificate.der, ...identity.chain].map(toPem);
  return {
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: chain.join(''),
    // Without any CA of its own the program's list would count; a self-signed overlay trusts its own certificate only.
    ca: roots.length > 0 ? roots : chain.slice(0, 1),
    ciphers: CIPHERS,
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

function toPem(der: Uint8Array): string {
  return new X509Certificate(der).toString();
}

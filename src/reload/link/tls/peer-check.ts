import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { Failure, messageOf } from '#platform/failure.ts';
import type { LinkFault } from '#reload/link/link.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import type { Certificate, Verifier } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** Certificates above the peer's own that are looked at. */
const MAX_CHAIN = 8;

/** What OpenSSL says of certificates that nobody issued. RFC 6940 §11.3.1 lets an overlay permit them. */
const SELF_SIGNED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * The certificate of the other end of a finished handshake, checked by OpenSSL (chain, key) and by the overlay's own rules (§11.3).
 * Host names play no part. Throws `Failure<LinkFault>` that says why the peer is refused.
 */
export function checkPeer(
  socket: TLSSocket,
  deps: { readonly verifier: Verifier; readonly configuration: OverlayConfiguration },
): Certificate {
  if (socket.isSessionReused()) throw refused('session-resumed', 'a resumed session proves no certificate');
  const [own, ...issuers] = chainOf(socket);
  if (own === undefined) throw refused('no-certificate', 'the peer showed no certificate');
  let certificate: Certificate;
  try {
    certificate = deps.verifier.checkCertificate(own, issuers);
  } catch (error) {
    throw refused(error instanceof Failure ? error.code : 'malformed', messageOf(error), error);
  }
  const code = authorizationCode(socket);
  const permitted = deps.configuration.selfSignedDigest !== undefined && code !== undefined && SELF_SIGNED.has(code);
  if (code !== undefined && !permitted) throw refused('untrusted-chain', `OpenSSL: ${code}`);
  return certificate;
}

/** Throws `Failure<LinkFault>` unless the certificate holds the Node-ID (RFC 6940 §6.6). */
export function requireNode(certificate: Certificate, expected: NodeId): void {
  if (certificate.nodeIds.includes(expected)) return;
  const fault = { code: 'wrong-node', expected, found: certificate.nodeIds } as const;
  throw new Failure<LinkFault>(fault, `the peer's certificate does not hold Node-ID ${expected}`);
}

function chainOf(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // The last one names itself as its issuer.
  for (
    let seen: unknown;
    next?.raw !== undefined && next !== seen && chain.length < MAX_CHAIN;
    next = next.issuerCertificate
  ) {
    seen = next;
    chain.push(new Uint8Array(next.raw));
    if (next.issuerCertificate === next) break;
  }
  return chain;
}

/** Node gives an Error on the client's side and a code on the server's. */
function authorizationCode(socket: TLSSocket): string | undefined {
  if (socket.authorized) return undefined;
  const error: unknown = socket.authorizationError;
  if (typeof error === 'string') return error;
  return error instanceof Error && 'code' in error ? String(error.code) : 'no reason given';
}

function refused(reason: string, detail: string, cause?: unknown): Failure<LinkFault> {
  return new Failure<LinkFault>({ code: 'certificate', detail: reason }, `link refused (${reason}): ${detail}`, cause);
}

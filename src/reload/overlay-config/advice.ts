import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { initialTtlFor } from '#reload/overlay-config/overlay-defaults.ts';

/** A secret of fewer characters can be guessed by whoever may try. */
const SECRET_LENGTH = 20;
/** Peers of the smallest overlay that is worth a name. */
const FEW_PEERS = 16;

/** What an operator should know about a document that is right by its grammar: one sentence each, none when all is well. */
export function adviceOn(configuration: OverlayConfiguration): readonly string[] {
  const { selfSignedDigest, enrollmentServers, initialTtl, sharedSecret } = configuration;
  const advice: string[] = [];
  if (selfSignedDigest !== undefined && enrollmentServers.length === 0) {
    advice.push(
      'Anyone can take any user name: certificates are self-signed. Where names matter, name an enrollment server and permit no self-signed certificates (RFC 6940 §11.3.1).',
    );
  } else if (selfSignedDigest !== undefined) {
    advice.push(
      'Names of the enrollment server are not protected, since self-signed certificates with the same names are accepted too (RFC 6940 §11.3.1).',
    );
  }
  if (initialTtl < initialTtlFor(FEW_PEERS)) {
    advice.push(`initial-ttl ${initialTtl} is too small for a ring of ${FEW_PEERS} peers already (RFC 6940 §13.6.5).`);
  }
  if (sharedSecret !== undefined && sharedSecret.length < SECRET_LENGTH) {
    advice.push('The shared-secret is short enough to be guessed: take 32 random characters (RFC 6940 §13.4).');
  }
  return advice;
}

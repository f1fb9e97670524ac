import { createHash } from 'node:crypto';
import { DerReader, TAG } from '#reload/security/der.ts';
import { certificateFailure } from '#reload/security/fault.ts';
import type { Certificate } from '#reload/security/identity.ts';
import { parseNodeUri } from '#reload/security/reload-uri.ts';
import { type ParsedCertificate, parseCertificate } from '#reload/security/x509.ts';
import { type NodeId, WILDCARD_NODE_ID, ZERO_NODE_ID } from '#reload/wire/ids.ts';

/** Bounds the hashing that finds the signing Node-ID of a certificate. */
const MAX_NODE_IDS = 64;
const RFC822_NAME = 0x81;
const URI = 0x86;

/** Reads a member's certificate and checks its shape (RFC 6940 §11.3), not yet whom it comes from. Throws `Failure<CertificateFault>`. */
export function readCertificate(der: Uint8Array): Certificate {
  return memberCertificate(parseCertificate(der));
}

export function memberCertificate(parsed: ParsedCertificate): Certificate {
  if (parsed.alternativeNames === undefined) throw sanShape('it has no subjectAltName');
  const { userNames, uris } = readNames(parsed.alternativeNames);
  const [userName] = userNames;
  if (userName === undefined || userNames.length > 1)
    throw sanShape(`it has ${userNames.length} rfc822Names, exactly one is wanted`);
  // Printable ASCII without blanks: what the Resource-ID of the user is hashed from (RFC 6940 §11.3, no embedded NUL).
  if (!/^[!-~]{1,254}$/.test(userName)) throw sanShape('its rfc822Name has characters that no user name has');
  const { nodeIds, overlayName } = readNodeIds(uris);
  return {
    // A copy: the original may be a view of a whole message, which must not live as long as this certificate.
    der: parsed.der.slice(),
    fingerprint: createHash('sha256').update(parsed.der).digest('hex'),
    nodeIds,
    userName,
    overlayName,
    publicKey: parsed.publicKey,
    notBefore: parsed.notBefore,
    notAfter: parsed.notAfter,
  };
}

function readNames(extension: Uint8Array): { userNames: readonly string[]; uris: readonly string[] } {
  const userNames: string[] = [];
  const uris: string[] = [];
  const names = new DerReader(new DerReader(extension).expect(TAG.sequence).content);
  while (!names.atEnd) {
    const { tag, content } = names.next();
    const text = Buffer.from(content).toString('latin1');
    if (tag === RFC822_NAME) userNames.push(text);
    else if (tag === URI) uris.push(text);
    else throw sanShape('it has a name that is neither a URI nor an rfc822Name');
  }
  return { userNames, uris };
}

function readNodeIds(uris: readonly string[]): { nodeIds: readonly NodeId[]; overlayName: string } {
  if (uris.length === 0 || uris.length > MAX_NODE_IDS)
    throw sanShape(`it has ${uris.length} URIs, 1 to ${MAX_NODE_IDS} are wanted`);
  const nodeIds = new Set<NodeId>();
  const overlayNames = new Set<string>();
  for (const uri of uris) {
    const read = parseNodeUri(uri);
    if (read === undefined) throw sanShape('it has a URI that is not the RELOAD URI of one node');
    if (read.nodeId === WILDCARD_NODE_ID || read.nodeId === ZERO_NODE_ID)
      throw sanShape('it has a reserved Node-ID, all ones or all zeros');
    nodeIds.add(read.nodeId);
    overlayNames.add(read.overlayName);
  }
  const [overlayName] = overlayNames;
  if (overlayName === undefined || overlayNames.size > 1) throw sanShape('its URIs name several overlays');
  return { nodeIds: [...nodeIds], overlayName };
}

function sanShape(detail: string): Error {
  return certificateFailure(
    { code: 'san-shape', detail },
    `${detail}. RFC 6940 §11.3 wants one rfc822Name and one or more RELOAD URIs, nothing else.`,
  );
}

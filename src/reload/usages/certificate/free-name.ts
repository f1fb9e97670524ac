import { equalBytes } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { RecordClient } from '#reload/storage/record-client.ts';
import { KindId } from '#reload/wire/codes.ts';
import { hashToResourceId, type NodeId } from '#reload/wire/ids.ts';

/** Somebody else has the user name in an overlay where no server gives names out. */
interface NameTaken {
  readonly code: 'name-taken';
  readonly userName: string;
  readonly by: readonly NodeId[];
}

/**
 * Looks whether another key has a certificate for the user name in the overlay (RFC 6940 §11.3.1). Rejects with `Failure<NameTaken>`
 * then, or with `Failure<RecordFault | ExchangeFault>` when the overlay can't be asked.
 */
export async function requireFreeName(
  records: RecordClient,
  certificate: Certificate,
  signal: AbortSignal,
): Promise<void> {
  const { userName } = certificate;
  const resource = hashToResourceId(userName);
  const { values } = await records.fetch({ resource, kind: KindId.certificateByUser, signal });
  for (const { value } of values) {
    const found = readable(value);
    if (found === undefined || found.userName !== userName || hasSameKey(found, certificate)) continue;
    throw new Failure<NameTaken>(
      { code: 'name-taken', userName, by: found.nodeIds },
      `${userName} is the name of node ${found.nodeIds.join(', ')} already. Enroll again under another name.`,
    );
  }
}

function readable(der: Uint8Array): Certificate | undefined {
  try {
    return readCertificate(der);
  } catch {
    return undefined;
  }
}

function hasSameKey(a: Certificate, b: Certificate): boolean {
  const key = ({ publicKey }: Certificate) => publicKey.export({ type: 'spki', format: 'der' });
  return equalBytes(key(a), key(b));
}

import { systemRandom } from '#platform/random.ts';
import type { Identity, Signer } from '#reload/security/identity.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { createSigner } from '#reload/security/signer.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { encode } from '#reload/wire/codec.ts';
import { resourceDestination } from '#reload/wire/destination.ts';
import { type HeaderFields, RELOAD_VERSION } from '#reload/wire/forwarding-header.ts';
import { hashToResourceId, overlayHash } from '#reload/wire/ids.ts';
import { encodeContents, encodeMessage } from '#reload/wire/message.ts';
import { storeReq } from '#reload/wire/store.ts';
import { encodeStoredData, type StoredData, type StoredDataValue } from '#reload/wire/stored-data.ts';
import { createTestOverlay, type TestOverlay } from '../test/support/overlay.ts';

/** Size of the stored values, in bytes: about what a SIP registration takes. */
export const VALUE_BYTES = 64;
const SINGLE_KIND = 0xf0000001;

export interface Material {
  readonly overlay: TestOverlay;
  readonly identity: Identity;
  readonly signer: Signer;
  /** MessageContents of a Store of one value. */
  readonly contents: Uint8Array;
}

export async function makeMaterial(): Promise<Material> {
  const overlay = await createTestOverlay();
  const identity = await overlay.identity('bench');
  const signer = createSigner(identity);
  return { overlay, identity, signer, contents: encodeContents({ code: 7, body: storeBody(signer), extensions: [] }) };
}

/** A whole signed message, of about 1.2 KB, as it stands on the wire. */
export function signedMessage({ overlay, identity, signer, contents }: Material, transactionId: bigint): Uint8Array {
  const hash = overlayHash(overlay.name);
  const header: HeaderFields = {
    overlay: hash,
    version: RELOAD_VERSION,
    configurationSequence: overlay.source.current.sequence,
    ttl: 100,
    transactionId,
    maxResponseLength: 0,
    viaList: [],
    destinationList: [resourceDestination(hashToResourceId('bench'))],
    options: [],
    fragment: { offset: 0, last: true },
  };
  const signature = signer.sign(messageSignatureInput(hash, transactionId, contents));
  const certificates = [{ type: 0, certificate: identity.certificate.der }];
  return encodeMessage(header, contents, { certificates, signature });
}

/** A value signed as every stored value is. */
export function signedValue(signer: Signer, value: StoredDataValue): StoredData {
  const storageTime = BigInt(Date.now());
  const input = valueSignatureInput({ resource: hashToResourceId('bench'), kind: SINGLE_KIND, storageTime, value });
  return { storageTime, lifetime: 600, value, signature: signer.sign(input) };
}

function storeBody(signer: Signer): Uint8Array {
  const value = signedValue(signer, { model: 'single', exists: true, value: systemRandom.bytes(VALUE_BYTES) });
  return encode(storeReq, {
    resource: hashToResourceId('bench'),
    replicaNumber: 0,
    kindData: [{ kind: SINGLE_KIND, generationCounter: 0n, values: encodeStoredData('single', [value]) }],
  });
}

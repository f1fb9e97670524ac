import { X509Certificate } from 'node:crypto';
import { isObject, type Json } from '#cli/wire-json/json.ts';
import { concat, equalBytes } from '#platform/bytes.ts';
import { identityHash, isSupported, verifyBytes } from '#reload/security/algorithms.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import type { SignatureInput } from '#reload/security/identity.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { treeNodeResource } from '#reload/usages/redir/redir-tree.ts';
import { decode } from '#reload/wire/codec.ts';
import { CertificateType, KindId, MessageCode } from '#reload/wire/codes.ts';
import { fetchAns } from '#reload/wire/fetch.ts';
import { hashToResourceId, idBytes, type NodeId, type ResourceId } from '#reload/wire/ids.ts';
import type { Message } from '#reload/wire/message.ts';
import type { WireOptions } from '#reload/wire/reader.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';
import { encodeSignerIdentity, type Signature } from '#reload/wire/security-block.ts';
import { storeReq } from '#reload/wire/store.ts';
import { type DataModel, decodeStoredData, type StoredData } from '#reload/wire/stored-data.ts';
import { turnServer } from '#reload/wire/turn-server.ts';

/** `unchecked` where the certificate that the SignerIdentity names did not come along. Chain and dates are not looked at. */
export type Verdict = 'valid' | 'invalid' | 'unchecked';

/** Room for the certificates of a large Fetch answer, yet no way to make this tool hash for minutes. */
const MAX_CERTIFICATES = 1024;

interface Signer {
  readonly certificate: X509Certificate;
  /** Empty when the certificate is not of the shape that RFC 6940 §11.3 wants. */
  readonly nodeIds: readonly NodeId[];
  readonly userName: string | undefined;
}

/** The certificates of one message's security block, each read when it is first needed. */
export class Bucket {
  readonly #ders: readonly Uint8Array[];
  readonly #signers = new Map<Uint8Array, Signer | undefined>();

  constructor(message: Message) {
    this.#ders = message.security.certificates
      .filter(({ type }) => type === CertificateType.x509)
      .slice(0, MAX_CERTIFICATES)
      .map(({ certificate }) => certificate);
  }

  /** `inputs` are tried in turn: there are several where the message does not carry all that was signed. */
  check(signature: Signature, inputs: (signer: Signer) => Iterable<SignatureInput>): Verdict {
    const { identity, hashAlgorithm: hash, signatureAlgorithm } = signature;
    const der = this.#ders.find((candidate) => this.#isNamed(candidate, signature));
    if (der === undefined) return 'unchecked';
    const signer = this.#signer(der);
    const key = signer && publicKeyOf(signer.certificate);
    const pair = { hash, signature: signatureAlgorithm };
    if (signer === undefined || key === undefined || !isSupported(pair, key)) return 'invalid';
    const signerIdentity = encodeSignerIdentity(identity);
    for (const input of inputs(signer)) {
      if (verifyBytes(pair, key, input(signerIdentity), signature.value)) return 'valid';
    }
    return 'invalid';
  }

  #isNamed(der: Uint8Array, { identity }: Signature): boolean {
    if (identity.type === 'none') return false;
    const isHash = (...parts: readonly Uint8Array[]) => {
      const hash = identityHash(identity.hashAlgorithm, ...parts);
      return hash !== undefined && equalBytes(hash, identity.hash);
    };
    if (identity.type === 'cert_hash') return isHash(der);
    return this.#signer(der)?.nodeIds.some((nodeId) => isHash(idBytes(nodeId), der)) ?? false;
  }

  #signer(der: Uint8Array): Signer | undefined {
    if (!this.#signers.has(der)) this.#signers.set(der, readSigner(der));
    return this.#signers.get(der);
  }
}

function readSigner(der: Uint8Array): Signer | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch {
    return undefined;
  }
  try {
    const { nodeIds, userName } = readCertificate(der);
    return { certificate, nodeIds, userName };
  } catch {
    return { certificate, nodeIds: [], userName: undefined };
  }
}

function publicKeyOf(certificate: X509Certificate) {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

export function checkMessage(message: Message, bucket: Bucket): Verdict {
  const { overlay, transactionId } = message.header;
  return bucket.check(message.security.signature, () => [
    messageSignatureInput(overlay, transactionId, message.contentsBytes),
  ]);
}

interface ValueContext extends WireOptions {
  readonly models: (kind: number) => DataModel | undefined;
}

/** Adds `signature_check` to every stored value in the body of a Store request or Fetch answer. */
export function checkValues(body: Json, message: Message, bucket: Bucket, context: ValueContext): void {
  if (!isObject(body)) return;
  if (message.contents.code === MessageCode.storeReq) {
    const { resource, kindData } = decode(storeReq, message.contents.body, context);
    checkKinds(body.kind_data, kindData, bucket, { ...context, resource });
  }
  if (message.contents.code === MessageCode.fetchAns) {
    checkKinds(body.kind_responses, decode(fetchAns, message.contents.body, context).kindResponses, bucket, context);
  }
}

function checkKinds(
  json: Json,
  kinds: readonly { readonly kind: number; readonly values: Uint8Array }[],
  bucket: Bucket,
  context: ValueContext & { readonly resource?: ResourceId },
): void {
  if (!Array.isArray(json)) return;
  for (const [i, entry] of json.entries()) {
    const { kind, values } = kinds[i] ?? {};
    const model = kind === undefined ? undefined : context.models(kind);
    if (kind === undefined || values === undefined || model === undefined) continue;
    const printed = isObject(entry) && Array.isArray(entry.values) ? entry.values : [];
    for (const [j, stored] of decodeStoredData(model, values).entries()) {
      setVerdict(
        printed[j],
        bucket.check(stored.signature, (signer) => valueInputs(signer, kind, stored, context)),
      );
    }
  }
}

function setVerdict(printed: Json, verdict: Verdict): void {
  if (isObject(printed)) printed.signature_check = verdict;
}

function* valueInputs(
  signer: Signer,
  kind: number,
  { storageTime, value }: StoredData,
  { resource }: { readonly resource?: ResourceId },
): Generator<SignatureInput> {
  const resources = resource === undefined ? possibleResources(signer, kind, value.value) : [resource];
  for (const each of resources) yield valueSignatureInput({ resource: each, kind, storageTime, value });
}

/**
 * Where a value can be stored by the access policies of RFC 6940 §7.3 and RFC 7374 §5: a Fetch answer does not repeat
 * the Resource-ID that the signature covers.
 */
function* possibleResources(signer: Signer, kind: number, value: Uint8Array): Generator<ResourceId> {
  if (kind === KindId.redir) yield* redirResource(value);
  if (signer.userName !== undefined) yield hashToResourceId(signer.userName);
  for (const nodeId of signer.nodeIds) {
    const id = idBytes(nodeId);
    yield hashToResourceId(id);
    if (kind === KindId.turnService) yield* turnResource(id, value);
  }
}

function* redirResource(value: Uint8Array): Generator<ResourceId> {
  const provider = decodedOr(() => decode(redirServiceProvider, value));
  if (provider === undefined) return;
  yield treeNodeResource(provider.namespace, provider);
}

function* turnResource(nodeId: Uint8Array, value: Uint8Array): Generator<ResourceId> {
  const server = decodedOr(() => decode(turnServer, value));
  if (server !== undefined) yield hashToResourceId(concat(nodeId, Uint8Array.of(server.iteration)));
}

function decodedOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

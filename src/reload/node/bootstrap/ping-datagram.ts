import { Failure } from '#platform/failure.ts';
import { type Random, randomU64 } from '#platform/random.ts';
import { seal } from '#reload/messaging/sealing.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { Signer, Verifier } from '#reload/security/identity.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { CertificateType, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { decodeHeader, encodeWithPayload, RELOAD_VERSION } from '#reload/wire/forwarding-header.ts';
import { type NodeId, overlayHash, WILDCARD_NODE_ID } from '#reload/wire/ids.ts';
import { splitMessage } from '#reload/wire/message.ts';
import { pingAns, pingReq } from '#reload/wire/ping.ts';

export interface PingDatagramDeps {
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly configuration: ConfigurationSource;
}

type DatagramFault = { readonly code: 'not-for-us' };

/** A Ping between two nodes that have no link: one RELOAD message in one datagram, signed like any other. */
interface PingDatagram {
  readonly transactionId: bigint;
  readonly sender: NodeId;
}

/** Bytes of padding in a request, so that an answer is never longer: nobody gains by sending in another's name. */
const PADDING = 64;
/** Longer datagrams are no Ping with a certificate chain. */
const MAX_DATAGRAM = 16_384;

/** The search for a peer: a Ping to whoever gets it, the wildcard Node-ID being the only one that fits (RFC 6940 §5.1). */
export function searchDatagram(deps: PingDatagramDeps, transactionId: bigint): Uint8Array {
  const body = encode(pingReq, { padding: new Uint8Array(PADDING) });
  return datagram(deps, { transactionId, to: WILDCARD_NODE_ID, code: MessageCode.pingReq, body });
}

export function answerDatagram(
  deps: PingDatagramDeps & { readonly random: Random },
  search: PingDatagram,
  now: number,
): Uint8Array {
  const body = encode(pingAns, { responseId: randomU64(deps.random), time: BigInt(now) });
  const { transactionId, sender } = search;
  return datagram(deps, { transactionId, to: sender, code: MessageCode.pingAns, body });
}

/** Whether the signature of these bytes is worth checking: of this overlay, and addressed to `to`. Cheap, and never throws. */
export function isAddressedTo(to: NodeId, bytes: Uint8Array, configuration: ConfigurationSource): boolean {
  if (bytes.length > MAX_DATAGRAM) return false;
  const { instanceName, nodeIdLength } = configuration.current;
  try {
    const { header } = decodeHeader(bytes, { nodeIdLength });
    const [only, ...more] = header.destinationList;
    const isDirect = header.viaList.length === 0 && more.length === 0;
    return isDirect && header.overlay === overlayHash(instanceName) && only?.type === 'node' && only.id === to;
  } catch {
    return false;
  }
}

/** Reads a search by a member of the overlay. Throws a `Failure`: of the wire, of the signature, or `DatagramFault`. */
export function readSearch(deps: PingDatagramDeps, bytes: Uint8Array): PingDatagram {
  const { code, body, ...ping } = open(deps, bytes);
  if (code !== MessageCode.pingReq) throw notForUs('no Ping request');
  decode(pingReq, body);
  return ping;
}

/** Reads the answer of a member to the search with this transaction id; throws as `readSearch`. */
export function readAnswer(deps: PingDatagramDeps, bytes: Uint8Array, transactionId: bigint): PingDatagram {
  const { code, body, ...ping } = open(deps, bytes);
  if (code !== MessageCode.pingAns || ping.transactionId !== transactionId) throw notForUs('no answer to this search');
  decode(pingAns, body);
  return ping;
}

function open({ verifier, configuration, signer }: PingDatagramDeps, bytes: Uint8Array) {
  const { nodeIdLength } = configuration.current;
  const { header, contents, contentsBytes, security } = splitMessage(bytes, { nodeIdLength });
  const certificates = security.certificates
    .filter(({ type }) => type === CertificateType.x509)
    .map(({ certificate }) => certificate);
  const input = messageSignatureInput(header.overlay, header.transactionId, contentsBytes);
  const { nodeId: sender } = verifier.verify(security.signature, certificates, input);
  if (sender === signer.nodeId) throw notForUs('the own datagram');
  return { transactionId: header.transactionId, sender, code: contents.code, body: contents.body };
}

function datagram(
  { signer, configuration }: PingDatagramDeps,
  ping: { readonly transactionId: bigint; readonly to: NodeId; readonly code: number; readonly body: Uint8Array },
): Uint8Array {
  const { instanceName, sequence, nodeIdLength } = configuration.current;
  const { transactionId, to, code, body } = ping;
  const overlay = overlayHash(instanceName);
  const header = {
    overlay,
    configurationSequence: sequence,
    version: RELOAD_VERSION,
    ttl: 1,
    fragment: { offset: 0, last: true },
    transactionId,
    maxResponseLength: 0,
    viaList: [],
    destinationList: [nodeDestination(to)],
    options: [],
  };
  const payload = seal(signer, { overlay, transactionId }, { code, body, extensions: [] }, []);
  return encodeWithPayload(header, payload, { nodeIdLength });
}

function notForUs(detail: string): Failure<DatagramFault> {
  return new Failure<DatagramFault>({ code: 'not-for-us' }, detail);
}

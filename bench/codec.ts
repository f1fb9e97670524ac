import { sign, verify } from 'node:crypto';
import { route } from '#reload/forwarding/route.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { decode } from '#reload/wire/codec.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { overlayHash } from '#reload/wire/ids.ts';
import { encodeMessage, splitMessage } from '#reload/wire/message.ts';
import { encodeSignerIdentity } from '#reload/wire/security-block.ts';
import { storeReq } from '#reload/wire/store.ts';
import { decodeStoredData } from '#reload/wire/stored-data.ts';
import { type Material, signedMessage, signedValue, VALUE_BYTES } from './material.ts';
import { round, Stopwatch, type Timing, timeSync } from './measure.ts';

export interface CodecResult {
  readonly timings: readonly Timing[];
  /** Decode, verify and route of a whole message as a multiple of the bare signature check in it. */
  readonly receiveToVerify: number;
}

const WARM_UP_MESSAGES = 2000;
const MESSAGES = 3000;

/** Codec and signatures of one typical Store, beside the bare cryptography. */
export function benchCodec(material: Material): CodecResult {
  const { overlay, identity, signer, contents } = material;
  const hash = overlayHash(overlay.name);
  const message = signedMessage(material, 1n);
  const parsed = splitMessage(message);
  const input = messageSignatureInput(hash, 1n, contents)(encodeSignerIdentity(parsed.security.signature.identity));
  const { receive, bareVerify } = timeReceive(material);
  return {
    timings: [
      timeSync(`decode a Store of ${message.length} bytes`, () => {
        for (const data of decode(storeReq, splitMessage(message).contents.body).kindData) {
          decodeStoredData('single', data.values);
        }
      }),
      timeSync('encode it', () => encodeMessage(parsed.header, contents, parsed.security)),
      timeSync('sign, bare ECDSA P-256', () => sign('sha256', input, identity.privateKey)),
      timeSync('sign a message', () => signer.sign(messageSignatureInput(hash, 1n, contents))),
      timeSync('sign a value', () =>
        signedValue(signer, { model: 'single', exists: true, value: input.subarray(0, VALUE_BYTES) }),
      ),
      bareVerify,
      receive,
    ],
    receiveToVerify: round(receive.medianUs / bareVerify.medianUs, 2),
  };
}

/** Both in turns, message by message: the speed of a shared machine changes. */
function timeReceive(material: Material): { readonly receive: Timing; readonly bareVerify: Timing } {
  const { overlay, identity } = material;
  const hash = overlayHash(overlay.name);
  const verifier = overlay.verifier();
  const view = routeView(hash, identity.nodeId);
  const { publicKey } = identity.certificate;
  const receive = new Stopwatch('decode + verify + route a message');
  const bareVerify = new Stopwatch('verify, bare ECDSA P-256');
  for (let i = 0; i < WARM_UP_MESSAGES + MESSAGES; i++) {
    const message = signedMessage(material, BigInt(i + 1));
    const receiveIt = () => {
      const { header, contentsBytes, security } = splitMessage(message);
      route(header, view);
      const certificates = security.certificates.map(({ certificate }) => certificate);
      const input = messageSignatureInput(hash, header.transactionId, contentsBytes);
      verifier.verify(security.signature, certificates, input);
    };
    const { header, contentsBytes, security } = splitMessage(message);
    const signedBy = encodeSignerIdentity(security.signature.identity);
    const input = messageSignatureInput(hash, header.transactionId, contentsBytes)(signedBy);
    const verifyIt = () => void verify('sha256', input, publicKey, security.signature.value);
    if (i < WARM_UP_MESSAGES) {
      receiveIt();
      verifyIt();
      continue;
    }
    receive.time(receiveIt);
    bareVerify.time(verifyIt);
  }
  return { receive: receive.timing, bareVerify: bareVerify.timing };
}

function routeView(overlay: number, self: Material['identity']['nodeId']) {
  return {
    self,
    overlay,
    initialTtl: 100,
    previousHop: nodeDestination(self),
    isRequest: true,
    nextHop: { isResponsible: () => true, nextHop: () => undefined },
    isLinked: () => false,
    isOwnOpaque: () => false,
  };
}

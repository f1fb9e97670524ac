import { isDeepStrictEqual } from 'node:util';
import { agree } from '#media/negotiation.ts';
import { parseSdp, printSdp } from '#media/sdp.ts';
import { equalBytes } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import { calledDialog, callerDialog, nextHopUri } from '#sip/dialog/dialog.ts';
import { targetOf } from '#sip/dialog/target.ts';
import { parseAuthentication } from '#sip/message/digest.ts';
import type { SipMessage } from '#sip/message/message.ts';
import { parseNameAddress } from '#sip/message/name-address.ts';
import { parseMessage } from '#sip/message/parser.ts';
import { printMessage } from '#sip/message/printer.ts';
import { replyTo } from '#sip/message/reply.ts';
import { comparisonKey } from '#sip/message/uri.ts';
import { parseVia } from '#sip/message/via.ts';
import { type Frame, StreamFramer } from '#sip/transport/framer.ts';
import archive from '../../sip/vectors/rfc4475.json' with { type: 'json' };
import { BrokenPromise, bytesTarget, type Target, textTarget } from '../target.ts';

const SDP =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp:4001\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\n';

const INVITE = [
  'INVITE sip:+4930123456@127.0.0.1:5060;user=phone SIP/2.0',
  'Via: SIP/2.0/TCP 127.0.0.1:4000;branch=z9hG4bKabc;rport, SIP/2.0/UDP [::1]:5061;branch=z9hG4bKdef;received=::1',
  'Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>',
  'Route: <sip:p3.example;lr>',
  'Max-Forwards: 70',
  'From: "A \\" B" <sip:alice@home.example;transport=tcp>;tag=1',
  'To: <sip:bob@home.example?subject=x>',
  'Call-ID: a84b4c76@127.0.0.1',
  'CSeq: 1 INVITE',
  'Contact: <sip:alice@127.0.0.1:4000>;expires=60;q=0.5, <tel:+4930>',
  'Authorization: Digest username="alice", realm="home.example", nonce="abc", uri="sip:x", response="00", qop=auth, nc=00000001, cnonce="y"',
  'Content-Type: application/sdp',
  'Supported: timer, 100rel',
];

/** Words of the grammar. */
export const SIP_WORDS = [
  'INVITE',
  'SIP/2.0',
  'sip:',
  'sips:',
  'tel:',
  '<sip:',
  ';tag=',
  ';lr',
  ';branch=z9hG4bK',
  'Via: ',
  'v: ',
  'm=audio ',
  'a=rtpmap:',
  'c=IN IP4 ',
  'Content-Length: ',
  'l: ',
  'Digest ',
  ', ',
  '\r\n ',
  '[::1]',
  '[',
  '%41',
];

const ANSWER = [
  'SIP/2.0 200 OK',
  ...INVITE.slice(1).map((line) => line.replace(/^To:.*/, 'To: <sip:bob@home.example>;tag=2')),
];
const OTHERS = ['OPTIONS', 'CANCEL', 'ACK', 'BYE', 'UPDATE'].map((method) => [
  `${method} sip:bob@home.example SIP/2.0`,
  ...INVITE.slice(1).map((line) => line.replace(/^CSeq:.*/, `CSeq: 2 ${method}`)),
]);
const REGISTER = [
  'REGISTER sip:home.example SIP/2.0',
  ...INVITE.slice(1).map((line) =>
    line.replace(/^CSeq:.*/, 'CSeq: 3 REGISTER').replace(/^To:.*/, 'To: <sip:alice@home.example>'),
  ),
];
const SUBSCRIBE = [
  'SUBSCRIBE sip:peer@home.example SIP/2.0',
  ...INVITE.slice(1).map((line) => line.replace(/^CSeq:.*/, 'CSeq: 4 SUBSCRIBE')),
  'Event: message-summary;id=7',
  'Accept: application/simple-message-summary',
  'Expires: 600',
];

/** Valid messages of all kinds. */
export const SIP_SAMPLES: readonly string[] = [
  ...[INVITE, ANSWER, REGISTER].map((head) => whole(head, SDP)),
  ...[...OTHERS, SUBSCRIBE].map((head) => whole(head, '')),
];

function whole(head: readonly string[], body: string): string {
  return `${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** SIP as phones and peers send it, and the session descriptions in it. */
export function sipTargets(): readonly Target[] {
  const torture = Object.values(archive as Readonly<Record<string, string>>).map((base64) =>
    Buffer.from(base64, 'base64').toString('latin1'),
  );
  const samples = [...SIP_SAMPLES, ...SIP_SAMPLES, ...torture];
  return [
    textTarget('sip message', {
      words: SIP_WORDS,
      sample: (dice) => dice.pick(samples),
      run: (_, bytes) => readMessage(bytes),
    }),
    textTarget('sip stream', {
      maxInput: 262_144,
      words: [...SIP_WORDS, '\r\n\r\n\r\n\r\n'],
      sample: (dice) =>
        Array.from({ length: 1 + dice.below(4) }, () => dice.pick(SIP_SAMPLES)).join(
          dice.pick(['', '\r\n', '\r\n\r\n']),
        ),
      run: (_, bytes) => readStream(bytes),
    }),
    textTarget('sip session description', { words: SIP_WORDS, sample: () => SDP, run: readSdp }),
    textTarget('sip header values', {
      words: SIP_WORDS,
      sample: (dice) => dice.pick(INVITE.slice(1)).replace(/^[^:]*: /, ''),
      run: readValues,
    }),
    bytesTarget('sip datagram', { sample: (dice) => Buffer.from(dice.pick(samples), 'latin1'), run: readMessage }),
  ];
}

function readMessage(bytes: Uint8Array): unknown {
  const parsed = parseMessage(bytes);
  if (parsed.fault !== undefined) {
    if (parsed.request === undefined) throw parsed.fault;
    // What is done with a request that cannot be taken but answered.
    return printMessage(replyTo(parsed.request, parsed.fault.fault.status));
  }
  const { message } = parsed;
  const printed = printMessage(message);
  const again = parseMessage(printed).message;
  if (again === undefined || !equalBytes(printMessage(again), printed))
    throw new BrokenPromise('a message that was read cannot be read again once printed');
  return use(message);
}

/** What the layers above ask of any message that was accepted. */
function use(message: SipMessage): unknown {
  const common = [message.via, message.from, message.to, message.cseq, message.callId];
  if (message.kind === 'response') return common;
  return [
    ...common,
    message.sipUri,
    nextHopUri(message),
    targetOf(message.uri),
    replyTo(message, 404),
    dialogs(message),
  ];
}

function dialogs(request: Extract<SipMessage, { kind: 'request' }>): unknown {
  if (request.method !== 'INVITE') return undefined;
  const answer = replyTo(request, 200);
  return [calledDialog(request, 'x'), callerDialog(request, answer)];
}

function readStream(bytes: Uint8Array): unknown {
  const whole = cut([bytes]);
  const size = 1 + ((bytes[0] ?? 0) % 89) * 7;
  const pieces = cut(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size)),
  );
  if (!isDeepStrictEqual(pieces, whole)) throw new BrokenPromise('the messages of a stream depend on its pieces');
  return whole;
}

function cut(pieces: readonly Uint8Array[]): { readonly frames: readonly Frame[]; readonly ended: string | undefined } {
  const framer = new StreamFramer();
  const frames: Frame[] = [];
  for (const piece of pieces) frames.push(...framer.push(piece));
  return { frames, ended: undefined };
}

function readSdp(text: string): unknown {
  const media = parseSdp(text);
  const { mediaIndex, codec, direction } = agree(media);
  const answer = printSdp({
    sessionId: 1,
    version: 1,
    address: '127.0.0.1',
    port: 4000,
    direction,
    codecs: [codec],
    answering: { media, taken: mediaIndex },
  });
  if (parseSdp(answer).length !== media.length)
    throw new BrokenPromise('the answer has not as many media as the offer');
  return answer;
}

function readValues(text: string): unknown {
  const readers = [
    () => parseVia(text),
    () => parseNameAddress(text, 'From'),
    () => parseAuthentication(text, 'Authorization'),
    () => comparisonKey(text, 'Contact'),
  ];
  const values: unknown[] = [];
  let refused: unknown;
  for (const read of readers) {
    try {
      values.push(read());
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      refused = thrown;
    }
  }
  if (values.length === 0) throw refused;
  return values;
}

import { concat } from '#platform/bytes.ts';
import { encode, readField } from '#reload/wire/codec.ts';
import {
  checkLength,
  encodeWithPayload,
  type ForwardingHeader,
  forwardingHeader,
  type HeaderFields,
  isFragment,
} from '#reload/wire/forwarding-header.ts';
import { type MessageContents, messageContents } from '#reload/wire/message-contents.ts';
import { Reader, type WireOptions, wireFailure } from '#reload/wire/reader.ts';
import { type SecurityBlock, securityBlock } from '#reload/wire/security-block.ts';

/** A whole message (RFC 6940 §6.3) with its body still encoded, and the received bytes of the signed part. */
export interface Message {
  readonly header: ForwardingHeader;
  readonly contents: MessageContents;
  /** `contents` as received: signatures are verified over these bytes, never over re-encoded ones. */
  readonly contentsBytes: Uint8Array;
  readonly security: SecurityBlock;
}

/** Takes an unfragmented message apart. Throws `Failure<WireFault>`. Byte strings are views of `bytes`. */
export function splitMessage(bytes: Uint8Array, options?: WireOptions): Message {
  const reader = new Reader(bytes, options);
  const header = readField(reader, 'header', forwardingHeader);
  checkLength(header, bytes);
  if (isFragment(header)) {
    throw wireFailure('bad-value', 'one fragment is not a message: reassemble first', 'header.fragment');
  }
  return { header, ...readPayload(reader) };
}

/** Takes apart what follows the header: the message's contents and security block, for example after reassembly. */
export function splitPayload(bytes: Uint8Array, options?: WireOptions): Omit<Message, 'header'> {
  return readPayload(new Reader(bytes, options));
}

function readPayload(reader: Reader): Omit<Message, 'header'> {
  const start = reader.offset;
  const contents = messageContents.read(reader);
  const contentsBytes = reader.since(start);
  const security = readField(reader, 'security', securityBlock);
  reader.finish();
  return { contents, contentsBytes, security };
}

/** Puts a message together; `contentsBytes` are the bytes that were signed. */
export function encodeMessage(
  header: HeaderFields,
  contentsBytes: Uint8Array,
  security: SecurityBlock,
  options?: WireOptions,
): Uint8Array {
  return encodeWithPayload(header, concat(contentsBytes, encode(securityBlock, security, options)), options);
}

export function encodeContents(contents: MessageContents): Uint8Array {
  return encode(messageContents, contents);
}

import { type Codec, type Infer, opaque16, readField, u8, u16, u32, u64, untilEnd } from '#reload/wire/codec.ts';
import { type Destination, destination } from '#reload/wire/destination.ts';
import { located, Reader, type WireOptions, wireFailure } from '#reload/wire/reader.ts';
import { checked } from '#reload/wire/refined.ts';
import { struct } from '#reload/wire/struct.ts';
import { requireObject, Writer } from '#reload/wire/writer.ts';

/** Version 1.0, the only one (RFC 6940 §6.3.2). */
export const RELOAD_VERSION = 0x0a;
/** "RELO" with the high bit of its first letter set (RFC 6940 §6.3.2). */
const RELO_TOKEN = 0xd2454c4f;
const LENGTH_OFFSET = 16;
/** What most headers need, in bytes: some ten entries in their lists. */
const HEADER_ROOM = 256;

const plain = { type: 'plain' } as const;

const INVALID_OPTION = 0;
const RESERVED_OPTION = 255;
const anyOption = struct({ type: u8, flags: u8, value: opaque16 });
type ForwardingOption = Infer<typeof anyOption> & {
  /** The type is the reserved number 255, which forwarders pass on as it came and nobody else writes (RFC 6940 §14.12). */
  readonly reserved?: true;
};

/** An option for forwarders or the destination; types nobody here knows are kept as they came (RFC 6940 §6.3.2.3). */
export const forwardingOption: Codec<ForwardingOption> = {
  shape: { type: 'struct', fields: { ...anyOption.shape.fields, reserved: plain } },
  read(reader) {
    const option = anyOption.read(reader);
    if (option.type === INVALID_OPTION) throw wireFailure('bad-value', 'option type 0 is invalid', 'type');
    return option.type === RESERVED_OPTION ? { ...option, reserved: true } : option;
  },
  write(writer, option) {
    requireObject(option);
    const isUsable = option.type !== RESERVED_OPTION || option.reserved === true;
    if (option.type === INVALID_OPTION || !isUsable) {
      throw wireFailure('bad-value', 'option types 0 and 255 are not for use', 'type');
    }
    anyOption.write(writer, option);
  },
};

/** Where the bytes after the header lie in the whole (RFC 6940 §6.7). */
interface FragmentPosition {
  /** Bytes from the end of the original message's header; 0 when not fragmented. */
  readonly offset: number;
  /** True for the last piece, and for a message in one piece. */
  readonly last: boolean;
  /** The six reserved bits, left out when zero as they should be. */
  readonly reserved?: number;
}

/** The part of a message that forwarders read and change (RFC 6940 §6.3.2). */
export interface ForwardingHeader {
  /** The last four bytes of SHA-1 of the overlay name. */
  readonly overlay: number;
  /** Of the sender's configuration document, modulo 65535; 65535 only with ConfigUpdate (RFC 6940 §6.3.2.1). */
  readonly configurationSequence: number;
  readonly version: number;
  readonly ttl: number;
  readonly fragment: FragmentPosition;
  /** Bytes of the whole message or fragment, header included. */
  readonly length: number;
  readonly transactionId: bigint;
  /** The largest answer in bytes the requester wants; 0 for any, and in answers. */
  readonly maxResponseLength: number;
  readonly viaList: readonly Destination[];
  readonly destinationList: readonly Destination[];
  readonly options: readonly ForwardingOption[];
}

/** A header before its message's length is known. */
export type HeaderFields = Omit<ForwardingHeader, 'length'>;

const version: Codec<number> = {
  shape: plain,
  read: (reader) => checkVersion(reader.u8()),
  write: (writer, value) => writer.u8(checkVersion(value)),
};

function checkVersion(value: number): number {
  if (value === RELOAD_VERSION) return value;
  throw wireFailure('bad-value', `version ${value} is not ${RELOAD_VERSION}, the only one there is`);
}

const fragmentPosition: Codec<FragmentPosition> = {
  shape: { type: 'struct', fields: { offset: plain, last: plain, reserved: plain } },
  read(reader) {
    const flags = reader.u8();
    if (flags < 0x80) throw wireFailure('bad-value', 'the first bit is 0');
    const reserved = flags & 0x3f;
    const position = { offset: reader.unsigned(3), last: (flags & 0x40) !== 0 };
    return reserved === 0 ? position : { ...position, reserved };
  },
  write(writer, position) {
    requireObject(position);
    const { offset, last, reserved = 0 } = position;
    if (!Number.isInteger(reserved) || reserved < 0 || reserved > 0x3f) {
      throw wireFailure('out-of-range', 'there are six reserved bits', 'reserved');
    }
    if (typeof last !== 'boolean') throw wireFailure('bad-value', 'true or false is wanted', 'last');
    writer.u8(0x80 | (last ? 0x40 : 0) | reserved);
    writer.unsigned(3, offset);
  },
};

/** The fields between the token and the three lengths. */
const fixedPart = struct({
  overlay: u32,
  configurationSequence: u16,
  version,
  ttl: u8,
  fragment: fragmentPosition,
  length: u32,
  transactionId: u64,
  maxResponseLength: u32,
});
/** The lengths stand together, before the lists that they measure. */
const listLengths = struct({ viaListLength: u16, destinationListLength: u16, optionsLength: u16 });
const lists = {
  viaList: checked(untilEnd(destination), (list) => strayResource(list, list.length)),
  destinationList: checked(untilEnd(destination), (list) => strayResource(list, list.length - 1)),
  options: untilEnd(forwardingOption),
} as const;

/** A Resource-ID may only end a Destination List (RFC 6940 §6.3.2.2). */
function strayResource(list: readonly Destination[], limit: number): string | undefined {
  for (let i = 0; i < limit; i += 1) {
    if (list[i]?.type === 'resource') return `entry ${i} is a Resource-ID, which may only end a Destination List`;
  }
  return undefined;
}

export const forwardingHeader: Codec<ForwardingHeader> = {
  shape: {
    type: 'struct',
    fields: {
      ...fixedPart.shape.fields,
      viaList: lists.viaList.shape,
      destinationList: lists.destinationList.shape,
      options: lists.options.shape,
    },
  },
  read(reader) {
    if (reader.u32() !== RELO_TOKEN) {
      throw wireFailure('bad-value', 'a RELOAD message starts with d2454c4f', 'relo_token');
    }
    const fixed = fixedPart.read(reader);
    const lengths = listLengths.read(reader);
    // Field by field: a spread of an object that was built by name is many times slower, and each hop reads a header.
    return {
      overlay: fixed.overlay,
      configurationSequence: fixed.configurationSequence,
      version: fixed.version,
      ttl: fixed.ttl,
      fragment: fixed.fragment,
      length: fixed.length,
      transactionId: fixed.transactionId,
      maxResponseLength: fixed.maxResponseLength,
      viaList: readList(reader, 'viaList', lengths.viaListLength),
      destinationList: readList(reader, 'destinationList', lengths.destinationListLength),
      options: readList(reader, 'options', lengths.optionsLength),
    };
  },
  write(writer, header) {
    requireObject(header);
    writer.u32(RELO_TOKEN);
    fixedPart.write(writer, header);
    const mark = writer.open(6);
    writeList(writer, 'viaList', header, mark);
    writeList(writer, 'destinationList', header, mark + 2);
    writeList(writer, 'options', header, mark + 4);
  },
};

type Lists = typeof lists;

function readList<Name extends keyof Lists>(reader: Reader, name: Name, length: number): Infer<Lists[Name]> {
  try {
    const outer = reader.enter(length);
    const items = lists[name].read(reader);
    reader.leave(outer);
    return items as Infer<Lists[Name]>;
  } catch (thrown) {
    throw located(thrown, name);
  }
}

function writeList<Name extends keyof Lists>(writer: Writer, name: Name, header: ForwardingHeader, mark: number): void {
  try {
    const codec: Codec<unknown> = lists[name];
    const start = writer.size;
    codec.write(writer, header[name]);
    writer.fill(mark, 2, writer.size - start);
  } catch (thrown) {
    throw located(thrown, name);
  }
}

/** Reads the header at the start of `bytes`, whatever follows. Throws `Failure<WireFault>`. */
export function decodeHeader(
  bytes: Uint8Array,
  options?: WireOptions,
): { readonly header: ForwardingHeader; readonly headerLength: number } {
  const reader = new Reader(bytes, options);
  const header = readField(reader, 'header', forwardingHeader);
  return { header, headerLength: reader.offset };
}

export function encodeHeader(header: ForwardingHeader, options?: WireOptions): Uint8Array {
  const writer = new Writer(options);
  forwardingHeader.write(writer, header);
  return writer.bytes();
}

/** The header and what follows it, with `length` made right: how every hop sends on what it received. */
export function encodeWithPayload(header: HeaderFields, payload: Uint8Array, options?: WireOptions): Uint8Array {
  const writer = new Writer(options, HEADER_ROOM + payload.length);
  forwardingHeader.write(writer, { ...header, length: 0 });
  writer.raw(payload);
  writer.fill(LENGTH_OFFSET, 4, writer.size);
  return writer.bytes();
}

/** One piece of a fragmented message: its header and the bytes after it (RFC 6940 §6.7). Throws `Failure<WireFault>`. */
export function splitFragment(
  bytes: Uint8Array,
  options?: WireOptions,
): { readonly header: ForwardingHeader; readonly chunk: Uint8Array } {
  const { header, headerLength } = decodeHeader(bytes, options);
  checkLength(header, bytes);
  return { header, chunk: bytes.subarray(headerLength) };
}

/** Throws unless the header's `length` tells the truth. */
export function checkLength(header: ForwardingHeader, bytes: Uint8Array): void {
  if (header.length === bytes.length) return;
  const code = header.length > bytes.length ? 'truncated' : 'surplus';
  throw wireFailure(code, `says ${header.length}, and ${bytes.length} bytes arrived`, 'header.length');
}

export function isFragment(header: ForwardingHeader): boolean {
  return !header.fragment.last || header.fragment.offset !== 0;
}

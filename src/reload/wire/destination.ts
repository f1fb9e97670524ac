import type { Codec } from '#reload/wire/codec.ts';
import { nodeId, resourceId } from '#reload/wire/id-codecs.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { located, type Reader, wireFailure } from '#reload/wire/reader.ts';
import { requireObject, type Writer } from '#reload/wire/writer.ts';

/**
 * One entry of a Destination List or Via List (RFC 6940 §6.3.2.2). An opaque id means something to the node that
 * made it only; `compact` is its form of two bytes in all, of which the first bit is 1. Types of later standards can
 * be skipped, since they have a length: they are kept as bytes.
 */
export type Destination =
  | { readonly type: 'node'; readonly id: NodeId }
  | { readonly type: 'resource'; readonly id: ResourceId }
  | { readonly type: 'opaque'; readonly id: Uint8Array; readonly compact: boolean }
  | { readonly type: 'unknown'; readonly code: number; readonly data: Uint8Array };

const TYPES = { node: 1, resource: 2, opaque: 3 } as const;

const plain = { type: 'plain' } as const;

export const destination: Codec<Destination> = {
  shape: {
    type: 'union',
    tag: 'type',
    cases: {
      node: { type: 'struct', fields: { id: plain } },
      resource: { type: 'struct', fields: { id: plain } },
      opaque: { type: 'struct', fields: { id: { type: 'bytes' }, compact: plain } },
      unknown: { type: 'struct', fields: { code: plain, data: { type: 'bytes' } } },
    },
  },
  read(reader) {
    const start = reader.offset;
    const type = reader.u8();
    if (type >= 0x80) {
      reader.u8();
      return { type: 'opaque', id: reader.since(start), compact: true };
    }
    const outer = reader.enter(reader.u8());
    const value = readData(reader, type);
    reader.leave(outer);
    return value;
  },
  write(writer, value) {
    requireObject(value);
    if (value.type === 'opaque' && value.compact) {
      if (!(value.id instanceof Uint8Array) || value.id.length !== 2 || (value.id[0] ?? 0) < 0x80) {
        throw wireFailure('bad-value', 'a compact opaque id is two bytes, of which the first bit is 1');
      }
      writer.raw(value.id);
      return;
    }
    writer.u8(value.type === 'unknown' ? checkUnknown(value.code) : typeNumber(value.type));
    const mark = writer.open(1);
    writeData(writer, value);
    writer.close(mark, 1);
  },
};

function readData(reader: Reader, type: number): Destination {
  try {
    if (type === TYPES.node) {
      if (reader.remaining !== reader.nodeIdLength) {
        throw wireFailure('bad-value', `a Node-ID has ${reader.nodeIdLength} bytes, not ${reader.remaining}`);
      }
      return { type: 'node', id: nodeId.read(reader) };
    }
    if (type === TYPES.resource) return { type: 'resource', id: resourceId.read(reader) };
    if (type === TYPES.opaque) return { type: 'opaque', id: reader.opaque(1), compact: false };
  } catch (thrown) {
    throw located(thrown, type === TYPES.node ? 'node' : type === TYPES.resource ? 'resource' : 'opaque');
  }
  return { type: 'unknown', code: checkUnknown(type), data: reader.rest() };
}

function typeNumber(type: keyof typeof TYPES): number {
  const number = TYPES[type];
  if (number === undefined) throw wireFailure('bad-value', `${String(type)} is not a destination type`, 'type');
  return number;
}

function checkUnknown(code: number): number {
  if (code > TYPES.opaque && code < 0x80) return code;
  throw wireFailure('bad-value', `${code} is no number of a destination type to come`, 'type');
}

function writeData(writer: Writer, value: Destination): void {
  if (value.type === 'node') nodeId.write(writer, value.id);
  else if (value.type === 'resource') resourceId.write(writer, value.id);
  else if (value.type === 'opaque') writer.opaque(1, value.id);
  else writer.raw(value.data);
}

export function nodeDestination(id: NodeId): Destination {
  return { type: 'node', id };
}

export function resourceDestination(id: ResourceId): Destination {
  return { type: 'resource', id };
}

import { X509Certificate } from 'node:crypto';
import { within } from '#cli/wire-json/json.ts';
import { KNOWN_KINDS, knownKind } from '#cli/wire-json/kinds.ts';
import { type Codec, decode, rest } from '#reload/wire/codec.ts';
import { KindId } from '#reload/wire/codes.ts';
import { isWireFailure, type WireOptions, wireFailure } from '#reload/wire/reader.ts';

interface Value {
  readonly kind: number;
  readonly value: unknown;
}

/** How the values of a Kind are read: as bytes, if there is nothing better. */
export function valueCodec(kind: number): Codec<unknown> {
  return knownKind(kind)?.value ?? rest;
}

/** A bare value of the given Kind, or of the one Kind that it fits. Throws `Failure<WireFault>`. */
export function decodeValue(bytes: Uint8Array, options: WireOptions & { readonly kind?: number | undefined }): Value {
  const { kind } = options;
  if (kind !== undefined) return { kind, value: within('body', () => decode(valueCodec(kind), bytes, options)) };
  const fitting = KNOWN_KINDS.flatMap((known) => {
    const value = known.value && attempt(known.value, bytes, options);
    return value === undefined || isOfLaterType(value) ? [] : [{ kind: known.id, value }];
  });
  if (fitting.length === 0 && isCertificate(bytes)) return { kind: KindId.certificateByNode, value: bytes };
  const [only] = fitting;
  if (only === undefined) throw wireFailure('bad-value', 'this is a value of none of the known Kinds');
  if (fitting.length > 1) throw wireFailure('bad-value', 'this fits several Kinds: say which one with --kind');
  return only;
}

function attempt(codec: Codec<object>, bytes: Uint8Array, options: WireOptions): object | undefined {
  try {
    return decode(codec, bytes, options);
  } catch (thrown) {
    if (isWireFailure(thrown)) return undefined;
    throw thrown;
  }
}

/** A type that nobody here knows says nothing about the Kind. */
function isOfLaterType(value: object): boolean {
  return 'type' in value && value.type === 'unknown';
}

function isCertificate(bytes: Uint8Array): boolean {
  try {
    return new X509Certificate(bytes).raw.length === bytes.length;
  } catch {
    return false;
  }
}

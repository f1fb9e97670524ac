import { type Context, collapse, expand } from '#cli/wire-json/expansions.ts';
import {
  asObject,
  fromJson,
  isObject,
  type Json,
  type JsonObject,
  property,
  toJson,
  within,
} from '#cli/wire-json/json.ts';
import { kindIdFrom, knownKind } from '#cli/wire-json/kinds.ts';
import { Bucket, checkMessage, checkValues } from '#cli/wire-json/signatures.ts';
import { decodeValue, valueCodec } from '#cli/wire-json/values.ts';
import { equalBytes } from '#platform/bytes.ts';
import { bodyCodec } from '#reload/wire/bodies.ts';
import { type Codec, decode, encode, type Infer, rest } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import {
  decodeHeader,
  encodeWithPayload,
  type ForwardingHeader,
  forwardingHeader,
  isFragment,
  splitFragment,
} from '#reload/wire/forwarding-header.ts';
import { framedMessage } from '#reload/wire/frame.ts';
import { encodeContents, encodeMessage, splitMessage } from '#reload/wire/message.ts';
import { messageContents } from '#reload/wire/message-contents.ts';
import { isWireFailure, snakeCase, wireFailure } from '#reload/wire/reader.ts';
import { securityBlock } from '#reload/wire/security-block.ts';

export const LAYERS = ['message', 'frame', 'value', 'fragment'] as const;
export type Layer = (typeof LAYERS)[number];

export interface DecodeContext extends Omit<Context, 'code'> {
  /** Kind-ID of values; by default the Kinds are tried. */
  readonly kind?: number | undefined;
}

/**
 * One structure of that layer as JSON; a fragment where a message is wanted is told as the fragment it is.
 * `reencodes` says whether `encodeLayer` makes the same bytes of the result. Throws `Failure<WireFault>`.
 */
export function decodeLayer(layer: Layer, bytes: Uint8Array, context: DecodeContext): JsonObject {
  const json = { ...withIdLength(context), ...READERS[layer](bytes, context) };
  return { ...json, reencodes: reencodes(layer, json, bytes) };
}

/** The bytes that such JSON describes, from its fields alone; lengths are computed. Throws `Failure<WireFault>`. */
export function encodeLayer(json: JsonObject): Uint8Array {
  const layer = property(json, 'layer') ?? 'message';
  const nodeIdLength = property(json, 'node_id_length');
  if (nodeIdLength !== undefined && !isNodeIdLength(nodeIdLength)) {
    throw wireFailure('out-of-range', 'a Node-ID has 16 to 20 bytes', 'node_id_length');
  }
  const context = nodeIdLength === undefined ? NO_MODELS : { ...NO_MODELS, nodeIdLength };
  const writer = Object.entries(WRITERS).find(([name]) => name === layer)?.[1];
  if (writer === undefined) throw wireFailure('bad-value', `one of ${LAYERS.join(', ')} is wanted`, 'layer');
  return writer(json, context);
}

export function isNodeIdLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 16 && value <= 20;
}

const NO_MODELS: DecodeContext = { models: () => undefined };

const READERS: Readonly<Record<Layer, (bytes: Uint8Array, context: DecodeContext) => JsonObject>> = {
  message: readMessage,
  fragment: readFragment,
  frame: readFrame,
  value: readValue,
};
const WRITERS: Readonly<Record<Layer, (json: JsonObject, context: DecodeContext) => Uint8Array>> = {
  message: writeMessage,
  fragment: writeFragment,
  frame: writeFrame,
  value: writeValue,
};

function withIdLength({ nodeIdLength }: DecodeContext): JsonObject {
  return nodeIdLength === undefined || nodeIdLength === 16 ? {} : { node_id_length: nodeIdLength };
}

function reencodes(layer: Layer, json: JsonObject, bytes: Uint8Array): boolean {
  try {
    return equalBytes(encodeLayer(structuredClone(json)), bytes);
  } catch (thrown) {
    if (isWireFailure(thrown)) return false;
    throw new Error(`${layer} cannot be encoded again`, { cause: thrown });
  }
}

function readMessage(bytes: Uint8Array, context: DecodeContext): JsonObject {
  if (isFragment(decodeHeader(bytes, context).header)) return readFragment(bytes, context);
  const message = splitMessage(bytes, context);
  const { code, body, extensions } = message.contents;
  const codec = bodyCodec(code) ?? rest;
  const json: JsonObject = {
    layer: 'message',
    code,
    method: methodName(code),
    header: toJson(message.header),
    body: toJson(within('body', () => decode<unknown>(codec, body, context))),
    extensions: toJson(extensions),
    security: toJson(message.security),
  };
  expand(json, { ...context, code });
  const bucket = new Bucket(message);
  checkValues(json.body, message, bucket, context);
  json.signature = checkMessage(message, bucket);
  return json;
}

function methodName(code: number): string {
  const name = Object.entries(MessageCode).find(([, number]) => number === code)?.[0];
  return name === undefined ? 'unknown' : snakeCase(name);
}

function writeMessage(json: JsonObject, context: DecodeContext): Uint8Array {
  const code = property(json, 'code');
  if (typeof code !== 'number') throw wireFailure('bad-value', 'a message code is wanted', 'code');
  collapse(json, { ...context, code });
  const header = writtenHeader(json, context);
  const body = within('body', () => {
    const codec: Codec<unknown> = bodyCodec(code) ?? rest;
    return encode(codec, fromJson(codec.shape, property(json, 'body')), context);
  });
  const fields = { code, extensions: property(json, 'extensions') ?? [] };
  const contents = fromJson(withoutBody, fields) as Omit<Infer<typeof messageContents>, 'body'>;
  const security = field(json, 'security', securityBlock, context);
  return encodeMessage(header, encodeContents({ ...contents, body }), security, context);
}

const withoutBody = {
  type: 'struct',
  fields: {
    code: messageContents.shape.fields.code ?? rest.shape,
    extensions: messageContents.shape.fields.extensions ?? rest.shape,
  },
} as const;

/** What `name` holds. It is written once here, so that faults have a path that starts with `name`. */
function field<T>(holder: JsonObject, name: string, codec: Codec<T>, context: DecodeContext): T {
  return within(name, () => {
    const value = fromJson(codec.shape, property(holder, name)) as T;
    encode(codec, value, context);
    return value;
  });
}

function writtenHeader(json: JsonObject, context: DecodeContext): ForwardingHeader {
  const header = within('header', () => ({ ...asObject(property(json, 'header')), length: 0 }));
  return field({ header }, 'header', forwardingHeader, context);
}

function readFragment(bytes: Uint8Array, context: DecodeContext): JsonObject {
  const { header, chunk } = splitFragment(bytes, context);
  const json = { layer: 'fragment', header: toJson(header), chunk: toJson(chunk), signature: 'unchecked' };
  expand(json, { ...context, code: 0 });
  return json;
}

function writeFragment(json: JsonObject, context: DecodeContext): Uint8Array {
  collapse(json, { ...context, code: 0 });
  return encodeWithPayload(writtenHeader(json, context), field(json, 'chunk', rest, context), context);
}

/** The message of a data frame is told in full where it can be read, and as hexadecimal digits otherwise. */
function readFrame(bytes: Uint8Array, context: DecodeContext): JsonObject {
  const frame = decode(framedMessage, bytes);
  const json = asObject(toJson(frame));
  let signature: Json = 'unchecked';
  if (frame.type === 'data') {
    try {
      const message = { ...withIdLength(context), ...readMessage(frame.message, context) };
      json.message = message;
      signature = message.signature;
    } catch (thrown) {
      if (!isWireFailure(thrown)) throw thrown;
      json.malformed = { error: thrown.fault.detail, at: `frame.message.${thrown.fault.at}` };
    }
  }
  return { layer: 'frame', frame: json, signature };
}

function writeFrame(json: JsonObject): Uint8Array {
  return within('frame', () => {
    const frame = { ...asObject(property(json, 'frame')) };
    const message = property(frame, 'message');
    if (isObject(message)) frame.message = toJson(within('message', () => encodeLayer(message)));
    return encode<unknown>(framedMessage, fromJson(framedMessage.shape, frame));
  });
}

function readValue(bytes: Uint8Array, context: DecodeContext): JsonObject {
  const { kind, value } = decodeValue(bytes, context);
  return { layer: 'value', kind: knownKind(kind)?.name ?? kind, body: toJson(value), signature: 'unchecked' };
}

function writeValue(json: JsonObject, context: DecodeContext): Uint8Array {
  const kind = property(json, 'kind');
  const codec = valueCodec(typeof kind === 'number' ? kind : kindIdFrom('kind', String(kind)));
  return within('body', () => encode(codec, fromJson(codec.shape, property(json, 'body')), context));
}

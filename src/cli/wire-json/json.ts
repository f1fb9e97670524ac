import { fromHex, toHex } from '#platform/bytes.ts';
import type { Shape } from '#reload/wire/codec.ts';
import { located, snakeCase, wireFailure } from '#reload/wire/reader.ts';

export type Json = null | boolean | number | string | undefined | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/**
 * A decoded structure as JSON: fields by the RFC's names, byte strings and ids in hexadecimal, numbers of 64 bits in
 * decimal within quotes (JSON's own numbers end at 2^53).
 */
export function toJson(value: unknown): Json {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value as Json;
  const object: JsonObject = {};
  for (const [name, field] of Object.entries(value)) object[snakeCase(name)] = toJson(field);
  return object;
}

/** The inverse, as far as the shape goes: what writing checks anyway is passed on. Throws `Failure<WireFault>`. */
export function fromJson(shape: Shape, json: Json): unknown {
  switch (shape.type) {
    case 'plain':
      return json;
    case 'bytes':
      return bytesFrom(json);
    case 'u64':
      return u64From(json);
    case 'list':
      if (!Array.isArray(json)) throw wireFailure('bad-value', 'a list is wanted');
      return json.map((item, i) => within(`[${i}]`, () => fromJson(shape.item, item)));
    case 'struct':
      return fieldsFrom(shape.fields, asObject(json));
    case 'union':
      return caseFrom(shape.tag, shape.cases, asObject(json));
  }
}

export function isObject(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

export function asObject(json: Json): JsonObject {
  if (!isObject(json)) throw wireFailure('bad-value', 'an object is wanted');
  return json;
}

/** Does `read`, whose faults then say that they are in `segment`. */
export function within<T>(segment: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw located(thrown, segment);
  }
}

/** An own property, so that keys like `constructor` find nothing. */
export function property(object: JsonObject, name: string): Json {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function fieldsFrom(fields: Readonly<Record<string, Shape>>, json: JsonObject): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(fields)) {
    const field = property(json, snakeCase(name));
    if (field !== undefined) value[name] = within(name, () => fromJson(shape, field));
  }
  return value;
}

function caseFrom(tag: string, cases: Readonly<Record<string, Shape>>, json: JsonObject): Record<string, unknown> {
  const name = property(json, tag);
  const shape = typeof name === 'string' && Object.hasOwn(cases, name) ? cases[name] : undefined;
  if (shape?.type !== 'struct') {
    throw wireFailure('bad-value', `one of ${Object.keys(cases).join(', ')} is wanted`, tag);
  }
  return { ...fieldsFrom(shape.fields, json), [tag]: name };
}

function bytesFrom(json: Json): Uint8Array {
  const bytes = typeof json === 'string' ? fromHex(json) : undefined;
  if (bytes === undefined) throw wireFailure('bad-value', 'bytes are written as hexadecimal digits');
  return bytes;
}

function u64From(json: Json): bigint {
  if (typeof json === 'number' && Number.isSafeInteger(json)) return BigInt(json);
  if (typeof json === 'string' && /^\d{1,20}$/.test(json)) return BigInt(json);
  throw wireFailure('bad-value', 'a number of 64 bits is written in decimal within quotes');
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toHex } from '#platform/bytes.ts';
import { bodyCodec } from '#reload/wire/bodies.ts';
import { type Codec, decode, encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { isWireFailure } from '#reload/wire/reader.ts';
import { STRUCTURES } from './arbitraries.ts';

/** Refused with a typed fault (`undefined`), or read as something that is written as the same bytes. */
function readExactly(codec: Codec<unknown>, bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = decode(codec, bytes);
  } catch (thrown) {
    if (!isWireFailure(thrown)) throw thrown;
    expect(thrown.message).not.toBe('');
    return undefined;
  }
  expect(toHex(encode(codec, value))).toBe(toHex(bytes));
  return value;
}

/** The list of a DiagnosticsRequest or -Response may be missing when it is empty (RFC 7851 §5.1 is unclear on it). */
const MAY_END_EARLY = ['DiagnosticsRequest', 'DiagnosticsResponse', 'PathTrackReq', 'PathTrackAns'];

describe.each(STRUCTURES)('$name', ({ name, codec, values }) => {
  it('is read as it was written, and written as it was read', () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = encode(codec, value);
        const read = decode(codec, bytes);
        expect(read).toEqual(value);
        expect(toHex(encode(codec, read))).toBe(toHex(bytes));
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('is refused when cut short anywhere, and when a byte follows', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.integer({ min: 0, max: 255 }), (value, cut, extra) => {
        const bytes = encode(codec, value);
        expect(readExactly(codec, concat(bytes, Uint8Array.of(extra)))).toBeUndefined();
        if (bytes.length === 0) return;
        const short = readExactly(codec, bytes.subarray(0, cut % bytes.length));
        if (!MAY_END_EARLY.includes(name)) expect(short).toBeUndefined();
      }),
      { numRuns: 60, seed: 2 },
    );
  });

  it('is refused, or still exact, when any byte of it lies', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, difference) => {
        const bytes = encode(codec, value);
        if (bytes.length === 0) return;
        const i = at % bytes.length;
        bytes[i] = (bytes[i] ?? 0) ^ difference;
        readExactly(codec, bytes);
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});

it('every message code has a body that is among these structures, or is empty', () => {
  const tried = new Set(STRUCTURES.map(({ codec }) => codec));
  const bodies = Object.entries(MessageCode).map(([name, code]) => ({ name, codec: bodyCodec(code) }));
  const untried = bodies.filter(({ codec }) => codec === undefined || !tried.has(codec as Codec<unknown>));
  expect(untried.map(({ name }) => name)).toEqual(['leaveAns', 'updateAns', 'configUpdateAns']);
  for (const { codec } of untried) expect(codec && encode(codec, {})).toEqual(new Uint8Array());
});

describe('noise', () => {
  it.each(STRUCTURES)('is refused as $name, or read exactly', ({ codec }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        readExactly(codec, bytes);
      }),
      { numRuns: 100, seed: 4 },
    );
  });
});

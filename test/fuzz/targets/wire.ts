import fc from 'fast-check';
import { equalBytes } from '#platform/bytes.ts';
import { bodyCodec } from '#reload/wire/bodies.ts';
import { type Codec, decode, encode } from '#reload/wire/codec.ts';
import { decodeHeader, encodeWithPayload, isFragment, splitFragment } from '#reload/wire/forwarding-header.ts';
import { encodeContents, encodeMessage, splitMessage } from '#reload/wire/message.ts';
import { isWireFailure } from '#reload/wire/reader.ts';
import { STRUCTURES } from '../../reload/wire/arbitraries.ts';
import { bytesOf, vectorsOf } from '../../vectors/reload-vectors.ts';
import type { Dice } from '../dice.ts';
import { mutateValue } from '../mutate/value.ts';
import { BrokenPromise, bytesTarget, type Target } from '../target.ts';

/** Arbitrary values are dear to make, so each structure has a stock of them. */
const STOCK = 64;

/** One target for each structure of RFC 6940 and the usages, and one for whole messages. */
export function wireTargets(): readonly Target[] {
  return [messages(), ...STRUCTURES.map(({ name, codec, values }) => structure(name, codec, values))];
}

function structure(name: string, codec: Codec<unknown>, values: fc.Arbitrary<unknown>): Target {
  let stock: readonly unknown[] | undefined;
  return bytesTarget(`wire ${name}`, {
    share: 0.2,
    sample(dice) {
      stock ??= fc.sample(values, { seed: 1, numRuns: STOCK });
      const value = dice.pick(stock);
      return dice.oneIn(2) ? encode(codec, value) : (encodedHostile(codec, value, dice) ?? encode(codec, value));
    },
    run: (input) => sameAgain(codec, input),
  });
}

/** The value with hostile fields, where they can be written at all. Writing may refuse, with its own fault only. */
function encodedHostile(codec: Codec<unknown>, value: unknown, dice: Dice): Uint8Array | undefined {
  try {
    return encode(codec, mutateValue(codec.shape, value, dice));
  } catch (thrown) {
    if (isWireFailure(thrown)) return undefined;
    throw thrown;
  }
}

/** What is read is written again exactly as it was (docs of `Codec`). */
function sameAgain<T>(codec: Codec<T>, input: Uint8Array): T {
  const value = decode(codec, input);
  if (!equalBytes(encode(codec, value), input)) throw new BrokenPromise('what was read is written differently');
  return value;
}

function messages(): Target {
  const vectors = vectorsOf('message').map(bytesOf);
  return bytesTarget('wire message', {
    sample: (dice) => dice.pick(vectors),
    run(input) {
      const again = rewritten(input);
      if (!equalBytes(again, input)) throw new BrokenPromise('what was read is written differently');
      return again;
    },
  });
}

function rewritten(input: Uint8Array): Uint8Array {
  if (isFragment(decodeHeader(input).header)) {
    const { header, chunk } = splitFragment(input);
    return encodeWithPayload(header, chunk);
  }
  const { header, contents, security } = splitMessage(input);
  const codec = bodyCodec(contents.code);
  const body = codec === undefined ? contents.body : sameBody(codec, contents.body);
  return encodeMessage(header, encodeContents({ ...contents, body }), security);
}

function sameBody(codec: Codec<object>, body: Uint8Array): Uint8Array {
  return encode(codec, decode(codec, body));
}

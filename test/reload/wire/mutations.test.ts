import { describe, expect, it } from 'vitest';
import { toHex } from '#platform/bytes.ts';
import { bodyCodec } from '#reload/wire/bodies.ts';
import { type Codec, decode, encode } from '#reload/wire/codec.ts';
import { decodeHeader, encodeWithPayload, isFragment, splitFragment } from '#reload/wire/forwarding-header.ts';
import { framedMessage } from '#reload/wire/frame.ts';
import { encodeContents, encodeMessage, splitMessage } from '#reload/wire/message.ts';
import { isWireFailure } from '#reload/wire/reader.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';
import { sipRegistration } from '#reload/wire/sip-registration.ts';
import { turnServer } from '#reload/wire/turn-server.ts';
import { mutations } from '../../vectors/mutations.ts';
import { bytesOf, vectorsOf } from '../../vectors/reload-vectors.ts';

type Rewrite = (bytes: Uint8Array) => Uint8Array;

const rewriteMessage: Rewrite = (bytes) => {
  if (isFragment(decodeHeader(bytes).header)) {
    const { header, chunk } = splitFragment(bytes);
    return encodeWithPayload(header, chunk);
  }
  const { header, contents, security } = splitMessage(bytes);
  const codec = bodyCodec(contents.code);
  const body = codec === undefined ? contents.body : encode(codec, decode(codec, contents.body));
  return encodeMessage(header, encodeContents({ ...contents, body }), security);
};

const rewriteAs =
  (codec: Codec<unknown>): Rewrite =>
  (bytes) =>
    encode(codec, decode(codec, bytes));

/** Counts what was refused; anything else must come out as it went in. */
function countRefused(rewrite: Rewrite, original: Uint8Array, count: number): number {
  let refused = 0;
  for (const mutated of mutations(original, count, original.length)) {
    try {
      expect(toHex(rewrite(mutated))).toBe(toHex(mutated));
    } catch (thrown) {
      if (!isWireFailure(thrown)) throw thrown;
      expect(thrown.fault.detail).not.toBe('');
      refused += 1;
    }
  }
  return refused;
}

describe('malformed input', () => {
  it.each(vectorsOf('message'))('$name, mutated 300 times, is refused with a typed fault or read exactly', (given) => {
    const refused = countRefused(rewriteMessage, bytesOf(given), 300);
    expect(refused).toBeGreaterThan(50);
  });

  it.each(vectorsOf('frame'))('$name, mutated 300 times, is refused with a typed fault or read exactly', (given) => {
    expect(countRefused(rewriteAs(framedMessage), bytesOf(given), 300)).toBeGreaterThan(50);
  });

  it.each(vectorsOf('value'))('$name, mutated 300 times, is refused with a typed fault or read exactly', (given) => {
    for (const codec of [sipRegistration, redirServiceProvider, turnServer]) {
      expect(countRefused(rewriteAs(codec), bytesOf(given), 300)).toBeGreaterThan(50);
    }
  });

  it('a list that announces four gigabytes is refused at once', () => {
    const [given] = vectorsOf('message');
    if (given === undefined) throw new Error('no vectors');
    const bytes = bytesOf(given);
    const { headerLength } = decodeHeader(bytes);
    bytes.set([0xff, 0xff, 0xff, 0xff], headerLength + 2);
    expect(() => splitMessage(bytes)).toThrow('4294967295 bytes are needed');
  });
});

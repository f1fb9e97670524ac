import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Reassembler } from '#reload/forwarding/reassembler.ts';
import { type ForwardingHeader, RELOAD_VERSION } from '#reload/wire/forwarding-header.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';

const LIMITS = { maxBytes: 5000, lifetime: 15_000 };
const HEADER_LENGTH = 74;

interface Piece {
  readonly header: ForwardingHeader;
  readonly chunk: Uint8Array;
}

function piece(message: Uint8Array, offset: number, end: number, transactionId = 1n): Piece {
  const chunk = message.subarray(offset, end);
  const fragment = { offset, last: end === message.length };
  const header: ForwardingHeader = {
    overlay: 1,
    configurationSequence: 0,
    version: RELOAD_VERSION,
    ttl: 90,
    fragment,
    length: HEADER_LENGTH + chunk.length,
    transactionId,
    maxResponseLength: 0,
    viaList: [],
    destinationList: [],
    options: [],
  };
  return { header, chunk };
}

function message(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);
}

function cut(whole: Uint8Array, size: number): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < whole.length; at += size) pieces.push(piece(whole, at, Math.min(whole.length, at + size)));
  return pieces;
}

describe('reassembly at the destination', () => {
  it('R6940-6.7-08 gives the message once, whatever the order of the fragments and however many come twice', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 300, max: 4900 }),
        fc.integer({ min: 256, max: 1400 }),
        fc.infiniteStream(fc.nat()),
        (length, size, dice) => {
          const whole = message(length);
          const roll = (below: number) => (dice.next().value ?? 0) % below;
          const pieces = cut(whole, size);
          const shuffled = [...pieces, pieces[0]!].sort(() => roll(3) - 1);
          const reassembler = new Reassembler(new VirtualClock());
          const results = shuffled.map(({ header, chunk }) => reassembler.add('a', header, chunk, LIMITS));
          const done = results.filter((result) => result !== undefined);
          expect(done.length).toBeGreaterThanOrEqual(1);
          expect(Buffer.compare(done[0]!.payload, whole)).toBe(0);
          expect(done[0]!.header.fragment).toEqual({ offset: 0, last: true });
          expect(done[0]!.header.length).toBe(HEADER_LENGTH + length);
        },
      ),
    );
  });

  it('takes pieces that another hop split again, when the bytes agree', () => {
    const whole = message(2000);
    const reassembler = new Reassembler(new VirtualClock());
    const pieces = [piece(whole, 0, 1000), piece(whole, 500, 1200), piece(whole, 1100, 2000)];
    const results = pieces.map(({ header, chunk }) => reassembler.add('a', header, chunk, LIMITS));
    expect(results[2]?.payload).toEqual(whole);
  });

  it('throws away what overlaps with other bytes', () => {
    const reassembler = new Reassembler(new VirtualClock());
    const [first, second] = [piece(message(1000), 0, 600), piece(new Uint8Array(1000), 500, 1000)];
    reassembler.add('a', first.header, first.chunk, LIMITS);
    expect(reassembler.add('a', second.header, second.chunk, LIMITS)).toBeUndefined();
    expect(reassembler.size).toBe(0);
  });

  it('R6940-6.7-09 R6940-3-03 gives up after the request lifetime; a late fragment yields nothing', async () => {
    const clock = new VirtualClock();
    const reassembler = new Reassembler(clock);
    const [first, second, third] = cut(message(900), 300);
    reassembler.add('a', first!.header, first!.chunk, LIMITS);
    reassembler.add('a', second!.header, second!.chunk, LIMITS);
    await clock.advance(14_999);
    expect(reassembler.size).toBe(1);
    await clock.advance(1);
    expect(reassembler.size).toBe(0);
    expect(reassembler.add('a', third!.header, third!.chunk, LIMITS)).toBeUndefined();
  });

  it('R6940-6.7-10 bounds what one neighbour can leave unfinished, and others still get through', () => {
    const reassembler = new Reassembler(new VirtualClock());
    for (let i = 0; i < 1000; i++) {
      const flood = piece(message(600), 0, 300, BigInt(i));
      reassembler.add('mallory', flood.header, flood.chunk, LIMITS);
    }
    expect(reassembler.size).toBe(32);
    const results = cut(message(600), 300).map(({ header, chunk }) => reassembler.add('bob', header, chunk, LIMITS));
    expect(results[1]?.payload).toEqual(message(600));
  });

  it('keeps apart messages of one transaction id that came from different neighbours', () => {
    const reassembler = new Reassembler(new VirtualClock());
    const [first, second] = cut(message(600), 300);
    expect(reassembler.add('a', first!.header, first!.chunk, LIMITS)).toBeUndefined();
    expect(reassembler.add('b', second!.header, second!.chunk, LIMITS)).toBeUndefined();
  });

  it('refuses empty fragments, fragments beyond the size limit, and a second end', () => {
    const reassembler = new Reassembler(new VirtualClock());
    const empty = piece(message(600), 0, 0);
    expect(reassembler.add('a', empty.header, empty.chunk, LIMITS)).toBeUndefined();
    const far = piece(message(9000), 4900, 5200);
    expect(reassembler.add('a', far.header, far.chunk, LIMITS)).toBeUndefined();
    expect(reassembler.size).toBe(0);
    const [end, otherEnd] = [piece(message(600), 300, 600), piece(message(900), 600, 900)];
    reassembler.add('a', end.header, end.chunk, LIMITS);
    reassembler.add('a', otherEnd.header, otherEnd.chunk, LIMITS);
    expect(reassembler.size).toBe(0);
  });
});

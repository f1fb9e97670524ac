import { describe, expect, it } from 'vitest';
import type { ResourceId } from '#reload/wire/ids.ts';
import { at, createBench } from './bench.ts';

const place = (part: number) => at(part) as string as ResourceId;

/** A peer at 0x80 that answers for (0x60, 0x80]. */
async function member() {
  const bench = await createBench(0x80);
  bench.chord.found();
  for (const part of [0x10, 0x20, 0x40, 0x60, 0xa0, 0xc0]) await bench.peer(part);
  return bench.chord;
}

describe('a replica of what another peer answers for', () => {
  it.each([
    ['its first predecessor', 0x55, 0x60, true],
    ['its second predecessor', 0x35, 0x40, true],
    ['a peer before the resource', 0x55, 0x40, false],
    ['a peer far behind the resource', 0x55, 0xc0, false],
    ['a predecessor too far away', 0x08, 0x10, false],
  ])('R6940-10.4-03 from %s: resource %i, sender %i, accepted: %s', async (_, resource, sender, isAccepted) => {
    const chord = await member();
    expect(chord.acceptsReplica(place(resource), at(sender))).toBe(isAccepted);
  });
});

describe('a replica of what the peer itself answers for', () => {
  it('R6940-10.4-03 is accepted from its successors only', async () => {
    const chord = await member();
    expect([0xa0, 0xc0, 0x10, 0x60].map((sender) => chord.acceptsReplica(place(0x70), at(sender)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

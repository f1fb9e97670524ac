/** A small seeded generator (mulberry32): the same mutations in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** `count` versions of `bytes` with flipped bits, cut or stretched ends, or lengths that lie. */
export function* mutations(bytes: Uint8Array, count: number, seed: number): Generator<Uint8Array> {
  const below = generator(seed);
  for (let i = 0; i < count; i += 1) {
    const copy = bytes.slice();
    // Half of the changes go to the header and the start of the contents, where most of the structure is.
    const at = below(2) === 0 ? below(Math.min(copy.length, 160)) : below(copy.length);
    switch (i % 5) {
      case 0:
        copy[at] = (copy[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        for (let flips = 0; flips < 8; flips += 1) copy[below(copy.length)] = below(256);
        break;
      case 2:
        yield corrected(copy.slice(0, below(copy.length)), below(2) === 0);
        continue;
      case 3:
        copy.set([0xff, 0xff, 0xff, 0xff].slice(0, 1 + below(4)), Math.min(at, copy.length - 4));
        break;
      default: {
        const longer = new Uint8Array(copy.length + 1 + below(64));
        longer.set(copy);
        yield corrected(longer, below(2) === 0);
        continue;
      }
    }
    yield copy;
  }
}

/** With the header's length made true, so that the fault is found further in. */
function corrected(bytes: Uint8Array, really: boolean): Uint8Array {
  if (really && bytes.length >= 20) new DataView(bytes.buffer, bytes.byteOffset).setUint32(16, bytes.length);
  return bytes;
}

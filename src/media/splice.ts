import { linearOf, mulawOf } from '#media/g711.ts';

/** Mu-law in a ring whose size is a power of two; `present` is 1 where sound has arrived and was not played. */
export interface SoundRing {
  readonly codes: Uint8Array;
  readonly present: Uint8Array;
}

/** What is cut or repeated is 10 to 20 ms long, so that it can be whole periods of any voice above 50 Hz; blended over 10 ms. */
export const SHORTEST_CUT = 80;
const LONGEST_CUT = 160;
const BLEND = 80;

/**
 * Prepares a jump forward of up to `longest` samples: finds how far ahead the sound is most like what comes next, and blends from
 * the one into the other there. Gives by how many samples to jump; 0 when too little has arrived.
 */
export function skipSmoothly(ring: SoundRing, read: number, longest = LONGEST_CUT): number {
  if (!allPresent(ring, read, LONGEST_CUT + BLEND)) return 0;
  const jump = mostAlike(ring, read, 1, longest);
  blend(ring, read, read + jump);
  return jump;
}

/** The same backwards: what was played is still in the ring. */
export function repeatSmoothly(ring: SoundRing, read: number): number {
  if (!allPresent(ring, read, BLEND)) return 0;
  const jump = mostAlike(ring, read, -1, LONGEST_CUT);
  blend(ring, read, read - jump);
  return jump;
}

function allPresent({ present }: SoundRing, from: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (present[(from + i) & (present.length - 1)] === 0) return false;
  return true;
}

/** The jump at which the sound there is most like the sound here, by normalised cross-correlation over every second sample; the shortest of equals. */
function mostAlike({ codes }: SoundRing, read: number, direction: 1 | -1, longest: number): number {
  const mask = codes.length - 1;
  let best = SHORTEST_CUT;
  let highest = 0;
  for (let jump = SHORTEST_CUT; jump < Math.min(longest, LONGEST_CUT); jump++) {
    let both = 0;
    let power = 1;
    for (let i = 0; i < BLEND; i += 2) {
      const there = linearOf(codes[(read + direction * jump + i) & mask] ?? 0);
      both += there * linearOf(codes[(read + i) & mask] ?? 0);
      power += there * there;
    }
    const likeness = both / Math.sqrt(power);
    if (likeness <= 1.001 * highest) continue;
    highest = likeness;
    best = jump;
  }
  return best;
}

/** Replaces the beginning of the sound at `to` by a blend of the sound at `from` into it. */
function blend({ codes }: SoundRing, from: number, to: number): void {
  const mask = codes.length - 1;
  for (let i = 0; i < BLEND; i++) {
    const share = (i + 1) / (BLEND + 1);
    const here = linearOf(codes[(from + i) & mask] ?? 0);
    const there = linearOf(codes[(to + i) & mask] ?? 0);
    codes[(to + i) & mask] = mulawOf(Math.round(here + share * (there - here)));
  }
}

import type { Random } from '#platform/random.ts';
import type { Link } from '#reload/link/link.ts';

/** Links that came up without a Node-ID. Each keeps its slot until it closes, because answers may still be on their way to it. */
const SLOTS = 1024;
const INDEX_BITS = 12;
const GENERATIONS = 8;

/**
 * Two-byte opaque ids for links whose Node-ID is not known: 1 bit set, 12 bits of slot, 3 bits of generation (RFC 6940 §6.3.2.2).
 * Slots are taken in rotation, and a slot's generation moves on each time it is taken, so that a late answer never
 * reaches another node's link.
 */
export class OpaqueSlots {
  readonly #random: Random;
  /** By slot; grows to SLOTS as they are taken. */
  readonly #slots: (Link | undefined)[] = [];
  #generations: Uint8Array | undefined;
  readonly #indexes = new Map<Link, number>();
  #next = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** False when every slot is taken. */
  take(link: Link): boolean {
    this.#generations ??= this.#random.bytes(SLOTS);
    for (let tried = 0; tried < SLOTS; tried++) {
      const index = this.#next;
      this.#next = (index + 1) % SLOTS;
      if (this.#slots[index] !== undefined) continue;
      this.#slots[index] = link;
      this.#generations[index] = ((this.#generations[index] ?? 0) + 1) % GENERATIONS;
      this.#indexes.set(link, index);
      return true;
    }
    return false;
  }

  release(link: Link): void {
    const index = this.#indexes.get(link);
    if (index === undefined) return;
    this.#indexes.delete(link);
    this.#slots[index] = undefined;
  }

  has(link: Link): boolean {
    return this.#indexes.has(link);
  }

  links(): readonly Link[] {
    return [...this.#indexes.keys()];
  }

  idOf(link: Link): Uint8Array | undefined {
    const index = this.#indexes.get(link);
    if (index === undefined) return undefined;
    const value = 0x8000 | (index << 3) | (this.#generations?.[index] ?? 0);
    return Uint8Array.of(value >> 8, value & 0xff);
  }

  find(id: Uint8Array): Link | undefined {
    if (id.length !== 2) return undefined;
    const value = ((id[0] ?? 0) << 8) | (id[1] ?? 0);
    const index = (value >> 3) & ((1 << INDEX_BITS) - 1);
    if ((value & (GENERATIONS - 1)) !== this.#generations?.[index]) return undefined;
    return this.#slots[index];
  }
}

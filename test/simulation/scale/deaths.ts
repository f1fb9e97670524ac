import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

/** Copies of a record, the responsible peer's among them: so many neighbours have to die at once to lose it. */
const COPIES = 3;

/** Keeps account of crashes, to know later which parts of the ring could not but lose their records. */
export class Deaths {
  readonly #window: number;
  #recent: { readonly id: NodeId; readonly at: number }[] = [];
  /** Parts of the ring (after, upTo] whose peers all died within one window, with one more on each side. */
  readonly #arcs: { readonly after: string; readonly upTo: string }[] = [];

  /** `window` is the stabilisation interval in milliseconds. */
  constructor(window: number) {
    this.#window = window;
  }

  get arcs(): number {
    return this.#arcs.length;
  }

  /** To be told of each crash, with the peers that live on. */
  died(id: NodeId, now: number, living: readonly NodeId[]): void {
    this.#recent = this.#recent.filter(({ at }) => now - at <= this.#window);
    this.#recent.push({ id, at: now });
    const dead = new Set(this.#recent.map((death) => death.id));
    const ring = [...living, ...dead].sort();
    const at = (index: number) => ring[((index % ring.length) + ring.length) % ring.length] ?? id;
    const own = ring.indexOf(id);
    let first = own;
    while (own - first < ring.length && dead.has(at(first - 1))) first--;
    let last = own;
    while (last - own < ring.length && dead.has(at(last + 1))) last++;
    if (last - first + 1 >= COPIES) this.#arcs.push({ after: at(first - 1), upTo: at(last) });
  }

  /** Whether all peers that had to hold the record died within one window. */
  excuses(resource: ResourceId): boolean {
    return this.#arcs.some(({ after, upTo }) =>
      after < upTo ? after < resource && resource <= upTo : after < resource || resource <= upTo,
    );
  }
}

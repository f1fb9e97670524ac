import type { Image } from './image.ts';

/** The latest storage time seen at each place of each peer: it never goes back while the record is kept. */
export class Watermarks {
  readonly #latest = new Map<string, ReadonlyMap<string, number>>();

  check(peer: string, { records }: Pick<Image, 'records'>): string[] {
    const before = this.#latest.get(peer) ?? new Map<string, number>();
    const now = new Map<string, number>();
    const faults: string[] = [];
    for (const { kind, resource, values } of records) {
      for (const { place, storageTime } of values) {
        const name = `${kind.toString(16)}/${resource}/${place}`;
        const earlier = before.get(name) ?? 0;
        if (storageTime < earlier) faults.push(`${name}: storage time ${storageTime} after ${earlier}`);
        now.set(name, Math.max(earlier, storageTime));
      }
    }
    this.#latest.set(peer, now);
    return faults;
  }
}

import { hashToResourceId } from '#reload/wire/ids.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { OPEN_KIND, type SimulatedNode } from '../simulated-overlay.ts';

const LIFETIME_SECONDS = 7 * 86_400;

/** The records of a run: which values a lookup may find. */
export class Records {
  /** The latest acknowledged value of each, and one that is being stored. */
  readonly #values = new Map<string, readonly string[]>();
  readonly #names: string[] = [];
  /** Stores that were not acknowledged. */
  refused = 0;

  /** Names of all records that were acknowledged. */
  get names(): readonly string[] {
    return this.#names;
  }

  expected(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  any(random: SeededRandom): string | undefined {
    return this.#names[Math.floor(random.unit() * this.#names.length)];
  }

  /** Resolves with whether the value was acknowledged. */
  async store(by: SimulatedNode, name: string, value: string): Promise<boolean> {
    const before = this.#values.get(name);
    if (before !== undefined) this.#values.set(name, [...before, value]);
    try {
      await by.node.records.store({
        resource: hashToResourceId(name),
        kind: OPEN_KIND.id,
        values: [{ place: { model: 'single' }, value: Buffer.from(value) }],
        lifetimeSeconds: LIFETIME_SECONDS,
      });
    } catch {
      this.refused++;
      return false;
    }
    if (before === undefined) this.#names.push(name);
    this.#values.set(name, [value]);
    return true;
  }
}

import { messageOf } from '#platform/failure.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { hashToResourceId, type ResourceId } from '#reload/wire/ids.ts';
import type { MemoryHost } from '../memory-network.ts';
import { OPEN_KIND, type SimulatedNode } from '../simulated-overlay.ts';
import { glanceAtFetch } from './traffic.ts';

/** How a lookup ended: the right value at the first try, at a second one, a wrong value, or none. */
type LookupResult = 'first' | 'retry' | 'wrong' | 'failed';

export interface Lookup {
  readonly at: number;
  readonly reader: string;
  readonly name: string;
  readonly result: LookupResult;
  /** Links that the request crossed, by the try that was answered; 0 where the reader itself is responsible. */
  readonly hops: number;
  readonly milliseconds: number;
  readonly detail: string | undefined;
}

interface LookupContext {
  expected(): readonly string[];
  now(): number;
}

interface Underway {
  readonly resource: ResourceId;
  hops: number;
  attempts: number;
  transaction: bigint | undefined;
}

/** Wait before the second try, in milliseconds. */
const SECOND_TRY = 3000;

/** Looks records up and follows the requests through the network. */
export class LookupProbe {
  readonly #byReader = new Map<MemoryHost, Underway>();
  readonly #byTransaction = new Map<bigint, Underway>();

  /** To be told of each Fetch request as it leaves a host. */
  sees(from: MemoryHost, code: number, bytes: Uint8Array): void {
    if (code !== MessageCode.fetchReq || this.#byReader.size === 0) return;
    const { transaction, isFirstHop, resource } = glanceAtFetch(bytes);
    let underway = this.#byTransaction.get(transaction);
    if (underway === undefined && isFirstHop) {
      underway = this.#byReader.get(from);
      if (underway === undefined || underway.resource !== resource) return;
      if (underway.transaction !== undefined) this.#byTransaction.delete(underway.transaction);
      underway.transaction = transaction;
      this.#byTransaction.set(transaction, underway);
    }
    if (underway === undefined) return;
    if (isFirstHop) {
      underway.attempts++;
      underway.hops = 0;
    }
    underway.hops++;
  }

  /** False while a lookup of this reader is under way: one at a time. */
  isFree(reader: SimulatedNode): boolean {
    return !this.#byReader.has(reader.host);
  }

  /** Lookups under way; when all else has come to its end, those whose reader died. */
  get unfinished(): number {
    return this.#byReader.size;
  }

  /** `expected` is asked when the answer is there: the value may change meanwhile. */
  async look(reader: SimulatedNode, name: string, { expected, now }: LookupContext): Promise<Lookup> {
    const at = now();
    const underway: Underway = { resource: hashToResourceId(name), hops: 0, attempts: 0, transaction: undefined };
    this.#byReader.set(reader.host, underway);
    const fetched = async () => {
      const request = { resource: underway.resource, kind: OPEN_KIND.id };
      const { values } = await reader.node.records.fetch(request);
      const value = values[0] === undefined ? undefined : Buffer.from(values[0].value).toString();
      if (value !== undefined && expected().includes(value)) return undefined;
      return value === undefined ? 'nothing found' : `found ${value}`;
    };
    const tried = () => fetched().catch((error: unknown) => messageOf(error));
    let detail = await tried();
    let result: LookupResult = underway.attempts > 1 ? 'retry' : 'first';
    if (detail !== undefined) {
      await new Promise<void>((resolve) => reader.host.clock.after(SECOND_TRY, resolve));
      const firstDetail = detail;
      detail = await tried();
      result = detail === undefined ? 'retry' : detail.startsWith('found') ? 'wrong' : 'failed';
      detail = `${firstDetail}; then: ${detail ?? 'right'}`;
    }
    this.#byReader.delete(reader.host);
    if (underway.transaction !== undefined) this.#byTransaction.delete(underway.transaction);
    return { at, reader: reader.name, name, result, hops: underway.hops, milliseconds: now() - at, detail };
  }
}

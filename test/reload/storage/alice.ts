import { utf8 } from '#platform/bytes.ts';
import { createSigner } from '#reload/security/signer.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import type { Place, StoreRequest } from '#reload/storage/record-client.ts';
import type { StorageOptions } from '#reload/storage/storage.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { fetchAns, fetchReq } from '#reload/wire/fetch.ts';
import { hashToResourceId } from '#reload/wire/ids.ts';
import { storeReq } from '#reload/wire/store.ts';
import { decodeStoredData, encodeStoredData, type StoredData } from '#reload/wire/stored-data.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { TEST_EPOCH } from '../../support/overlay.ts';
import { type Member, StorageRing } from './storage-ring.ts';

/** Where the user alice may write. */
export const ALICE = hashToResourceId('alice@home.example');
export const SINGLE: Place = { model: 'single' };
export const index = (i: number | 'append'): Place => ({ model: 'array', index: i });
export const key = (text: string): Place => ({ model: 'dictionary', key: utf8(text) });
export const error = (errorCode: number) => ({ fault: { code: 'remote', errorCode } });

export function arrayValue(i: number, text: string): StoredData['value'] {
  return { model: 'array', index: i, exists: true, value: utf8(text) };
}

export function dictionaryValue(k: string, text: string): StoredData['value'] {
  return { model: 'dictionary', key: utf8(k), exists: true, value: utf8(text) };
}

/** A ring of storing peers and the user alice, who stores through her client or past all its checks. */
export class AliceRing {
  readonly clock: VirtualClock;
  readonly ring: StorageRing;
  readonly alice: Member;

  private constructor(clock: VirtualClock, ring: StorageRing, alice: Member) {
    this.clock = clock;
    this.ring = ring;
    this.alice = alice;
  }

  static async create(options: StorageOptions & { readonly peers: number }): Promise<AliceRing> {
    const clock = new VirtualClock(TEST_EPOCH);
    const ring = await StorageRing.create({ clock, ...options });
    return new AliceRing(clock, ring, await ring.addClient('alice'));
  }

  store(kind: number, values: [Place, string | undefined][], more: Partial<StoreRequest> = {}, who = this.alice) {
    return this.clock.run(
      who.client.store({
        resource: ALICE,
        kind,
        values: values.map(([place, text]) => ({ place, value: text === undefined ? undefined : utf8(text) })),
        lifetimeSeconds: 600,
        ...more,
      }),
    );
  }

  async texts(kind: number, options: Partial<Parameters<Member['client']['fetch']>[0]> = {}) {
    const { values } = await this.clock.run(this.alice.client.fetch({ resource: ALICE, kind, ...options }));
    return values.map(({ value }) => new TextDecoder().decode(value));
  }

  rawStore(
    from: Member,
    kinds: readonly { kind: number; generation?: bigint; values: readonly StoredData[] }[],
    options: { replica?: number; to?: Member; certificates?: readonly Uint8Array[] } = {},
  ) {
    const body = encode(storeReq, {
      resource: ALICE,
      replicaNumber: options.replica ?? 0,
      kindData: kinds.map(({ kind, generation, values }) => ({
        kind,
        generationCounter: generation ?? 0n,
        values: encodeStoredData(values[0]?.value.model ?? 'single', values),
      })),
    });
    const destination = [options.to === undefined ? resourceDestination(ALICE) : nodeDestination(options.to.nodeId)];
    const certificates = options.certificates ?? [this.alice.identity.certificate.der];
    return this.clock.run(from.exchange.request({ destination, code: MessageCode.storeReq, body, certificates }));
  }

  /** The answer as it comes, past all checks of the client. */
  async rawFetch(kind: number) {
    const specifiers = [{ kind, generation: 0n, modelSpecifier: new Uint8Array() }];
    const body = encode(fetchReq, { resource: ALICE, specifiers });
    const destination = [resourceDestination(ALICE)];
    const answer = await this.clock.run(this.alice.exchange.request({ destination, code: MessageCode.fetchReq, body }));
    const [data] = decodeStoredData('single', decode(fetchAns, answer.body).kindResponses[0]!.values);
    return { data: data!, certificates: answer.certificates };
  }

  signed(
    kind: number,
    text: string,
    options: { time?: bigint; by?: Member; value?: StoredData['value']; lifetime?: number } = {},
  ): StoredData {
    const value = options.value ?? ({ model: 'single', exists: true, value: utf8(text) } as const);
    const storageTime = options.time ?? 1000n;
    const signature = createSigner((options.by ?? this.alice).identity).sign(
      valueSignatureInput({ resource: ALICE, kind, storageTime, value }),
    );
    return { storageTime, lifetime: options.lifetime ?? 600, value, signature };
  }
}

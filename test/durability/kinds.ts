import { concat } from '#platform/bytes.ts';
import type { KindConfiguration } from '#reload/overlay-config/configuration.ts';
import type { Place } from '#reload/storage/record-client.ts';
import { hashToResourceId, idBytes, type NodeId, type ResourceId } from '#reload/wire/ids.ts';

const shared = {
  name: undefined,
  domainRestriction: undefined,
  branchingFactor: undefined,
  accessControl: 'NODE-MULTIPLE',
  maxNodeMultiple: 20,
  maxSize: 400,
} as const;

/** One Kind of each data model; with NODE-MULTIPLE every peer owns resources all around the ring. */
export const KINDS = {
  single: { ...shared, id: 0xf0000201, dataModel: 'SINGLE', maxCount: 1 },
  array: { ...shared, id: 0xf0000202, dataModel: 'ARRAY', maxCount: 5 },
  dictionary: { ...shared, id: 0xf0000203, dataModel: 'DICTIONARY', maxCount: 4 },
} as const satisfies Record<string, KindConfiguration>;

export type Model = keyof typeof KINDS;
export const MODELS = ['single', 'array', 'dictionary'] as const satisfies readonly Model[];
export const KIND_IDS: ReadonlyMap<number, Model> = new Map(MODELS.map((model) => [KINDS[model].id, model]));

/** `slot` from 1 on. */
export function resourceOf(owner: NodeId, slot: number): ResourceId {
  return hashToResourceId(concat(idBytes(owner), Uint8Array.of(slot)));
}

/** A place as orders, answers and the ledger name it: '' for the single one, an index, or a key. */
export function placeOf(model: Model, name: string): Place {
  if (model === 'single') return { model };
  if (model === 'array') return { model, index: name === 'append' ? 'append' : Number(name) };
  return { model, key: Buffer.from(name) };
}

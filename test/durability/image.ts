import { createHash } from 'node:crypto';
import { messageOf } from '#platform/failure.ts';
import { decodeAnyRecord } from '#reload/storage/record.ts';
import type { ResourceId } from '#reload/wire/ids.ts';
import type { StoredDataValue } from '#reload/wire/stored-data.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

/** One record as it lies in a peer's database. */
export interface ImageRecord {
  readonly kind: number;
  readonly resource: ResourceId;
  readonly generation: number;
  readonly values: readonly {
    readonly place: string;
    readonly storageTime: number;
    /** Undefined for a removal. */
    readonly text: string | undefined;
  }[];
}

export interface Image {
  readonly records: readonly ImageRecord[];
  /** What does not fit together: records that can't be read, certificates that are missing, foreign or counted wrongly. */
  readonly faults: readonly string[];
}

/** Reads a whole records namespace past all code that would pass over damage. */
export function readImage(namespace: KeyValueNamespace): Image {
  const faults: string[] = [];
  const references = new Map<string, number>();
  const records = [...namespace.keys('r/')].flatMap((key): ImageRecord[] => {
    try {
      const { record } = decodeAnyRecord(namespace.get(key) ?? new Uint8Array());
      for (const fingerprint of record.entries.flatMap(({ certificates }) => certificates))
        references.set(fingerprint, (references.get(fingerprint) ?? 0) + 1);
      const [, kind = '', resource = ''] = key.split('/');
      const values = record.entries.map(({ data }) => ({
        place: nameOf(data.value),
        storageTime: Number(data.storageTime),
        text: data.value.exists ? Buffer.from(data.value.value).toString() : undefined,
      }));
      if (record.generation < 1n) faults.push(`${key} has generation ${record.generation}`);
      if (new Set(values.map(({ place }) => place)).size < values.length) faults.push(`${key} has a place twice`);
      return [
        {
          kind: Number.parseInt(kind, 16),
          resource: resource as ResourceId,
          generation: Number(record.generation),
          values,
        },
      ];
    } catch (thrown) {
      faults.push(`${key} can't be read: ${messageOf(thrown)}`);
      return [];
    }
  });
  const kept = new Set([...namespace.keys('c/')].map((key) => key.slice(2)));
  for (const fingerprint of references.keys()) {
    if (!kept.has(fingerprint)) faults.push(`certificate ${fingerprint} is missing`);
  }
  for (const fingerprint of kept) {
    const bytes = Buffer.from(namespace.get(`c/${fingerprint}`) ?? new Uint8Array(4));
    const count = bytes.readUInt32BE(0);
    if (count !== (references.get(fingerprint) ?? 0)) {
      faults.push(`certificate ${fingerprint} counts ${count} of ${references.get(fingerprint) ?? 0} references`);
    }
    const digest = createHash('sha256').update(bytes.subarray(4)).digest('hex');
    if (digest !== fingerprint) faults.push(`certificate ${fingerprint} is another one`);
  }
  const other = [...namespace.keys('')].filter((key) => !/^[rc]\//.test(key));
  return { records, faults: [...faults, ...other.map((key) => `nobody knows the key ${key}`)] };
}

function nameOf(value: StoredDataValue): string {
  if (value.model === 'single') return '';
  return value.model === 'array' ? String(value.index) : Buffer.from(value.key).toString();
}

import type { StorageContext } from '#reload/storage/context.ts';
import type { RecordName } from '#reload/storage/record-table.ts';

/** Records looked through in one transaction. */
const CHUNK = 256;

/** Deletes what is stored under Kinds that are not in force any more (RFC 6940 §11.1). Resolves with how many records that were. */
export async function discardUnknownKinds({
  records,
  kinds,
}: Pick<StorageContext, 'records' | 'kinds'>): Promise<number> {
  let discarded = 0;
  for (let after: RecordName | undefined; ; ) {
    const names = records.names({ limit: CHUNK, ...(after === undefined ? {} : { after }) });
    const unknown = names.filter(({ kind }) => kinds.get(kind) === undefined);
    await records.remove(unknown);
    discarded += unknown.length;
    after = names.at(-1);
    if (names.length < CHUNK) return discarded;
  }
}

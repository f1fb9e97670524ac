import { Failure } from '#platform/failure.ts';
import { completeCallRecords } from '#store/complete-call-records.ts';
import type { Transaction } from '#store/key-value-store.ts';
import type { StoreFault } from '#store/store-fault.ts';

/** Changes what an older program wrote into the next version's form. Runs inside the opening transaction. */
export type Migration = (namespace: (name: string) => Transaction) => void;

/** Entry i leads from version i + 1 to version i + 2. Version 1 is the first one published. */
export const MIGRATIONS: readonly Migration[] = [completeCallRecords];

/** The namespace that holds the version; no caller may use it. */
export const SCHEMA_NAMESPACE = 'schema';
const VERSION_KEY = 'version';

/**
 * Brings the database to the version that `migrations` lead to. A database without a version is new. A newer one is refused:
 * an older program would read it wrongly and damage it.
 */
export function migrate(namespace: (name: string) => Transaction, migrations: readonly Migration[]): void {
  const known = migrations.length + 1;
  const schema = namespace(SCHEMA_NAMESPACE);
  const record = schema.get(VERSION_KEY);
  const found = versionIn(record, known);
  for (const migration of migrations.slice(found - 1)) migration(namespace);
  if (record === undefined || found !== known) schema.put(VERSION_KEY, Buffer.from(String(known)));
}

/** For readers, which migrate nothing: throws unless the database has exactly the version that `migrations` lead to. */
export function checkVersion(schema: Pick<Transaction, 'get'>, migrations: readonly Migration[]): void {
  const known = migrations.length + 1;
  const found = versionIn(schema.get(VERSION_KEY), known);
  if (found === known) return;
  throw new Failure<StoreFault>(
    { code: 'older-schema', found, known },
    `the database has schema version ${found}, this program reads version ${known}: start the node once, which converts it`,
  );
}

function versionIn(record: Uint8Array | undefined, known: number): number {
  const found = record === undefined ? known : Number(Buffer.from(record).toString('utf8'));
  if (Number.isInteger(found) && found >= 1 && found <= known) return found;
  throw new Failure<StoreFault>(
    { code: 'newer-schema', found, known },
    `the database has schema version ${found}, this program knows versions up to ${known}: ` +
      'use the newer program, or move the database away to start afresh',
  );
}

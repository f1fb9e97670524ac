import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { aged, type Entry, type StoredRecord } from '#reload/storage/record.ts';
import { RecordTable } from '#reload/storage/record-table.ts';
import type { ResourceId } from '#reload/wire/ids.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';

const resource = (n: number) => n.toString(16).padStart(32, '0') as ResourceId;
const fingerprint = (n: number) => n.toString(16).padStart(64, '0');
const certificates = new Map([1, 2].map((n) => [fingerprint(n), utf8(`certificate ${n}`)]));

function entry(key: string, options: { certificate?: number; receivedAt?: number; lifetime?: number } = {}): Entry {
  return {
    data: {
      storageTime: 5n,
      lifetime: options.lifetime ?? 60,
      value: { model: 'dictionary', key: utf8(key), exists: true, value: utf8('v') },
      signature: { hashAlgorithm: 4, signatureAlgorithm: 3, identity: { type: 'none' }, value: utf8('s') },
    },
    receivedAt: options.receivedAt ?? 1000,
    certificates: [fingerprint(options.certificate ?? 1)],
  };
}

let directory: string;
let store: KeyValueStore;
let table: RecordTable;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'copperring-records-'));
  store = await openLmdbStore(directory);
  table = new RecordTable(store.namespace('records'));
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

function write(n: number, record: StoredRecord, kind = 7) {
  return table.update((t) => t.write({ kind, resource: resource(n) }, 'dictionary', record, certificates));
}

describe('RecordTable', () => {
  it('gives back a record as it was written, after reopening too', async () => {
    const record = { generation: 3n, entries: [entry('a'), entry('b', { receivedAt: 2 ** 42 })] };
    await write(1, record);
    await store.close();
    store = await openLmdbStore(directory);
    table = new RecordTable(store.namespace('records'));
    expect(table.read({ kind: 7, resource: resource(1) }, 'dictionary')).toEqual(record);
    expect(table.read({ kind: 7, resource: resource(1) }, 'single')).toBeUndefined();
    expect(table.count).toBe(1);
  });

  it('counts resources apart from records, from the disk and then as they come and go', async () => {
    const record = { generation: 1n, entries: [entry('a')] };
    await write(1, record);
    await write(1, record, 8);
    await write(2, record);
    expect([table.count, table.resourceCount]).toEqual([3, 2]);
    await write(3, record, 8);
    await write(3, { generation: 2n, entries: [entry('b')] }, 8);
    await table.remove([{ kind: 8, resource: resource(1) }]);
    expect([table.count, table.resourceCount]).toEqual([3, 3]);
    await table.remove([1, 2].map((n) => ({ kind: 7, resource: resource(n) })));
    expect([table.count, table.resourceCount]).toEqual([1, 1]);
    const failing = table.update((t) => {
      t.write({ kind: 7, resource: resource(9) }, 'dictionary', record, certificates);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect([table.count, table.resourceCount]).toEqual([1, 1]);
  });

  it('keeps a certificate as long as some value refers to it', async () => {
    await write(1, { generation: 1n, entries: [entry('a'), entry('b', { certificate: 2 })] });
    await write(2, { generation: 1n, entries: [entry('a')] });
    expect(table.certificate(fingerprint(1))).toEqual(utf8('certificate 1'));
    await write(1, { generation: 2n, entries: [entry('a')] });
    expect(table.certificate(fingerprint(2))).toBeUndefined();
    await table.remove([{ kind: 7, resource: resource(1) }]);
    expect(table.certificate(fingerprint(1))).toEqual(utf8('certificate 1'));
    await table.remove([{ kind: 7, resource: resource(2) }]);
    expect(table.certificate(fingerprint(1))).toBeUndefined();
    expect(table.count).toBe(0);
  });

  it('writes nothing when the change throws', async () => {
    await write(1, { generation: 1n, entries: [entry('a')] });
    const attempt = table.update((t) => {
      t.write({ kind: 7, resource: resource(1) }, 'dictionary', { generation: 9n, entries: [] }, certificates);
      throw new Error('refused');
    });
    await expect(attempt).rejects.toThrow('refused');
    expect(table.read({ kind: 7, resource: resource(1) }, 'dictionary')?.generation).toBe(1n);
    expect(table.certificate(fingerprint(1))).toBeDefined();
  });

  it('sweeps expired values and the records they leave empty', async () => {
    await write(1, { generation: 1n, entries: [entry('a', { lifetime: 1 }), entry('b')] });
    await write(2, { generation: 1n, entries: [entry('a', { lifetime: 1 })] });
    await table.sweep(table.names({ limit: 10 }), 2001);
    expect(table.names({ limit: 10 })).toEqual([{ kind: 7, resource: resource(1) }]);
    expect(table.read({ kind: 7, resource: resource(1) }, 'dictionary')?.entries).toHaveLength(1);
    expect(table.count).toBe(1);
  });

  it('walks names in parts and the resources of one Kind from anywhere', async () => {
    for (let n = 1; n <= 70; n += 1) await write(n, { generation: 1n, entries: [entry('a')] });
    await write(3, { generation: 1n, entries: [entry('a')] }, 8);
    const first = table.names({ limit: 50 });
    expect(first).toHaveLength(50);
    expect(table.names({ limit: 50, after: first.at(-1)! })).toHaveLength(21);
    expect([...table.resources(7, resource(5))]).toHaveLength(66);
    expect([...table.resources(7, resource(71))]).toEqual([]);
    expect([...table.resources(8, resource(0))]).toEqual([resource(3)]);
  });

  it('counts lifetimes down from the arrival, in whole seconds rounded up', () => {
    const at = (now: number) => aged(entry('a', { receivedAt: 1000, lifetime: 60 }), now).lifetime;
    expect([at(900), at(1000), at(1001), at(31_000), at(60_999), at(61_000), at(99_000)]).toEqual([
      60, 60, 60, 30, 1, 0, 0,
    ]);
  });
});

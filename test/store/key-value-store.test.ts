import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import { memoryStore } from '#store/memory-store.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'copperring-store-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const implementations: [string, () => Promise<KeyValueStore>][] = [
  ['memory', async () => memoryStore()],
  ['lmdb', () => openLmdbStore(directory)],
];

describe.each(implementations)('KeyValueStore on %s', (_name, open) => {
  let store: KeyValueStore;
  beforeEach(async () => {
    store = await open();
  });
  afterEach(() => store.close());

  it('returns what was put, overwrites it, and forgets what was removed', async () => {
    const records = store.namespace('records');
    await records.update((t) => t.put('a', utf8('one')));
    expect(records.get('a')).toEqual(utf8('one'));
    await records.update((t) => t.put('a', new Uint8Array()));
    expect(records.get('a')).toEqual(new Uint8Array());
    await records.update((t) => t.remove('a'));
    expect(records.get('a')).toBeUndefined();
    await records.update((t) => t.remove('never there'));
  });

  it('keeps namespaces apart and gives the same namespace for the same name', async () => {
    await store.namespace('users').update((t) => t.put('k', utf8('user')));
    await store.namespace('records').update((t) => t.put('k', utf8('record')));
    expect(store.namespace('users').get('k')).toEqual(utf8('user'));
    expect([...store.namespace('records').keys('')]).toEqual(['k']);
  });

  it('lists keys of a prefix in the order of their UTF-8 bytes, after a key, up to a limit', async () => {
    const keys = ['r/2', 'r/10', 'r/', 'r', 's', 'r/\u{1f600}', 'r/\uff5e', 'r/é', 'q/9'];
    const space = store.namespace('n');
    await space.update((t) => {
      for (const key of keys) t.put(key, utf8(key));
    });
    const sorted = keys
      .filter((k) => k.startsWith('r/'))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect([...space.keys('r/')]).toEqual(sorted);
    expect([...space.keys('r/', { after: 'r/2' })]).toEqual(sorted.slice(sorted.indexOf('r/2') + 1));
    expect([...space.keys('r/', { after: 'r/1z', limit: 1 })]).toEqual(['r/2']);
    expect([...space.keys('r/', { after: 'a' })]).toEqual(sorted);
    expect([...space.keys('r/', { limit: 0 })]).toEqual([]);
    expect([...space.keys('zzz')]).toEqual([]);
    expect([...space.keys('')]).toHaveLength(keys.length);
  });

  it('shows a transaction its own writes', async () => {
    const space = store.namespace('n');
    await space.update((t) => t.put('gone', utf8('x')));
    const seen = await space.update((t) => {
      t.put('new', utf8('1'));
      t.remove('gone');
      return { keys: [...t.keys('')], value: t.get('new'), gone: t.get('gone') };
    });
    expect(seen).toEqual({ keys: ['new'], value: utf8('1'), gone: undefined });
  });

  it('undoes everything when the function throws, and passes on what it threw', async () => {
    const space = store.namespace('n');
    await space.update((t) => t.put('kept', utf8('before')));
    const reason = new Error('refused half-way');
    const failing = space.update((t) => {
      t.put('kept', utf8('after'));
      t.put('added', utf8('x'));
      t.remove('kept');
      throw reason;
    });
    const beside = space.update((t) => t.put('beside', utf8('y')));
    await expect(failing).rejects.toBe(reason);
    await beside;
    expect(space.get('kept')).toEqual(utf8('before'));
    expect([...space.keys('')]).toEqual(['beside', 'kept']);
  });

  it('loses no update when many change the same key at once', async () => {
    const space = store.namespace('n');
    const increment = () =>
      space.update((t) => t.put('count', utf8(String(Number(new TextDecoder().decode(t.get('count'))) + 1))));
    await Promise.all(Array.from({ length: 100 }, increment));
    expect(space.get('count')).toEqual(utf8('100'));
  });

  it('keeps its own copy of what callers pass and receive', async () => {
    const space = store.namespace('n');
    const value = utf8('abc');
    await space.update((t) => t.put('k', value));
    value[0] = 0;
    const read = space.get('k');
    if (read) read[1] = 0;
    expect(space.get('k')).toEqual(utf8('abc'));
  });

  it('holds values of a megabyte', async () => {
    const space = store.namespace('n');
    const large = new Uint8Array(2 ** 20).map((_, i) => i % 251);
    await space.update((t) => t.put('large', large));
    expect(Buffer.from(space.get('large') ?? []).equals(large)).toBe(true);
  });

  it('refuses keys that are empty or longer than 1024 bytes', async () => {
    const space = store.namespace('n');
    for (const key of ['', 'k'.repeat(1025)]) {
      await expect(space.update((t) => t.put(key, utf8('x')))).rejects.toMatchObject({ code: 'bad-key' });
    }
    await space.update((t) => t.put('k'.repeat(1024), utf8('x')));
  });

  it('fails clearly once closed', async () => {
    const space = store.namespace('n');
    await store.close();
    await store.close();
    expect(() => space.get('k')).toThrow('closed');
    await expect(space.update(() => 1)).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('openLmdbStore', () => {
  it('makes a directory that only its owner may enter', async () => {
    const path = join(directory, 'deep', 'db');
    await (await openLmdbStore(path)).close();
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  it('finds everything again after it was closed', async () => {
    const first = await openLmdbStore(directory);
    await first.namespace('n').update((t) => t.put('k', utf8('kept')));
    await first.close();
    const second = await openLmdbStore(directory);
    expect(second.namespace('n').get('k')).toEqual(utf8('kept'));
    await second.close();
  });

  it('refuses a database with a newer schema version and says what to do', async () => {
    await (await openLmdbStore(directory, { migrations: [() => {}, () => {}] })).close();
    await expect(openLmdbStore(directory, { migrations: [] })).rejects.toMatchObject({
      fault: { code: 'newer-schema', found: 3, known: 1 },
      message: expect.stringContaining('use the newer program'),
    });
  });

  it('migrates an older database step by step, once', async () => {
    const old = await openLmdbStore(directory, { migrations: [] });
    await old.namespace('n').update((t) => t.put('k', utf8('1')));
    await old.close();
    const append = (text: string) => (namespace: (name: string) => import('#store/key-value-store.ts').Transaction) => {
      const n = namespace('n');
      n.put('k', utf8(new TextDecoder().decode(n.get('k')) + text));
    };
    const migrations = [append('a'), append('b')];
    await (await openLmdbStore(directory, { migrations })).close();
    const reopened = await openLmdbStore(directory, { migrations });
    expect(reopened.namespace('n').get('k')).toEqual(utf8('1ab'));
    await reopened.close();
  });

  it('leaves the database as it was when a migration fails', async () => {
    const old = await openLmdbStore(directory, { migrations: [] });
    await old.namespace('n').update((t) => t.put('k', utf8('old')));
    await old.close();
    const failing = (namespace: (name: string) => import('#store/key-value-store.ts').Transaction) => {
      namespace('n').put('k', utf8('half'));
      throw new Error('cannot convert');
    };
    await expect(openLmdbStore(directory, { migrations: [failing] })).rejects.toThrow('cannot convert');
    const again = await openLmdbStore(directory, { migrations: [] });
    expect(again.namespace('n').get('k')).toEqual(utf8('old'));
    await again.close();
  });

  it('says which directory it cannot use', async () => {
    await expect(openLmdbStore('/dev/null/db')).rejects.toMatchObject({ fault: { code: 'unusable' } });
  });
});

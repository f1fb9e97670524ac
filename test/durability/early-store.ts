import type { KeyValueNamespace, KeyValueStore } from '#store/key-value-store.ts';
import { memoryStore } from '#store/memory-store.ts';

/**
 * A store with a defect, to show that the rounds notice it: updates resolve at once and reach the disk `lagMs` later. Everything but
 * the records goes straight through.
 */
export function earlyStore(disk: KeyValueStore, lagMs: number): KeyValueStore {
  const records = earlyNamespace(memoryStore().namespace('records'), disk.namespace('records'), lagMs);
  return {
    namespace: (name) => (name === 'records' ? records : disk.namespace(name)),
    close: () => disk.close(),
  };
}

function earlyNamespace(memory: KeyValueNamespace, disk: KeyValueNamespace, lagMs: number): KeyValueNamespace {
  const loaded = memory.update((t) => {
    for (const key of disk.keys('')) t.put(key, disk.get(key) ?? new Uint8Array());
  });
  const changed = new Map<string, Uint8Array | undefined>();
  let waits = false;
  const flush = async () => {
    waits = false;
    const batch = [...changed];
    changed.clear();
    await disk.update((t) => {
      for (const [key, value] of batch) {
        if (value === undefined) t.remove(key);
        else t.put(key, value);
      }
    });
  };
  return {
    get: (key) => memory.get(key),
    keys: (prefix, options) => memory.keys(prefix, options),
    async update(change) {
      await loaded;
      const written = new Map<string, Uint8Array | undefined>();
      const result = await memory.update((t) =>
        change({
          ...t,
          put(key, value) {
            t.put(key, value);
            written.set(key, value.slice());
          },
          remove(key) {
            t.remove(key);
            written.set(key, undefined);
          },
        }),
      );
      for (const [key, value] of written) changed.set(key, value);
      if (!waits) setTimeout(() => void flush(), lagMs);
      waits = true;
      return result;
    },
  };
}

/** Messages are cut from slabs of this size. A slab lives as long as any piece of it: peers keep some, so it had better be small. */
const SLAB = 4 * 1024;
/** Larger pieces get memory of their own. */
const LARGEST = 2048;
/** After so many slabs the collector is called, lest dead ones pile up: a gigabyte. */
const SLABS_A_TURN = 262_144;

/**
 * Lets all short byte strings of this process be cut from shared memory. The runtime counts every other kind against a budget of
 * 64 MB, after which it looks through the whole heap: with thousands of peers, whose messages live for an instant, it would do little
 * else. Shared memory is freed like any other and not counted; `collect` is called now and then to free it.
 */
export function useUncountedMemory(collect: () => void): void {
  const counted = Buffer.allocUnsafe;
  let slab = new SharedArrayBuffer(SLAB);
  let at = 0;
  let slabs = 0;
  Buffer.allocUnsafe = (length: number) => {
    if (length > LARGEST) return counted(length);
    if (at + length > SLAB) {
      slab = new SharedArrayBuffer(SLAB);
      at = 0;
      if (++slabs % SLABS_A_TURN === 0) collect();
    }
    // The type says that a Buffer's memory is not shared; nothing that runs here asks.
    const piece = Buffer.from(slab as unknown as ArrayBuffer, at, length);
    at = (at + length + 7) & ~7;
    return piece;
  };
}

/** Messages are cut from slabs of this size. */
const SLAB = 256 * 1024;
/** Larger pieces get memory of their own. */
const LARGEST = 8192;

/**
 * Lets all short byte strings of this process be cut from shared memory. The runtime counts every other kind against a budget of
 * 64 MB, after which it looks through the whole heap: with thousands of peers, whose messages live for an instant, it would do little
 * else. Shared memory is freed like any other and not counted.
 */
export function useUncountedMemory(): void {
  const counted = Buffer.allocUnsafe;
  let slab = new SharedArrayBuffer(SLAB);
  let at = 0;
  Buffer.allocUnsafe = (length: number) => {
    if (length > LARGEST) return counted(length);
    if (at + length > SLAB) {
      slab = new SharedArrayBuffer(SLAB);
      at = 0;
    }
    // The type says that a Buffer's memory is not shared; nothing that runs here asks.
    const piece = Buffer.from(slab as unknown as ArrayBuffer, at, length);
    at = (at + length + 7) & ~7;
    return piece;
  };
}

/** Samples of one step: 8 ms. */
export const BLOCK = 64;
/** Two blocks overlap in each transform. */
export const FRAME = 2 * BLOCK;
export const BINS = BLOCK + 1;
/** Partitions of the impulse response: 4 of 8 ms, a tail of 32 ms. */
export const PARTITIONS = 4;

import { Failure } from '#platform/failure.ts';

export type StoreFault =
  | { readonly code: 'newer-schema'; readonly found: number; readonly known: number }
  | { readonly code: 'older-schema'; readonly found: number; readonly known: number }
  | { readonly code: 'unusable'; readonly directory: string }
  | { readonly code: 'bad-key'; readonly length: number }
  | { readonly code: 'closed' };

/** In UTF-8 bytes. LMDB's own bound is 1978 with 4096-byte pages. */
const MAX_KEY_LENGTH = 1024;

/** The bytes of a key, or `Failure<StoreFault>` when it is empty or too long. */
export function keyBytes(key: string): Buffer {
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length === 0 || bytes.length > MAX_KEY_LENGTH) {
    throw new Failure<StoreFault>(
      { code: 'bad-key', length: bytes.length },
      `a store key has 1 to ${MAX_KEY_LENGTH} bytes of UTF-8, this one has ${bytes.length}`,
    );
  }
  return bytes;
}

export function closedFailure(): Failure<StoreFault> {
  return new Failure<StoreFault>({ code: 'closed' }, 'the store was closed; nothing can be read or written any more');
}

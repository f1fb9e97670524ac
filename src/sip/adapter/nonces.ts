import { createHmac, timingSafeEqual } from 'node:crypto';
import { concat } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import type { Random } from '#platform/random.ts';

export interface NonceOptions {
  readonly lifetimeMs: number;
  /** Nonces in use whose counts are remembered; when there are more, the longest unused have to be renewed. */
  readonly remembered: number;
}

const TIME = 8;
const SALT = 8;
const SEAL = 16;

/**
 * Nonces that carry their time under a seal, so that handing them out costs no memory; only the counts of used ones are
 * kept, against replay (RFC 7616 §3.3, §5.12).
 */
export class Nonces {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: NonceOptions;
  readonly #key: Uint8Array;
  readonly #counts = new Map<string, number>();
  /** Nonces made up to here may have been used and forgotten. */
  #forgottenUntil = 0;

  constructor(deps: { readonly clock: Clock; readonly random: Random }, options: NonceOptions) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#options = options;
    this.#key = deps.random.bytes(32);
  }

  issue(): string {
    const content = Buffer.alloc(TIME + SALT);
    content.writeBigUInt64BE(BigInt(this.#clock.now()));
    content.set(this.#random.bytes(SALT), TIME);
    return Buffer.from(concat(content, this.#seal(content))).toString('base64url');
  }

  /** Notes the use of a nonce: stale when it is too old, or its count is not higher than every one before. */
  use(nonce: string, count: number): 'good' | 'stale' | 'forged' {
    const bytes = Buffer.from(nonce.slice(0, 64), 'base64url');
    if (bytes.length !== TIME + SALT + SEAL) return 'forged';
    const content = bytes.subarray(0, TIME + SALT);
    if (!timingSafeEqual(bytes.subarray(TIME + SALT), this.#seal(content))) return 'forged';
    const made = Number(content.readBigUInt64BE());
    const highest = this.#counts.get(nonce);
    if (this.#clock.now() - made > this.#options.lifetimeMs) return 'stale';
    if (highest === undefined ? made <= this.#forgottenUntil : count <= highest) return 'stale';
    this.#remember(nonce, count);
    return 'good';
  }

  #remember(nonce: string, count: number): void {
    this.#counts.delete(nonce);
    this.#counts.set(nonce, count);
    if (this.#counts.size <= this.#options.remembered) return;
    const oldest = this.#counts.keys().next();
    if (oldest.done === true) return;
    this.#counts.delete(oldest.value);
    this.#forgottenUntil = Math.max(this.#forgottenUntil, timeOf(oldest.value));
  }

  #seal(content: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(content).digest().subarray(0, SEAL);
  }
}

function timeOf(nonce: string): number {
  return Number(Buffer.from(nonce, 'base64url').readBigUInt64BE());
}

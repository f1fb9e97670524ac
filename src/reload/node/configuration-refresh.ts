import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';

export interface RefreshDeps {
  readonly configuration: ConfigurationSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Gets the document where a new member gets it; undefined when there is none newer, rejects when there is none to be had. */
  readonly fetch: (signal: AbortSignal) => Promise<Uint8Array | undefined>;
  /** Checks such a document and puts it in force; throws when it does not deserve that. */
  readonly adopt: (document: Uint8Array) => void;
}

/** Timers of a process take 24 days at most, and a clock may be set meanwhile, so that long waits are looked at again. */
const LONGEST_WAIT = 86_400_000;
/** After a look that brought nothing newer, in milliseconds. Whoever can make this node look must not make it flood the server. */
const RETRY = 600_000;
/** Part of the time left in which no look is made yet. */
const REST = 0.5;

/**
 * Gets a new copy of the document by HTTPS: at a random time before it expires (RFC 6940 §11.1), and when the overlay has one that can't
 * be checked here, because changes of its signers were missed (§6.5.4.2).
 */
export class ConfigurationRefresh {
  readonly #deps: RefreshDeps;
  readonly #stopping = new AbortController();
  #timer: Timer | undefined;
  /** When to look; undefined when the document never expires. */
  #due: number | undefined;
  #expiration: number | undefined;
  #earliest = 0;
  #looking = false;

  constructor(deps: RefreshDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#deps.configuration.onChange(() => this.#plan());
    this.#plan();
  }

  /** Looks as soon as it may: the document in force is known to be behind. */
  soon(): void {
    const now = this.#deps.clock.now();
    this.#due = Math.min(this.#due ?? Number.POSITIVE_INFINITY, Math.max(now, this.#earliest));
    this.#wait();
  }

  stop(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
  }

  /** Draws the time anew only for another expiration, so that changes of the document do not put it off. */
  #plan(): void {
    const { configuration, clock, random } = this.#deps;
    const { expiration } = configuration.current;
    if (expiration === this.#expiration) return;
    this.#expiration = expiration;
    const left = Math.max(0, (expiration ?? 0) - clock.now());
    const share = REST + (1 - REST) * (randomBelow(random, 2 ** 32) / 2 ** 32);
    this.#due = expiration === undefined ? undefined : Math.max(this.#earliest, clock.now() + share * left);
    this.#wait();
  }

  #wait(): void {
    const { clock } = this.#deps;
    this.#timer?.cancel();
    if (this.#due === undefined || this.#stopping.signal.aborted) return;
    const left = this.#due - clock.now();
    this.#timer = clock.after(Math.max(0, Math.min(left, LONGEST_WAIT)), () => {
      if (this.#due !== undefined && this.#due <= clock.now()) void this.#look();
      else this.#wait();
    });
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { clock, log, fetch, adopt } = this.#deps;
    this.#earliest = clock.now() + RETRY;
    this.#due = this.#expiration === undefined ? undefined : this.#earliest;
    try {
      const document = await fetch(this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      if (document !== undefined) adopt(document);
      log.info('looked for a new configuration document', { found: document !== undefined });
    } catch (error) {
      log.warn('no configuration document to be had', { why: printable(messageOf(error)) });
    } finally {
      this.#looking = false;
      this.#wait();
    }
  }
}

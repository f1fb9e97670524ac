import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import type { LinkTable } from '#reload/forwarding/link-table.ts';
import type { LinkFault } from '#reload/link/link.ts';
import { ConfigurationRefresh } from '#reload/node/configuration-refresh.ts';
import { LiveConfiguration } from '#reload/node/live-configuration.ts';
import type { ExitReason, MembershipDeps } from '#reload/node/membership.ts';
import type { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export interface ConfigurationLifeDeps extends MembershipDeps {
  readonly configuration: CurrentConfiguration;
  readonly links: LinkTable;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly onConfiguration?: ((document: Uint8Array) => void) | undefined;
  readonly fetchConfiguration?: ((signal: AbortSignal) => Promise<Uint8Array | undefined>) | undefined;
  readonly onExit?: ((reason: ExitReason) => void) | undefined;
  /** Leaves the overlay and ends the node. */
  readonly stop: () => Promise<void>;
  /** Whether the node is a client that lives in this process, whose link knows no secret. */
  readonly isHosted: (node: NodeId) => boolean;
}

/**
 * Before all links are made anew, in milliseconds: the document that demands it has to reach everybody over the old ones. Drawn evenly
 * from there to twice as much, so that not all nodes come at once.
 */
const REENTRY_DELAY = 15_000;

/** How a running node lives through changes of the configuration: where new documents come from, and what they make it do. */
export class ConfigurationLife {
  readonly #deps: ConfigurationLifeDeps;
  readonly #live: LiveConfiguration;
  readonly #refresh: ConfigurationRefresh | undefined;
  #exit: ExitReason | undefined;
  #stopped = false;

  constructor(deps: ConfigurationLifeDeps) {
    this.#deps = deps;
    this.#live = new LiveConfiguration(deps, {
      exit: (reason) => this.#leaveForGood(reason),
      reenter: (why) => this.#reenter(why),
      lost: () => this.lost(),
    });
    const fetch = deps.fetchConfiguration;
    const adopt = (document: Uint8Array) => this.#live.adoptFetched(document);
    this.#refresh = fetch === undefined ? undefined : new ConfigurationRefresh({ ...deps, fetch, adopt });
  }

  /** Why the node has left the overlay by itself; undefined while it has not. */
  get exit(): ExitReason | undefined {
    return this.#exit;
  }

  /** Throws why the node can't be a member under the configuration in force. */
  start(): void {
    const obstacle = this.#live.obstacle();
    if (obstacle !== undefined) throw obstacle;
    this.#live.start();
    this.#refresh?.start();
  }

  stop(): void {
    this.#stopped = true;
    this.#live.stop();
    this.#refresh?.stop();
  }

  /** Throws `Failure<ConfigurationFault>` for a document that does not deserve to be in force. */
  adopt(document: Uint8Array): void {
    this.#live.adopt(document);
  }

  /** As `adopt`, for Kinds beside the document (RFC 6940 §6.5.4.1). */
  adoptKinds(blocks: readonly Uint8Array[]): void {
    this.#live.adoptKinds(blocks);
  }

  /** The overlay seems to have a newer document that can't be had from it. */
  lost(): void {
    this.#refresh?.soon();
  }

  /** In a turn of its own: whoever brought the document gets its answer first. */
  #leaveForGood(reason: ExitReason): void {
    if (this.#exit !== undefined || this.#stopped) return;
    this.#exit = reason;
    const { clock, log, onExit, stop } = this.#deps;
    log.error('leaving the overlay for good', { why: printable(reason.message, 400) });
    clock.after(0, () => void stop().finally(() => onExit?.(reason)));
  }

  /** Without links the node comes in again as it would after a failure of its network (RFC 6940 §10.7.1, §11.1). */
  #reenter(why: string): void {
    const { clock, random, log, links, isHosted } = this.#deps;
    log.warn('all links are to be made anew', { why });
    clock.after(REENTRY_DELAY + randomBelow(random, REENTRY_DELAY), () => {
      if (this.#stopped) return;
      const gone = new Failure<LinkFault>({ code: 'closed' }, why);
      for (const node of links.nodes()) if (!isHosted(node)) links.remove(node, gone);
    });
  }
}

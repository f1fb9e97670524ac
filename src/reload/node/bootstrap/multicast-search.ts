import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import { type Random, randomU64 } from '#platform/random.ts';
import { Arrivals } from '#reload/node/bootstrap/arrivals.ts';
import { multicastInterfaces, openSender } from '#reload/node/bootstrap/multicast-sockets.ts';
import {
  isAddressedTo,
  type PingDatagramDeps,
  readAnswer,
  searchDatagram,
} from '#reload/node/bootstrap/ping-datagram.ts';
import type { Finder } from '#reload/node/bootstrap/way.ts';
import type { BootstrapAddress } from '#reload/node/peer-cache.ts';

export interface MulticastSearchDeps extends PingDatagramDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** When the search is sent, in milliseconds from its begin: datagrams get lost. */
const SENT_AT = [0, 250, 600];
/** How long answers are waited for. */
const PATIENCE = 1000;
/** Answers of one search whose signatures are checked. */
const MAX_CHECKED = 64;
/** Peers of one search that are tried. */
const MAX_FOUND = 16;

/** Asks the multicast groups of the document who is there (RFC 7890 §5.4). An answer comes from the port at which its sender takes links. */
export class MulticastSearch implements Finder {
  readonly way = 'multicast';
  readonly #deps: MulticastSearchDeps;
  readonly #options: { readonly loopback: boolean };

  constructor(deps: MulticastSearchDeps, options: { readonly loopback: boolean }) {
    this.#deps = deps;
    this.#options = options;
  }

  async *find(signal: AbortSignal): AsyncIterable<BootstrapAddress> {
    const { configuration, clock, random, signer } = this.#deps;
    const groups = configuration.current.multicastBootstrap;
    if (groups.length === 0) return;
    const transactionId = randomU64(random);
    const found = new Arrivals<BootstrapAddress>(MAX_FOUND);
    const seen = new Set<string>();
    let left = MAX_CHECKED;
    const take = (bytes: Uint8Array, from: BootstrapAddress) => {
      if (left === 0 || from.port === 0 || !isAddressedTo(signer.nodeId, bytes, configuration)) return;
      left--;
      const key = `${from.address} ${from.port}`;
      if (seen.has(key) || !this.#isAnswer(bytes, transactionId)) return;
      seen.add(key);
      found.add(from);
    };
    const senders = await this.#open(groups, take);
    let timers: readonly Timer[] = [];
    try {
      const bytes = searchDatagram(this.#deps, transactionId);
      const send = () => {
        for (const sender of senders) sender.send(bytes, (error) => this.#unsent(error));
      };
      timers = SENT_AT.map((ms) => clock.after(ms, send));
      yield* found.within(clock, senders.length === 0 ? 0 : PATIENCE, signal);
    } finally {
      for (const timer of timers) timer.cancel();
      for (const sender of senders) sender.close();
    }
  }

  async #open(groups: readonly BootstrapAddress[], take: (bytes: Uint8Array, from: BootstrapAddress) => void) {
    const { loopback } = this.#options;
    const wanted = groups.flatMap((group) => multicastInterfaces(group.address, loopback).map((at) => ({ group, at })));
    const opened = await Promise.allSettled(wanted.map(({ group, at }) => openSender(group, at, take)));
    return opened.flatMap((result) => {
      if (result.status === 'fulfilled') return [result.value];
      this.#unsent(result.reason);
      return [];
    });
  }

  #isAnswer(bytes: Uint8Array, transactionId: bigint): boolean {
    try {
      readAnswer(this.#deps, bytes, transactionId);
      return true;
    } catch (thrown) {
      this.#deps.log.debug('no answer to the search', { why: messageOf(thrown) });
      return false;
    }
  }

  #unsent(reason: unknown): void {
    this.#deps.log.debug('search not sent', { why: messageOf(reason) });
  }
}

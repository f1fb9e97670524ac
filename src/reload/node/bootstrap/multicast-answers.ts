import { isIPv6 } from 'node:net';
import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import { joinGroup, multicastInterfaces, openAnswerer } from '#reload/node/bootstrap/multicast-sockets.ts';
import {
  answerDatagram,
  isAddressedTo,
  type PingDatagramDeps,
  readSearch,
} from '#reload/node/bootstrap/ping-datagram.ts';
import type { BootstrapAddress } from '#reload/node/peer-cache.ts';
import { WILDCARD_NODE_ID } from '#reload/wire/ids.ts';

export interface MulticastAnswersDeps extends PingDatagramDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Searches whose signatures are checked within a second; a signature costs up to a millisecond, so a flood takes 2 % at most. */
const MAX_CHECKED = 20;
const WINDOW = 1000;
/** Answers come after up to this long, so that a crowd does not answer at once, in milliseconds. */
const SPREAD = 100;

/** Answers searches that come to the document's multicast groups, for a peer that is inside the overlay. */
export class MulticastAnswers {
  readonly #deps: MulticastAnswersDeps;
  readonly #options: { readonly loopback: boolean };
  #open = new Set<{ close(): void }>();
  readonly #waiting = new Set<Timer>();
  #isClosed = false;
  #window = { since: 0, checked: 0 };

  constructor(deps: MulticastAnswersDeps, options: { readonly loopback: boolean }) {
    this.#deps = deps;
    this.#options = options;
  }

  /** `from` are addresses at which this node takes links, at most one of each family. Begins anew when called again. Never rejects. */
  async start(from: readonly BootstrapAddress[], isInside: () => boolean): Promise<void> {
    if (this.#isClosed) return;
    this.#closeSockets();
    for (const group of this.#deps.configuration.current.multicastBootstrap) {
      const own = from.find(({ address }) => isIPv6(address) === isIPv6(group.address));
      if (own !== undefined) await this.#serve(group, own, isInside);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#closeSockets();
  }

  async #serve(group: BootstrapAddress, own: BootstrapAddress, isInside: () => boolean): Promise<void> {
    const open = this.#open;
    try {
      const answerer = await openAnswerer(own);
      open.add(answerer);
      const interfaces = multicastInterfaces(group.address, this.#options.loopback);
      const receiver = await joinGroup(group, interfaces, (bytes, asker) => {
        if (isInside()) this.#consider(bytes, (answer) => answerer.send(answer, asker));
      });
      open.add(receiver);
    } catch (thrown) {
      const { address, port } = group;
      this.#deps.log.warn('searches for peers are not answered', { address, port, why: messageOf(thrown) });
    }
    // Closed, or begun anew, while these were being opened.
    if (open !== this.#open) for (const socket of open) socket.close();
  }

  #closeSockets(): void {
    for (const timer of this.#waiting) timer.cancel();
    this.#waiting.clear();
    for (const socket of this.#open) socket.close();
    this.#open = new Set();
  }

  #consider(bytes: Uint8Array, send: (answer: Uint8Array) => void): void {
    const { clock, random, log, configuration } = this.#deps;
    if (!isAddressedTo(WILDCARD_NODE_ID, bytes, configuration) || !this.#mayCheck()) return;
    try {
      const search = readSearch(this.#deps, bytes);
      const timer = clock.after(randomBelow(random, SPREAD), () => {
        this.#waiting.delete(timer);
        send(answerDatagram(this.#deps, search, clock.now()));
      });
      this.#waiting.add(timer);
    } catch (thrown) {
      log.debug('search refused', { why: messageOf(thrown) });
    }
  }

  #mayCheck(): boolean {
    const now = this.#deps.clock.now();
    if (Math.abs(now - this.#window.since) >= WINDOW) this.#window = { since: now, checked: 0 };
    this.#window.checked++;
    return this.#window.checked <= MAX_CHECKED;
  }
}

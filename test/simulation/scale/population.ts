import type { SeededRandom } from '../seeded-random.ts';
import { BOOTSTRAP_PORT, type SimulatedNode, type SimulatedOverlay } from '../simulated-overlay.ts';
import { Mischief } from './mischief.ts';
import { type ScenarioOptions, VICES, type Vice } from './options.ts';

/** Bootstrap nodes that a newcomer is told; they are drawn among the peers there are. */
const ENTRANCES = 3;
/** Joins under way at once while the ring grows: as part of the ring there is, and at most. */
const AT_ONCE = 0.05;
const MOST_AT_ONCE = 500;
const JOIN_PATIENCE = 300_000;

export interface Peer extends SimulatedNode {
  readonly mischief: Mischief | undefined;
  /** Position in the list of peers. */
  index: number;
}

/** The peers of the ring: they join by real joins, and go with or without a word. */
export class Population {
  readonly peers: Peer[] = [];
  readonly #overlay: SimulatedOverlay;
  readonly #random: SeededRandom;
  readonly #options: ScenarioOptions;
  #made = 0;
  joins = 0;
  /** Newcomers that did not get in. */
  failures = 0;
  crashes = 0;
  leaves = 0;

  constructor(overlay: SimulatedOverlay, options: ScenarioOptions) {
    this.#overlay = overlay;
    this.#options = options;
    this.#random = overlay.random.fork('population');
  }

  /** One of the honest peers. */
  any(random: SeededRandom): Peer {
    for (let tries = 0; tries < 1000; tries++) {
      const one = this.peers[Math.floor(random.unit() * this.peers.length)];
      if (one !== undefined && one.mischief === undefined) return one;
    }
    throw new Error('no honest peer is left');
  }

  /** Resolves with whether a newcomer, which knows some of the peers, got into the ring. */
  async join(): Promise<boolean> {
    const told = drawn(this.peers, ENTRANCES, this.#random);
    const name = `peer${this.#made++}`;
    const vice = told.length === 0 ? undefined : this.#vice();
    let mischief: Mischief | undefined;
    const made = await this.#overlay.make(name, {
      bootstrapNodes: told.map(({ host }) => ({ address: host.address, port: BOOTSTRAP_PORT })),
      foundRing: told.length === 0,
      startTimeout: JOIN_PATIENCE,
      ...(vice === undefined
        ? {}
        : {
            wrapTransport: (transport, signer) => {
              mischief = new Mischief(vice, signer, this.#random.fork(name));
              return mischief.wrap(transport);
            },
          }),
    });
    made.host.clock.skew = Math.round((2 * this.#random.unit() - 1) * this.#options.skew);
    try {
      await made.node.start();
    } catch {
      this.failures++;
      await made.node.stop();
      made.host.vanish();
      this.#forget(made);
      return false;
    }
    this.joins++;
    this.peers.push({ ...made, mischief, index: this.peers.length });
    return true;
  }

  /** Lets the ring grow to `size` peers, many at once when it is large. */
  async grow(size: number, progress: (peers: number) => void): Promise<void> {
    let underway = 0;
    const begin = () => {
      const room = Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(this.peers.length * AT_ONCE)));
      while (underway < room && this.peers.length + underway < size) {
        underway++;
        void this.join().then(() => {
          underway--;
          progress(this.peers.length);
          begin();
        });
      }
    };
    begin();
    await this.#overlay.clock.runUntil(() => this.peers.length >= size, 24 * 3_600_000);
  }

  /** Power loss: gone without a word. */
  crash(peer: Peer): void {
    this.crashes++;
    this.#remove(peer);
    peer.host.vanish();
  }

  async leave(peer: Peer): Promise<void> {
    this.leaves++;
    this.#remove(peer);
    await peer.node.stop();
    peer.host.vanish();
  }

  #remove(peer: Peer): void {
    const last = this.peers.pop();
    if (last !== undefined && last !== peer) {
      this.peers[peer.index] = last;
      last.index = peer.index;
    }
    this.#forget(peer);
  }

  #forget({ host }: SimulatedNode): void {
    const { nodes } = this.#overlay;
    const at = nodes.findIndex((node) => node.host === host);
    if (at >= 0) nodes.splice(at, 1);
  }

  #vice(): Vice | undefined {
    if (Object.keys(this.#options.malicious).length === 0) return undefined;
    let left = this.#random.unit();
    return VICES.find((vice) => {
      left -= this.#options.malicious[vice] ?? 0;
      return left < 0;
    });
  }
}

function drawn<T>(from: readonly T[], count: number, random: SeededRandom): readonly T[] {
  if (from.length <= count) return [...from];
  const chosen = new Set<T>();
  while (chosen.size < count) {
    const one = from[Math.floor(random.unit() * from.length)];
    if (one !== undefined) chosen.add(one);
  }
  return [...chosen];
}

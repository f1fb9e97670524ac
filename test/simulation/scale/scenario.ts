import { resourceDestination } from '#reload/wire/destination.ts';
import { nodeIdOf, type ResourceId } from '#reload/wire/ids.ts';
import { TEST_EPOCH } from '../../support/overlay.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { SimulatedOverlay } from '../simulated-overlay.ts';
import { Deaths } from './deaths.ts';
import { type Lookup, LookupProbe } from './lookups.ts';
import type { ScenarioOptions } from './options.ts';
import { type Peer, Population } from './population.ts';
import { Records } from './records.ts';
import { type CodeTraffic, codeOf, TrafficCounter } from './traffic.ts';

/** Told now and then how far a phase is. */
export type Progress = (phase: string, done: number, of: number) => void;

const SECOND = 1000;
/** What a path of Ethernet with DTLS on it carries. */
const DATAGRAM_MTU = 1400;
/** How long the ring may take to be right. */
const RING_PATIENCE = 3_600_000;
/** Requests of a flooding peer in a second. */
const FLOOD = 20;
/** Operations of the scenario itself under way at once. */
const AT_ONCE = 100;
/** What is still under way when the measured phase ends has so long. */
const REST = 40 * SECOND;
/** How long one lookup may take, with its second try. */
const READER_PATIENCE = 60 * SECOND;
/** Times that a record is looked for at the end before it counts as lost, and the wait in between. */
const SEARCHES = 4;
const BETWEEN_SEARCHES = 15 * SECOND;

export interface Healing {
  /** Milliseconds after the halves reached each other again. */
  readonly ring: number | undefined;
  readonly records: number | undefined;
}

/** One run of the simulator, from the first peer to the last lookup. Times in virtual milliseconds since its start. */
export class Scenario {
  readonly options: ScenarioOptions;
  readonly overlay: SimulatedOverlay;
  readonly population: Population;
  readonly records = new Records();
  readonly deaths: Deaths;
  readonly lookups: Lookup[] = [];
  /** Lookups whose reader died before it got an answer. */
  orphans = 0;
  readonly lost: string[] = [];
  grownAt = 0;
  ringAt = 0;
  failuresWhileGrowing = 0;
  measuredFrom = 0;
  measuredTo = 0;
  traffic: readonly CodeTraffic[] = [];
  /** Peers times seconds of the measured phase. */
  peerSeconds = 0;
  flashJoinedIn: number | undefined;
  healing: Healing | undefined;
  /** Virtual times between which lookups can't all succeed. */
  parted: { readonly from: number; to: number } | undefined;
  readonly #traffic = new TrafficCounter();
  readonly #probe = new LookupProbe();
  readonly #random: SeededRandom;
  readonly #progress: Progress;
  #isOver = false;

  private constructor(overlay: SimulatedOverlay, options: ScenarioOptions, progress: Progress) {
    this.overlay = overlay;
    this.options = options;
    this.#progress = progress;
    this.#random = overlay.random.fork('scenario');
    this.population = new Population(overlay, options);
    this.deaths = new Deaths(overlay.overlay.configuration.chordUpdateInterval * SECOND);
    overlay.network.tap = (from, _to, bytes) => {
      const code = codeOf(bytes);
      this.#traffic.count(code, bytes.length);
      this.#probe.sees(from, code, bytes);
    };
  }

  static async create(options: ScenarioOptions, progress: Progress): Promise<Scenario> {
    const { seed, links, latency, loss, duplicate, reorder, signatures } = options;
    const datagrams = links === 'datagram' ? { datagramMtu: DATAGRAM_MTU } : {};
    const network = { latencyMs: latency, loss, duplicate, reorder, ...datagrams };
    const overlay = await SimulatedOverlay.create({ seed, network, signatures, trace: false });
    return new Scenario(overlay, options, progress);
  }

  get now(): number {
    return this.overlay.clock.now() - TEST_EPOCH;
  }

  async run(): Promise<void> {
    await this.#grow();
    await this.#fill();
    await this.#measure();
    await this.#search();
  }

  async #grow(): Promise<void> {
    const { peers } = this.options;
    await this.population.grow(peers, (done) => this.#progress('peers joined', done, peers));
    this.grownAt = this.now;
    await this.#untilRing(this.now + RING_PATIENCE);
    this.ringAt = this.now;
    this.failuresWhileGrowing = this.population.failures;
  }

  async #fill(): Promise<void> {
    const names = Array.from({ length: this.options.records }, (_, i) => `record ${i}`);
    const done = inTurn(names, AT_ONCE, async (name) => {
      await this.records.store(this.population.any(this.#random), name, `first value of ${name}`);
      this.#progress('records stored', this.records.names.length, names.length);
    });
    await this.overlay.clock.run(done, RING_PATIENCE);
  }

  async #measure(): Promise<void> {
    const { duration } = this.options;
    const { clock } = this.overlay;
    this.#traffic.reset();
    this.measuredFrom = this.now;
    const end = this.now + duration;
    this.#beginMischief();
    this.#beginLookups();
    if (this.options.flashJoin > 0) void this.#flashJoin();
    if (this.options.churn !== undefined) this.#scheduleDeath(this.options.churn);
    const partition = this.options.partition === undefined ? undefined : this.#part(this.options.partition);
    while (this.now < end) {
      const before = this.population.peers.length;
      const step = Math.min(10 * SECOND, end - this.now);
      await clock.advance(step);
      this.peerSeconds += (step / SECOND) * ((before + this.population.peers.length) / 2);
      this.#progress('seconds measured', Math.round((this.now - this.measuredFrom) / SECOND), duration / SECOND);
    }
    this.measuredTo = this.now;
    this.traffic = this.#traffic.byCode();
    this.#isOver = true;
    if (partition !== undefined) await clock.run(partition, 2 * RING_PATIENCE);
    await clock.advance(REST);
    this.orphans = this.#probe.unfinished;
  }

  /** Looks for every record that was acknowledged; what nobody finds is lost. */
  async #search(): Promise<void> {
    let missing = this.records.names;
    for (let search = 0; search < SEARCHES && missing.length > 0; search++) {
      if (search > 0) await this.overlay.clock.advance(BETWEEN_SEARCHES);
      missing = await this.overlay.clock.run(this.#notFound(missing), RING_PATIENCE);
    }
    this.lost.push(...missing);
  }

  async #notFound(names: readonly string[]): Promise<readonly string[]> {
    const missing: string[] = [];
    let done = 0;
    await inTurn(names, AT_ONCE, async (name) => {
      const looked = this.#look(this.population.any(this.#random), name);
      // Readers may die: then nobody answers.
      const lookup = await Promise.race([looked, passed(this, READER_PATIENCE)]);
      if (lookup === undefined || lookup.result === 'wrong' || lookup.result === 'failed') missing.push(name);
      this.#progress('records looked for', ++done, names.length);
    });
    return missing;
  }

  #look(reader: Peer, name: string): Promise<Lookup> {
    return this.#probe.look(reader, name, { expected: () => this.records.expected(name), now: () => this.now });
  }

  #beginLookups(): void {
    const { lookups, duration } = this.options;
    for (let i = 0; i < lookups; i++) {
      this.overlay.clock.after((i * duration) / lookups, () => {
        const name = this.records.any(this.#random);
        const reader = this.population.any(this.#random);
        if (name === undefined || !this.#probe.isFree(reader)) return;
        void this.#look(reader, name).then((lookup) => this.lookups.push(lookup));
      });
    }
  }

  async #flashJoin(): Promise<void> {
    const began = this.now;
    const joins = Array.from({ length: this.options.flashJoin }, () => this.population.join());
    await Promise.all(joins);
    this.flashJoinedIn = this.now - began;
  }

  /** Peers go at random; a newcomer takes the place of each. */
  #scheduleDeath(meanLifetime: number): void {
    const rate = this.population.peers.length / meanLifetime;
    const wait = -Math.log(1 - this.#random.unit()) / rate;
    this.overlay.clock.after(wait, () => {
      if (this.#isOver) return;
      const { peers } = this.population;
      const peer = peers[Math.floor(this.#random.unit() * peers.length)];
      if (peer !== undefined && peers.length > 4) this.#go(peer);
      this.#scheduleDeath(meanLifetime);
    });
  }

  #go(peer: Peer): void {
    const { population } = this;
    if (this.#random.unit() < this.options.crashShare) {
      population.crash(peer);
      const living = population.peers.map(({ node }) => node.nodeId);
      this.deaths.died(peer.node.nodeId, this.now, living);
    } else void population.leave(peer);
    void population.join();
  }

  async #part({ at, lasts }: { readonly at: number; readonly lasts: number }): Promise<void> {
    const { clock, network } = this.overlay;
    await passed(this, at);
    const hosts = this.population.peers.map(({ host }) => host);
    const isOdd = (i: number) => i % 2 === 1;
    network.partition([hosts.filter((_, i) => !isOdd(i)), hosts.filter((_, i) => isOdd(i))]);
    const parted = { from: this.now, to: Number.POSITIVE_INFINITY };
    this.parted = parted;
    await passed(this, lasts);
    network.heal();
    const healedAt = this.now;
    const limit = healedAt + RING_PATIENCE;
    while (!this.overlay.isRing() && this.now < limit) await passed(this, 2 * SECOND);
    const ring = this.overlay.isRing() ? this.now - healedAt : undefined;
    let missing = await this.#notFound(this.records.names);
    while (missing.length > 0 && this.now < limit) {
      await passed(this, 2 * SECOND);
      missing = await this.#notFound(this.records.names);
    }
    this.healing = { ring, records: missing.length === 0 ? this.now - healedAt : undefined };
    parted.to = clock.now() - TEST_EPOCH;
  }

  #beginMischief(): void {
    const bad = this.population.peers.filter(({ mischief }) => mischief !== undefined);
    for (const peer of bad) {
      peer.mischief?.begin();
      if (peer.mischief?.vice === 'flood') this.#flood(peer);
    }
    // Peers that answer with old values show only once there are newer ones.
    if ((this.options.malicious.stale ?? 0) > 0) {
      void inTurn(this.records.names, AT_ONCE, async (name) => {
        await this.records.store(this.population.any(this.#random), name, `second value of ${name}`);
      });
    }
  }

  #flood(peer: Peer): void {
    peer.host.clock.after(SECOND / FLOOD, () => {
      if (this.#isOver) return;
      const place = nodeIdOf(this.#random.bytes(16)) as string as ResourceId;
      peer.node.queries.ping([resourceDestination(place)]).catch(() => {});
      this.#flood(peer);
    });
  }

  async #untilRing(limit: number): Promise<void> {
    while (!this.overlay.isRing() && this.now < limit) await this.overlay.clock.advance(SECOND);
  }
}

function passed({ overlay }: Scenario, ms: number): Promise<void> {
  return new Promise((resolve) => overlay.clock.after(ms, resolve));
}

/** Does something with each of `all`, `width` at a time. */
async function inTurn<T>(all: readonly T[], width: number, act: (one: T) => Promise<void>): Promise<void> {
  const left = all.values();
  const worker = async () => {
    for (const one of left) await act(one);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

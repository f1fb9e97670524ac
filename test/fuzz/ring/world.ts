import type { Link } from '#reload/link/link.ts';
import type { Identity, Signer } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import { encode } from '#reload/wire/codec.ts';
import { isRequestCode } from '#reload/wire/codes.ts';
import { destination } from '#reload/wire/destination.ts';
import { hashToResourceId, idBytes, type NodeId, nodeIdOf, overlayHash, type ResourceId } from '#reload/wire/ids.ts';
import { splitMessage } from '#reload/wire/message.ts';
import { sipRegistration } from '#reload/wire/sip-registration.ts';
import { MemoryLink } from '../../simulation/memory-link.ts';
import type { MemoryHost } from '../../simulation/memory-network.ts';
import { MemoryTransport } from '../../simulation/memory-transport.ts';
import { BOOTSTRAP_PORT, type SimulatedNode, SimulatedOverlay } from '../../simulation/simulated-overlay.ts';
import { Dice } from '../dice.ts';
import { usedMemory } from '../judge.ts';
import { BrokenPromise } from '../target.ts';
import { cook, type Recipe } from './recipe.ts';

const HONEST = 9;
/** Virtual time in which a burst is carried and answered. */
const BURST_MS = 3000;
/** In which the honest peers have to know each other again. */
const HEALING_MS = 180_000;
const READS = 4;
/** What a peer may hold: docs/LIMITS.md bounds each sender, and the attacker is one. */
const MAX_RECORDS = 20_000;
const MAX_LINKS = 64;
const FORGETTING_MS = 120_000;
const MAX_GROWTH = 96 * 2 ** 20;
/** Words of faults of the program itself, which a catch-all may have taken for a malformed message. */
const OWN_FAULTS =
  /is not a function|Cannot read prop|is not iterable|Maximum call stack|Invalid array length|is not defined/;
const SIP_KIND = 1;
const APPLICATION = 5060;
const ATTACKER = 'mallory';

/** What a recipe can name. */
export interface Surroundings {
  readonly attacker: NodeId;
  readonly honest: readonly NodeId[];
  readonly records: readonly ResourceId[];
  readonly document: Uint8Array;
}

/** A ring of honest peers and one member among them that sends what it likes over the links that it has as a peer. */
export class World {
  readonly #overlay: SimulatedOverlay;
  readonly #attacker: SimulatedNode;
  readonly #signer: Signer;
  readonly #links: Set<MemoryLink>;
  readonly #stranger: Stranger;
  readonly #dice = new Dice('reads');
  /** Answers that wait for a request to pass by. */
  #answers: Recipe[] = [];
  bursts = 0;
  /** In use when the world was made. */
  #memory = 0;

  private constructor(overlay: SimulatedOverlay, attacker: SimulatedNode, { links, stranger }: Attack) {
    this.#overlay = overlay;
    this.#stranger = stranger;
    this.#attacker = attacker;
    this.#signer = createSigner(attacker.identity);
    this.#links = links;
  }

  static async create(): Promise<World> {
    const overlay = await SimulatedOverlay.create({ seed: 'fuzz' });
    const links = new Set<MemoryLink>();
    let attacker: SimulatedNode | undefined;
    for (let i = 0; i < HONEST; i++) {
      const { node } = await overlay.add(`honest${i}`);
      node.onAppAttach(APPLICATION, ({ stream }) => stream.destroy());
      if (i === 2) attacker = await addAttacker(overlay, links);
    }
    if (attacker === undefined) throw new Error('no attacker');
    const stranger = await Stranger.create(overlay);
    const world = new World(overlay, attacker, { links, stranger });
    for (const node of world.#honest) await overlay.clock.run(register(node));
    await overlay.clock.runUntil(() => overlay.isRing());
    await overlay.clock.advance(70_000);
    world.#listen();
    world.#memory = usedMemory();
    return world;
  }

  get #honest(): readonly SimulatedNode[] {
    return this.#overlay.nodes.filter(({ name }) => name !== ATTACKER);
  }

  get surroundings(): Surroundings {
    return {
      attacker: this.#attacker.node.nodeId,
      honest: this.#honest.map(({ node }) => node.nodeId),
      records: [ATTACKER, ...this.#honest.map(({ name }) => name)].map((name) =>
        hashToResourceId(`${name}@home.example`),
      ),
      document: this.#overlay.overlay.document,
    };
  }

  /** Sends it all at once, lets time pass, and requires that the honest peers are as well as before. */
  async burst(recipes: readonly Recipe[]): Promise<void> {
    const { clock, trace } = this.#overlay;
    this.bursts++;
    const from = trace.length;
    await clock.run(this.#stranger.connect(this.#honest));
    this.#answers = recipes.filter(({ answer }) => answer === true);
    for (const recipe of recipes) if (recipe.answer !== true) this.#send(recipe, recipe.link);
    await clock.advance(BURST_MS);
    // A peer that is responsible for a record can deny that it has it, and nobody can prove the contrary: no lies while records are read.
    this.#answers = [];
    this.#requireSilence(trace.slice(from));
    await this.#requireRing();
    await this.#requireRecords();
    this.#requireBounds();
    this.#requireSilence(trace.slice(from));
    trace.length = 0;
  }

  /** What the honest peers remember of all bursts together has a bound; what they forget by and by is given time. */
  async requireMemory(): Promise<void> {
    await this.#overlay.clock.advance(FORGETTING_MS);
    this.#overlay.trace.length = 0;
    const grown = usedMemory() - this.#memory;
    if (grown > MAX_GROWTH)
      throw new BrokenPromise(`${HONEST} honest peers keep ${grown} bytes of ${this.bursts} bursts`);
  }

  close(): void {
    this.#stranger.close();
    for (const { host } of this.#overlay.nodes) host.vanish();
  }

  #listen(): void {
    this.#overlay.network.tap = (_, to, bytes) => {
      if (to === this.#attacker.host && this.#answers.length > 0) this.#answer(bytes);
    };
  }

  /** Answers before the attacker's own node does. */
  #answer(bytes: Uint8Array): void {
    let message: ReturnType<typeof splitMessage>;
    try {
      message = splitMessage(bytes);
    } catch {
      return;
    }
    const { header, contents } = message;
    const [last] = header.viaList.slice(-1);
    if (!isRequestCode(contents.code) || (header.viaList.length > 0 && last === undefined)) return;
    const recipe = this.#answers.shift();
    if (recipe === undefined) return;
    const destinations = Buffer.concat(header.viaList.map((hop) => encode(destination, hop)).reverse()).toString('hex');
    const answer = {
      ...recipe,
      transactionId: String(header.transactionId),
      destinations: destinations || recipe.destinations,
    };
    for (let link = 0; link < this.#usable.length; link++) this.#send(answer, link);
  }

  get #usable(): readonly MemoryLink[] {
    return [...this.#links].filter(({ nodeId }) => nodeId !== undefined).slice(-2 * HONEST);
  }

  #send(recipe: Recipe, index: number): void {
    const links = recipe.stranger ? this.#stranger.links : this.#usable;
    const link = links[index % links.length];
    const { overlay, clock } = this.#overlay;
    const sending = {
      signer: recipe.stranger ? this.#stranger.signer : this.#signer,
      overlay: overlayHash(overlay.name),
      sequence: overlay.source.current.sequence,
      now: clock.now(),
    };
    for (const message of cook(recipe, sending)) link?.send(message);
  }

  #requireSilence(trace: readonly string[]): void {
    const loud = trace.find(
      (line) => / honest\S* error /.test(line) || (/ honest/.test(line) && OWN_FAULTS.test(line)),
    );
    if (loud !== undefined) throw new BrokenPromise(`an honest peer reports ${loud.slice(0, 600)}`);
  }

  /** The attacker's own lies about its place do not count. */
  async #requireRing(): Promise<void> {
    const ids = this.#honest.map(({ node }) => node.nodeId).sort();
    const isWhole = () =>
      this.#honest.every(({ node }) => {
        const { joined, successors = [], predecessors = [] } = node.status();
        const at = ids.indexOf(node.nodeId);
        const next = (by: number) => ids[(at + by + ids.length) % ids.length];
        const [after] = successors.filter((id) => id !== this.#attacker.node.nodeId);
        const [before] = predecessors.filter((id) => id !== this.#attacker.node.nodeId);
        return joined && after === next(1) && before === next(-1);
      });
    try {
      await this.#overlay.clock.runUntil(isWhole, HEALING_MS);
    } catch {
      throw new BrokenPromise(`the honest peers are no ring any more: ${this.#ringText()}`);
    }
  }

  #ringText(): string {
    const short = (ids: readonly NodeId[] | undefined) => (ids ?? []).map((id) => id.slice(0, 4)).join(',');
    return this.#honest
      .map(({ node }) => {
        const { joined, successors, predecessors } = node.status();
        return `${node.nodeId.slice(0, 4)}${joined ? '' : ' out'} ${short(predecessors)}|${short(successors)}`;
      })
      .join('; ');
  }

  async #requireRecords(): Promise<void> {
    for (let i = 0; i < READS; i++) {
      const reader = this.#dice.pick(this.#honest);
      const owner = this.#dice.pick(this.#honest);
      const resource = hashToResourceId(`${owner.name}@home.example`);
      let found: string;
      try {
        const { values } = await this.#overlay.clock.run(reader.node.records.fetch({ resource, kind: SIP_KIND }));
        found = values.map(({ value }) => Buffer.from(value).toString('hex')).join();
      } catch (thrown) {
        throw new BrokenPromise(`${reader.name} cannot fetch the record of ${owner.name}: ${String(thrown)}`);
      }
      if (found !== recordOf(owner).toString('hex'))
        throw new BrokenPromise(`${reader.name} finds ${found} at ${owner.name}`);
    }
  }

  #requireBounds(): void {
    for (const { name, node } of this.#honest) {
      const { records, links } = node.status();
      if (records > MAX_RECORDS) throw new BrokenPromise(`${name} holds ${records} records`);
      if (links.length > MAX_LINKS) throw new BrokenPromise(`${name} holds ${links.length} links`);
    }
  }
}

interface Attack {
  /** Of the attacker in the ring. */
  readonly links: Set<MemoryLink>;
  readonly stranger: Stranger;
}

/** A member outside the ring, with several Node-IDs in its certificate and links to all honest peers. */
class Stranger {
  readonly signer: Signer;
  readonly #host: MemoryHost;
  readonly #transport: MemoryTransport;
  readonly #links = new Map<SimulatedNode, Link>();

  private constructor(host: MemoryHost, identity: Identity) {
    this.#host = host;
    this.signer = createSigner(identity);
    this.#transport = new MemoryTransport(host, identity);
  }

  static async create(overlay: SimulatedOverlay): Promise<Stranger> {
    const ids = ['a', 'b', 'c'].map((label) => nodeIdOf(overlay.random.fork(label).bytes(16)));
    const [identity] = await overlay.overlay.identities('stranger', ids);
    if (identity === undefined) throw new Error('no identity');
    return new Stranger(overlay.network.host(), identity);
  }

  get links(): readonly Link[] {
    return [...this.#links.values()];
  }

  /** Opens the links that are not there, or not any more. */
  async connect(to: readonly SimulatedNode[]): Promise<void> {
    const missing = to.filter((node) => !this.#links.has(node));
    await Promise.all(missing.map((node) => this.#connect(node).catch(() => {})));
  }

  async #connect(node: SimulatedNode): Promise<void> {
    const at = { type: 'ipv4', address: node.host.address, port: BOOTSTRAP_PORT } as const;
    const link = await this.#transport.dialLink([at], undefined, new AbortController().signal);
    this.#links.set(node, link);
    link.observe({
      message: () => {},
      suspect: () => {},
      closed: () => this.#links.delete(node),
    });
  }

  close(): void {
    this.#host.vanish();
  }
}

/** An ordinary peer, but for what is sent beside it over its links. */
async function addAttacker(overlay: SimulatedOverlay, links: Set<MemoryLink>): Promise<SimulatedNode> {
  const made = await overlay.make(ATTACKER);
  const { host } = made;
  const own = host.own.bind(host);
  const disown = host.disown.bind(host);
  host.own = (connection) => {
    if (connection instanceof MemoryLink) links.add(connection);
    own(connection);
  };
  host.disown = (connection) => {
    if (connection instanceof MemoryLink) links.delete(connection);
    disown(connection);
  };
  await overlay.clock.run(made.node.start());
  return made;
}

function register(by: SimulatedNode): Promise<unknown> {
  return by.node.records.store({
    resource: hashToResourceId(`${by.name}@home.example`),
    kind: SIP_KIND,
    values: [{ place: { model: 'dictionary', key: idBytes(by.node.nodeId) }, value: recordOf(by) }],
    lifetimeSeconds: 10_000_000,
  });
}

function recordOf({ name }: SimulatedNode): Buffer {
  return Buffer.from(encode(sipRegistration, { type: 'uri', uri: `sip:${name}@192.0.2.1` }));
}

import { delay } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { NextHop } from '#reload/forwarding/next-hop.ts';
import type { IncomingRequest, Response } from '#reload/messaging/exchange.ts';
import { Acquaintance } from '#reload/topology/chord/acquaintance.ts';
import { Admission } from '#reload/topology/chord/admission.ts';
import { AdmissionWait } from '#reload/topology/chord/admission-wait.ts';
import type { Change, ChordCore, ChordDeps } from '#reload/topology/chord/core.ts';
import { Fingers } from '#reload/topology/chord/fingers.ts';
import { Homecoming } from '#reload/topology/chord/homecoming.ts';
import { Isolation } from '#reload/topology/chord/isolation.ts';
import { joinOverlay } from '#reload/topology/chord/joining.ts';
import { readLeave, sendLeaves } from '#reload/topology/chord/leaving.ts';
import { Liveness } from '#reload/topology/chord/liveness.ts';
import type { ChordOptions } from '#reload/topology/chord/options.ts';
import { OwnRange } from '#reload/topology/chord/own-range.ts';
import { answerProbe, answerRouteQuery } from '#reload/topology/chord/queries.ts';
import { nodesOf, ReceivedUpdates } from '#reload/topology/chord/received-updates.ts';
import { Replication } from '#reload/topology/chord/replication.ts';
import { byDistanceFrom, isPosition, type Position, within } from '#reload/topology/chord/ring.ts';
import { type Neighbours, REPLICAS, RoutingTable } from '#reload/topology/chord/routing-table.ts';
import { Stabilisation } from '#reload/topology/chord/stabilisation.ts';
import { Updates } from '#reload/topology/chord/updates.ts';
import { decode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { type ChordUpdate, chordUpdate } from '#reload/wire/update.ts';

export type Stage = 'idle' | 'joining' | 'joined' | 'left';

/** What a peer knows of the ring, for status. */
export interface ChordStatus extends Neighbours {
  readonly stage: Stage;
  readonly fingers: readonly NodeId[];
  readonly peers: number;
  readonly suspects: readonly NodeId[];
  /** It lost all the others, and looks for them (RFC 6940 §10.7.1). */
  readonly disconnected: boolean;
}

const NOTHING = new Uint8Array();

/** The CHORD-RELOAD plug-in of one peer (RFC 6940 §10): its place on the ring, who stands next to it, and what follows from that. */
export class Chord implements NextHop {
  readonly #deps: ChordDeps;
  readonly #options: ChordOptions;
  readonly #table: RoutingTable;
  readonly #updates: Updates;
  readonly #received: ReceivedUpdates;
  readonly #acquaintance: Acquaintance;
  readonly #admission: Admission;
  readonly #liveness: Liveness;
  readonly #homecoming: Homecoming;
  readonly #replication: Replication;
  readonly #range: OwnRange;
  readonly #fingers: Fingers;
  readonly #stabilisation: Stabilisation;
  readonly #admissionWait: AdmissionWait;
  readonly #isolation: Isolation;
  readonly #core: ChordCore;
  readonly #stopping = new AbortController();
  /** Peers that said Leave and whose links are not closed yet. */
  readonly #departed = new Set<NodeId>();
  #stage: Stage = 'idle';
  #started = 0;
  #mayFound = false;
  /** Whether it was a peer before and is on its way back. */
  #rejoins = false;
  #known: Neighbours = { predecessors: [], successors: [] };

  constructor(deps: ChordDeps, options: ChordOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#table = new RoutingTable(deps.nodeId, options);
    const core: ChordCore = {
      deps,
      options,
      table: this.#table,
      joined: () => this.#stage === 'joined',
      isResponsible: (position) => this.isResponsible(position),
      uptime: () => this.uptime,
    };
    this.#received = new ReceivedUpdates(deps.clock);
    this.#updates = new Updates(core);
    this.#acquaintance = new Acquaintance(core, this.#received);
    this.#homecoming = new Homecoming(core, this.#acquaintance);
    this.#replication = new Replication(core, this.#homecoming);
    this.#range = new OwnRange(core, this.#acquaintance, this.#received);
    this.#fingers = new Fingers(core, this.#acquaintance);
    this.#admission = new Admission(core, this.#updates, (joiner) => this.#enter(joiner, true));
    this.#stabilisation = new Stabilisation(core, this.#updates, this.#acquaintance, this.#fingers);
    this.#liveness = new Liveness(core, {
      dead: (node) => this.#giveUp(node),
      stalled: () => this.#rejoin('this process stood still'),
      looked: () => this.#acquaintance.reconsider(),
    });
    this.#admissionWait = new AdmissionWait(deps);
    this.#isolation = new Isolation(deps, options);
    this.#core = core;
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** Seconds since `start`. */
  get uptime(): number {
    return Math.floor((this.#deps.clock.now() - this.#started) / 1000);
  }

  /** Takes up its handlers; the node is no peer yet. */
  start(): void {
    const { exchange, links, clock } = this.#deps;
    this.#started = clock.now();
    exchange.handle(MessageCode.joinReq, (request) => this.#admission.take(request));
    exchange.handle(MessageCode.leaveReq, (request) => this.#takeLeave(request));
    exchange.handle(MessageCode.updateReq, (request) => this.#takeUpdate(request));
    exchange.handle(MessageCode.routeQueryReq, (request) => this.#takeRouteQuery(request));
    exchange.handle(MessageCode.probeReq, (request) => answerProbe(request, this.#range.probed()));
    links.observe({
      up: () => {},
      down: (node) => this.#linkDown(node),
      suspect: (node, suspected) => this.#suspect(node, suspected),
    });
  }

  /** Becomes the first peer of the overlay, responsible for all of it. Only where the operator says so (RFC 6940 §6.4.2.1). */
  found(): void {
    this.#mayFound = true;
    this.#becomePeer();
  }

  /** Joins the ring (RFC 6940 §10.5) through the first entrance that leads there. Rejects with `Failure<TopologyFault>`. */
  async join(signal: AbortSignal): Promise<void> {
    this.#stage = 'joining';
    this.#admissionWait.reset();
    this.#liveness.start();
    const parts = {
      acquaintance: this.#acquaintance,
      received: this.#received,
      again: this.#rejoins,
      admission: (from: NodeId, until: AbortSignal) =>
        this.#admissionWait.begin(from, this.#options.joinTimeout, until),
    };
    await joinOverlay(this.#core, parts, AbortSignal.any([signal, this.#stopping.signal]));
  }

  /** Hands on what this peer holds and says Leave (RFC 6940 §10.9). The caller closes the links. */
  async leave(): Promise<void> {
    if (this.#stage !== 'joined') {
      this.#end();
      return;
    }
    await Promise.race([this.#replication.copyOut(), delay(this.#deps.clock, 2 * this.#options.leaveTimeout)]);
    this.#stage = 'left';
    await sendLeaves(this.#core);
    this.#end();
  }

  /** A link was made by Attach; its other end may want to be told (RFC 6940 §6.4.2.3, §6.5.1). */
  attached(node: NodeId, wantsUpdate: boolean): void {
    if (this.#stage !== 'joined') return;
    void this.#updates.send(node, wantsUpdate ? 'full' : this.#updates.typeFor(node));
  }

  isResponsible(target: Position): boolean {
    if (this.#stage !== 'joined' || !isPosition(target) || this.#liveness.isStalled()) return false;
    return within(target, this.#range.start, this.#deps.nodeId);
  }

  nextHop(target: Position, previousHop?: NodeId): NodeId | undefined {
    // A node that has not joined passes nothing on for others (RFC 6940 §10.5, step 3).
    if (this.#stage !== 'joined' && previousHop !== undefined) return undefined;
    return this.#table.nextHop(target, previousHop);
  }

  /** The nodes that get copies of new records: the first successors that answer. */
  replicas(): readonly NodeId[] {
    const members = this.#table.peers().filter((peer) => !this.#table.isSuspect(peer));
    return members.slice(0, REPLICAS);
  }

  /**
   * RFC 6940 §7.4.1.1: the sender is the responsible peer or one of its replicas, and so is this one, as far as is known here. When two
   * rings become one, whoever answered for the resource in the other ring brings it to the peer that does so now (§6.4.2.3).
   */
  acceptsReplica(resource: ResourceId, from: NodeId): boolean {
    if (!isPosition(resource) || !isPosition(from)) return false;
    const isExpected = this.#table.expectsReplica(resource, from, this.#stage === 'joined');
    if (!this.isResponsible(resource)) return isExpected;
    const isWelcome = isExpected || this.#homecoming.mayBring(from);
    if (isWelcome) this.#replication.refresh();
    return isWelcome;
  }

  /** RFC 6940 §6.3.4: whether an answer for the resource may come from `signer`, none nearer being known. */
  isCloseEnough(resource: ResourceId, signer: NodeId): boolean {
    if (this.#stage !== 'joined' || !isPosition(resource)) return true;
    if (byDistanceFrom(resource)(this.#deps.nodeId, signer) < 0) return false;
    const nearer = this.#table.neighboursNearer(resource, signer);
    // Perhaps the nearer one is gone and the others know it already.
    for (const node of nearer) void this.#liveness.check(node);
    return nearer.length === 0;
  }

  status(): ChordStatus {
    return {
      stage: this.#stage,
      ...this.#table.neighbours(),
      fingers: this.#table.fingers(),
      peers: this.#table.size,
      suspects: this.#table.peers().filter((peer) => this.#table.isSuspect(peer)),
      disconnected: this.#rejoins || (this.#isolation.isSeeking && this.#table.size === 0),
    };
  }

  #becomePeer(): void {
    this.#stage = 'joined';
    this.#rejoins = false;
    this.#deps.log.info('joined', { predecessor: this.#table.predecessor(), successor: this.#table.successor() });
    this.#liveness.start();
    this.#known = this.#table.neighbours();
    this.#replication.begin(this.#range.start);
    this.#replication.changed({ type: 'gained', peer: this.#deps.nodeId, admitted: true });
    this.#stabilisation.start();
    this.#fingers.start();
    this.#updates.schedule(true);
    this.#updates.flush();
  }

  #takeUpdate(request: IncomingRequest): Response {
    const from = request.signatory.nodeId;
    const update = decode(chordUpdate, request.body);
    const isDirect = request.previousHop === from && request.header.viaList.length === 0;
    // Only a linked node can be routed over, so hearsay about others does not count.
    if (!isDirect || this.#departed.has(from) || this.#deps.links.get(from) === undefined) return { body: NOTHING };
    this.#acquaintance.welcome(from);
    this.#received.take(from, update);
    if (!this.#table.has(from)) this.#homecoming.turnedUp(from, update.uptime);
    this.#enter(from, false);
    if (this.#stage === 'joining') this.#considerAdmission(from, update);
    if (this.#stage === 'joined') this.#acquaintance.consider(nodesOf(update), from);
    return { body: NOTHING };
  }

  /** RFC 6940 §10.5, step 7: the Update with this node as first predecessor makes it a peer, before it is even answered. */
  #considerAdmission(from: NodeId, update: ChordUpdate): void {
    const admission = this.#admissionWait.take(from, update);
    if (admission === undefined) return;
    const { before } = admission;
    if (before !== undefined && !this.#table.has(before)) this.#range.foresee(before, from);
    this.#becomePeer();
  }

  #enter(peer: NodeId, admitted: boolean): void {
    if (this.#deps.configuration.current.badNodes.includes(peer) || !this.#table.enter(peer)) return;
    this.#deps.log.debug('peer entered', { peer });
    this.#changed({ type: 'gained', peer, admitted });
    // It has to hear that this is a peer, even where nothing else changed (RFC 6940 §10.7).
    if (this.#stage === 'joined') this.#updates.greet(peer);
  }

  #takeLeave(request: IncomingRequest): Response {
    const { leaver, heirs } = readLeave(request);
    this.#departed.add(leaver);
    this.#acquaintance.avoid(leaver);
    this.#isolation.left();
    this.#remove(leaver);
    if (this.#stage === 'joined') this.#acquaintance.consider(heirs);
    return { body: NOTHING };
  }

  #takeRouteQuery(request: IncomingRequest): Response {
    const { nodeId, links, clock } = this.#deps;
    const { response, sendUpdate } = answerRouteQuery(request, (target) => {
      const linked = links.nodes().find((node) => node === (target as string));
      return linked ?? (this.isResponsible(target) ? nodeId : this.#table.nextHop(target));
    });
    const asker = request.signatory.nodeId;
    if (sendUpdate) clock.after(0, () => void this.#updates.send(asker, 'full'));
    return response;
  }

  #linkDown(node: NodeId): void {
    this.#departed.delete(node);
    this.#updates.forget(node);
    this.#received.forget(node);
    if (this.#table.has(node)) this.#isolation.lost(this.#table.neighbours());
    // It may have been about to say that it is a peer.
    this.#acquaintance.rest(node);
    this.#remove(node);
  }

  #remove(node: NodeId): void {
    if (!this.#table.remove(node)) return;
    this.#deps.log.debug('peer lost', { node });
    this.#changed({ type: 'lost', peer: node });
    this.#fingers.lost(node);
    if (this.#stage === 'joined') this.#considerIsolation();
  }

  /** RFC 6940 §10.7.1: whoever lost all successors joins again. */
  #considerIsolation(): void {
    const mayBeLast = this.#mayFound && this.#table.size === 0;
    if (this.#liveness.isStalled() || (!mayBeLast && this.#isolation.isCutOff((node) => this.#table.has(node)))) {
      this.#rejoin('lost all neighbours of one side');
    } else if (this.#table.size === 0) {
      this.#seekOthers();
    }
  }

  /** RFC 6940 §10.7.1: without any peer left it takes itself for disconnected, and looks for the others again and again. */
  #seekOthers(): void {
    const search = {
      isAlone: () => this.#stage === 'joined' && this.#table.size === 0,
      look: () => this.#stabilisation.lookForOtherRing(),
    };
    void this.#isolation.seek(search, this.#stopping.signal);
  }

  #rejoin(why: string): void {
    if (this.#stage !== 'joined') return;
    this.#homecoming.add({ after: this.#range.start, upTo: this.#deps.nodeId });
    this.#rejoins = true;
    this.#deps.log.warn('joining again', { why });
    this.#stage = 'joining';
    this.#stabilisation.stop();
    this.#fingers.stop();
    const { signal } = this.#stopping;
    const way = {
      join: () => this.join(signal),
      mayStandAlone: () => this.#mayFound && this.#table.size === 0,
      standAlone: () => this.#becomePeer(),
    };
    void this.#isolation.comeBack(way, signal);
  }

  #suspect(node: NodeId, suspected: boolean): void {
    if (!this.#table.has(node)) return;
    this.#table.suspect(node, suspected);
    if (suspected) void this.#liveness.check(node);
    else this.#replication.missed(node);
  }

  #giveUp(node: NodeId): void {
    this.#acquaintance.avoid(node);
    // Closing tells the node, should it come back, that the ring went on without it.
    this.#deps.links.remove(node, new Failure({ code: 'timeout' }, 'the node does not answer'));
  }

  #changed(change: Change): void {
    if (this.#stage !== 'joined') return;
    const before = this.#known;
    this.#known = this.#table.neighbours();
    const rangeChanged = before.predecessors[0] !== this.#known.predecessors[0];
    const neighboursChanged = JSON.stringify(before) !== JSON.stringify(this.#known);
    if (rangeChanged) this.#updates.schedule(true);
    else if (neighboursChanged && this.#deps.configuration.current.chordReactive) this.#updates.schedule(false);
    this.#replication.changed(change);
    this.#fingers.changed();
    // Who comes next, or is wanted as well in a larger ring, is known to the neighbours there are.
    if (neighboursChanged) this.#acquaintance.reconsider();
  }

  #end(): void {
    this.#stage = 'left';
    this.#stopping.abort();
    this.#liveness.stop();
    this.#stabilisation.stop();
    this.#fingers.stop();
    this.#homecoming.stop();
    this.#replication.stop();
    this.#admission.stop();
    this.#acquaintance.stop();
    this.#updates.stop();
  }
}

import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { SipStream } from '#sip/ua/call-engine.ts';

/** Application-IDs of SIP and of secured SIP (RFC 7904 §5). Either runs inside the connection's TLS. */
const SIP_APPLICATION = 5060;
const SIPS_APPLICATION = 5061;
const MAX_STREAMS = 256;
/** Two at once arise when both ends call each other for the first time. */
const MAX_STREAMS_PER_PEER = 4;

export interface StreamTarget {
  readonly destinations: readonly Destination[];
  readonly nodeId: NodeId;
  /** The name its certificate must have. */
  readonly userName: string;
}

/** One of this process's nodes, as far as connections go. */
type OwnNode = Pick<ReloadNode, 'nodeId' | 'onAppAttach' | 'appAttach'>;

interface WrongNameFault {
  readonly code: 'wrong-name';
  readonly expected: string;
  readonly found: string;
}

/** Connections for SIP that AppAttach made, each used for all calls between the same two nodes. */
export class PeerStreams {
  readonly #log: Logger;
  readonly #attach: (stream: SipStream) => void;
  /** The newest of each pair of nodes: the one for further calls. */
  readonly #streams = new Map<string, SipStream>();
  /** All that are open, with their pair; the one unused for longest comes first. */
  readonly #open = new Map<SipStream, string>();

  constructor(deps: { readonly log: Logger; readonly attach: (stream: SipStream) => void }) {
    this.#log = deps.log;
    this.#attach = deps.attach;
  }

  /** Takes the connections that others open to `self`. */
  serve(self: OwnNode): void {
    const take: Parameters<OwnNode['onAppAttach']>[1] = ({ stream, peer, nodeId }) => {
      const sip = { duplex: stream, peerName: peer.userName, peerNode: nodeId };
      this.#log.debug('peer connected', { peer: peer.userName, node: nodeId });
      this.#keep(keyOf(self, nodeId), sip);
      this.#attach(sip);
    };
    self.onAppAttach(SIP_APPLICATION, take);
    self.onAppAttach(SIPS_APPLICATION, take);
  }

  /** A connection of `self` to the target: an open one, or a new one. */
  async open(self: OwnNode, target: StreamTarget, signal: AbortSignal): Promise<SipStream> {
    const key = keyOf(self, target.nodeId);
    const known = this.#streams.get(key);
    if (known && !known.duplex.destroyed && known.duplex.writable && known.peerName === target.userName) {
      this.#open.delete(known);
      this.#open.set(known, key);
      return known;
    }
    const { stream, peer, nodeId } = await self.appAttach(target.destinations, SIP_APPLICATION, signal);
    if (peer.userName !== target.userName || nodeId !== target.nodeId) {
      stream.destroy();
      throw new Failure<WrongNameFault>(
        { code: 'wrong-name', expected: target.userName, found: peer.userName },
        `the node that answered is ${peer.userName}, not ${target.userName}`,
      );
    }
    const sip = { duplex: stream, peerName: peer.userName, peerNode: nodeId };
    this.#keep(key, sip);
    return sip;
  }

  close(): void {
    for (const { duplex } of this.#open.keys()) duplex.destroy();
    this.#open.clear();
    this.#streams.clear();
  }

  #keep(key: string, stream: SipStream): void {
    const ofPeer = [...this.#open].filter(([, pair]) => pair === key);
    if (ofPeer.length >= MAX_STREAMS_PER_PEER) this.#drop(ofPeer[0]?.[0]);
    if (this.#open.size >= MAX_STREAMS) this.#drop(this.#open.keys().next().value);
    this.#streams.set(key, stream);
    this.#open.set(stream, key);
    // SIP hears of the close; an error on a connection that no call uses any more must not end the process.
    stream.duplex.on('error', () => {});
    stream.duplex.once('close', () => this.#forget(stream));
  }

  #drop(stream: SipStream | undefined): void {
    if (stream === undefined) return;
    this.#forget(stream);
    this.#log.debug('too many peer connections: one is closed', { peer: stream.peerName, node: stream.peerNode });
    stream.duplex.destroy();
  }

  #forget(stream: SipStream): void {
    const key = this.#open.get(stream);
    this.#open.delete(stream);
    if (key !== undefined && this.#streams.get(key) === stream) this.#streams.delete(key);
  }
}

function keyOf(self: OwnNode, peer: NodeId): string {
  return `${self.nodeId}>${peer}`;
}

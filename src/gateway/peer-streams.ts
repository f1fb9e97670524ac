import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { SipStream } from '#sip/ua/call-engine.ts';

/** Application-ID of SIP (RFC 7904 §5). Secured or not, it runs inside the connection's TLS. */
const SIP_APPLICATION = 5060;
const MAX_STREAMS = 256;

export interface StreamTarget {
  readonly destinations: readonly Destination[];
  readonly nodeId: NodeId;
  /** The name its certificate must have. */
  readonly userName: string;
}

interface WrongNameFault {
  readonly code: 'wrong-name';
  readonly expected: string;
  readonly found: string;
}

/** Connections for SIP that AppAttach made, each used for all calls between the same two nodes. */
export class PeerStreams {
  readonly #log: Logger;
  readonly #attach: (stream: SipStream) => void;
  readonly #streams = new Map<string, SipStream>();

  constructor(deps: { readonly log: Logger; readonly attach: (stream: SipStream) => void }) {
    this.#log = deps.log;
    this.#attach = deps.attach;
  }

  /** Takes the connections that others open to `self`. */
  serve(self: ReloadNode): void {
    self.onAppAttach(SIP_APPLICATION, ({ stream, peer, nodeId }) => {
      const sip = { duplex: stream, peerName: peer.userName, peerNode: nodeId };
      this.#log.debug('peer connected', { peer: peer.userName, node: nodeId });
      this.#keep(keyOf(self, nodeId), sip);
      this.#attach(sip);
    });
  }

  /** A connection of `self` to the target: an open one, or a new one. */
  async open(self: ReloadNode, target: StreamTarget, signal: AbortSignal): Promise<SipStream> {
    const key = keyOf(self, target.nodeId);
    const known = this.#streams.get(key);
    if (known && !known.duplex.destroyed && known.duplex.writable && known.peerName === target.userName) return known;
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
    for (const { duplex } of this.#streams.values()) duplex.destroy();
    this.#streams.clear();
  }

  #keep(key: string, stream: SipStream): void {
    const [oldest] = this.#streams.keys();
    if (this.#streams.size >= MAX_STREAMS && oldest !== undefined) this.#streams.delete(oldest);
    this.#streams.set(key, stream);
    // SIP hears of the close; an error on a connection that no call uses any more must not end the process.
    stream.duplex.on('error', () => {});
    stream.duplex.once('close', () => {
      if (this.#streams.get(key) === stream) this.#streams.delete(key);
    });
  }
}

function keyOf(self: ReloadNode, peer: NodeId): string {
  return `${self.nodeId}>${peer}`;
}

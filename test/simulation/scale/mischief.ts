import type { Failure } from '#platform/failure.ts';
import type { Link, LinkFault, LinkObserver, OverlayTransport } from '#reload/link/link.ts';
import { seal } from '#reload/messaging/sealing.ts';
import type { Signer } from '#reload/security/identity.ts';
import { decode, encode, type Infer } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { fetchAns } from '#reload/wire/fetch.ts';
import { encodeWithPayload } from '#reload/wire/forwarding-header.ts';
import { type NodeId, nodeIdOf, type ResourceId } from '#reload/wire/ids.ts';
import { type Message, splitMessage } from '#reload/wire/message.ts';
import { storeReq } from '#reload/wire/store.ts';
import { chordUpdate } from '#reload/wire/update.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Vice } from './options.ts';
import { codeOf, glanceAtFetch, transactionOf } from './traffic.ts';

/** Messages from others that are remembered, to know which ones are only passed on. */
const REMEMBERED = 4096;

type Stored = Infer<typeof fetchAns>['kindResponses'][number];

/** What a dishonest peer does at the edges of an otherwise ordinary node. It behaves until `begin`. */
export class Mischief {
  readonly vice: Vice;
  readonly #signer: Signer;
  readonly #random: SeededRandom;
  readonly #links = new Set<EdgeLink>();
  readonly #passing = new Map<bigint, number>();
  /** What each Fetch request asks for that has not been answered yet. */
  readonly #asked = new Map<bigint, ResourceId>();
  /** The first value that was ever stored here, with the certificates that came along. */
  readonly #first = new Map<ResourceId, { readonly data: Stored; readonly certificates: readonly Uint8Array[] }>();
  #isActive = false;

  constructor(vice: Vice, signer: Signer, random: SeededRandom) {
    this.vice = vice;
    this.#signer = signer;
    this.#random = random;
  }

  begin(): void {
    this.#isActive = true;
  }

  /** The transport whose links this peer uses in place of its own. */
  wrap(transport: OverlayTransport): OverlayTransport {
    const edge = (link: Link) => new EdgeLink(link, this);
    return {
      overlayLink: transport.overlayLink,
      listen: (at, accept) => transport.listen(at, (link) => accept(edge(link))),
      offerLink: async () => {
        const offer = await transport.offerLink();
        return {
          addresses: offer.addresses,
          accept: async (expected, signal) => edge(await offer.accept(expected, signal)),
          close: () => offer.close(),
        };
      },
      offerApplication: () => transport.offerApplication(),
      dialLink: async (addresses, expected, signal) => edge(await transport.dialLink(addresses, expected, signal)),
      dialApplication: (addresses, expected, signal) => transport.dialApplication(addresses, expected, signal),
    };
  }

  opened(link: EdgeLink): void {
    this.#links.add(link);
  }

  closed(link: EdgeLink): void {
    this.#links.delete(link);
  }

  /** Looks at a message that arrives. */
  incoming(bytes: Uint8Array): void {
    const code = codeOf(bytes);
    remember(this.#passing, transactionOf(bytes), code);
    if (this.vice !== 'stale') return;
    if (code === MessageCode.fetchReq) {
      const { transaction, resource } = glanceAtFetch(bytes);
      remember(this.#asked, transaction, resource);
    } else if (code === MessageCode.storeReq) this.#keep(splitMessage(bytes));
  }

  /** Lets a message of this peer leave, or something else in its place. */
  outgoing(link: EdgeLink, bytes: Uint8Array): void {
    if (!this.#isActive) {
      link.inner.send(bytes);
      return;
    }
    const code = codeOf(bytes);
    const isPassing = this.#passing.get(transactionOf(bytes)) === code;
    if (this.vice === 'drop' && isPassing) return;
    const by = this.vice === 'misroute' && isPassing ? this.#anyLink(link) : link;
    by.inner.send(isPassing ? bytes : this.#rewritten(code, bytes));
  }

  #rewritten(code: number, bytes: Uint8Array): Uint8Array {
    if (this.vice === 'lie' && code === MessageCode.updateReq) return this.#falseUpdate(splitMessage(bytes));
    if (this.vice === 'stale' && code === MessageCode.fetchAns) return this.#oldAnswer(bytes);
    return bytes;
  }

  #anyLink(otherwise: EdgeLink): EdgeLink {
    const links = [...this.#links];
    return links[Math.floor(this.#random.unit() * links.length)] ?? otherwise;
  }

  /** Names peers that do not exist. */
  #falseUpdate(message: Message): Uint8Array {
    const update = decode(chordUpdate, message.contents.body);
    if (update.type === 'peer_ready') return this.#sealed(message, message.contents.body, []);
    const invented = (nodes: readonly NodeId[]) => nodes.map(() => nodeIdOf(this.#random.bytes(16)));
    const { predecessors, successors } = update;
    const lie = { ...update, predecessors: invented(predecessors), successors: invented(successors) };
    return this.#sealed(message, encode(chordUpdate, lie), []);
  }

  #keep({ contents, security }: Message): void {
    const { resource, kindData } = decode(storeReq, contents.body);
    const [data] = kindData;
    if (data === undefined || this.#first.has(resource)) return;
    this.#first.set(resource, {
      data: { kind: data.kind, generation: data.generationCounter + 1n, values: data.values.slice() },
      certificates: security.certificates.map(({ certificate }) => certificate.slice()),
    });
  }

  #oldAnswer(bytes: Uint8Array): Uint8Array {
    const resource = this.#asked.get(transactionOf(bytes));
    const old = resource === undefined ? undefined : this.#first.get(resource);
    if (old === undefined) return bytes;
    const body = encode(fetchAns, { kindResponses: [old.data] });
    return this.#sealed(splitMessage(bytes), body, old.certificates);
  }

  #sealed({ header, contents }: Message, body: Uint8Array, certificates: readonly Uint8Array[]): Uint8Array {
    return encodeWithPayload(header, seal(this.#signer, header, { ...contents, body }, certificates));
  }
}

function remember<Value>(map: Map<bigint, Value>, transaction: bigint, value: Value): void {
  if (map.size >= REMEMBERED) map.clear();
  map.set(transaction, value);
}

/** A link of a dishonest peer. */
class EdgeLink implements Link {
  readonly inner: Link;
  readonly #mischief: Mischief;

  constructor(inner: Link, mischief: Mischief) {
    this.inner = inner;
    this.#mischief = mischief;
  }

  get peer() {
    return this.inner.peer;
  }

  get nodeId() {
    return this.inner.nodeId;
  }

  get remoteAddress() {
    return this.inner.remoteAddress;
  }

  bind(nodeId: NodeId): void {
    this.inner.bind(nodeId);
  }

  observe(observer: LinkObserver): void {
    this.#mischief.opened(this);
    this.inner.observe({
      message: (bytes) => {
        this.#mischief.incoming(bytes);
        observer.message(bytes);
      },
      suspect: (suspected) => observer.suspect(suspected),
      closed: (reason) => {
        this.#mischief.closed(this);
        observer.closed(reason);
      },
    });
  }

  send(message: Uint8Array): void {
    this.#mischief.outgoing(this, message);
  }

  close(reason?: Failure<LinkFault>): void {
    this.inner.close(reason);
  }
}

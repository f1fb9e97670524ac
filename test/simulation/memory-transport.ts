import { delay } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { AppConnection, Link, LinkFault, Listener, Offer, OverlayTransport } from '#reload/link/link.ts';
import type { Certificate, Identity } from '#reload/security/identity.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { MemoryDatagramLink } from './memory-datagram.ts';
import { MemoryLink, MemoryStream } from './memory-link.ts';
import type { ConnectionEnd, Dialler, Listening, MemoryHost } from './memory-network.ts';

const OFFER_LIFE_MS = 15_000;

/** What a simulated host does in place of TLS on sockets; `check` stands for the handshake's look at the certificate. */
export class MemoryTransport implements OverlayTransport {
  readonly overlayLink = 4;
  readonly #host: MemoryHost;
  readonly #identity: Pick<Identity, 'nodeId' | 'certificate'>;
  readonly #check: (peer: Certificate) => void;

  constructor(
    host: MemoryHost,
    identity: Pick<Identity, 'nodeId' | 'certificate'>,
    check: (peer: Certificate) => void = () => {},
  ) {
    this.#host = host;
    this.#identity = identity;
    this.#check = check;
  }

  async listen(at: { readonly host: string; readonly port: number }, accept: (link: Link) => void): Promise<Listener> {
    const identity = this.#identity;
    const listening = this.#host.network.listen(this.#host, at.port, {
      get certificate() {
        return identity.certificate;
      },
      kind: 'link',
      accept: (dialler) => {
        if (!this.#trusts(dialler.certificate)) return undefined;
        const link = this.#link(dialler.certificate, onlyNode(dialler.certificate), dialler.host.address);
        return { end: link, announce: () => this.#host.receive(() => accept(link)) };
      },
    });
    return {
      addresses: [listening.at],
      close: async () => {
        listening.close();
      },
    };
  }

  async offerLink(): Promise<Offer<Link>> {
    return this.#offer(
      'link',
      (dialler) => {
        const link = this.#link(dialler.certificate, undefined, dialler.host.address);
        return { end: link, connection: link };
      },
      (link, expected) => {
        if (!link.peer.nodeIds.includes(expected)) return false;
        link.bind(expected);
        return true;
      },
    );
  }

  async offerApplication(): Promise<Offer<AppConnection>> {
    return this.#offer(
      'application',
      (dialler) => {
        const stream = new MemoryStream(this.#host);
        const nodeId = onlyNode(dialler.certificate) ?? dialler.certificate.nodeIds[0]!;
        return { end: stream, connection: { stream, peer: dialler.certificate, nodeId } };
      },
      (connection, expected) => connection.peer.nodeIds.includes(expected),
    );
  }

  async dialLink(
    addresses: readonly IpAddressPort[],
    expected: NodeId | undefined,
    signal: AbortSignal,
  ): Promise<Link> {
    const { accepted, listening } = await this.#dial('link', addresses, expected, signal);
    const nodeId = expected ?? onlyNode(listening.certificate);
    const link = this.#link(listening.certificate, nodeId, listening.host.address);
    if (link instanceof MemoryDatagramLink) MemoryDatagramLink.join(link, accepted.end as MemoryDatagramLink);
    else MemoryLink.pair(link, accepted.end as MemoryLink);
    accepted.announce();
    return link;
  }

  async dialApplication(
    addresses: readonly IpAddressPort[],
    expected: NodeId,
    signal: AbortSignal,
  ): Promise<AppConnection> {
    const { accepted, listening } = await this.#dial('application', addresses, expected, signal);
    const stream = new MemoryStream(this.#host);
    MemoryStream.pair(stream, accepted.end as MemoryStream);
    accepted.announce();
    return { stream, peer: listening.certificate, nodeId: expected };
  }

  async #dial(
    kind: 'link' | 'application',
    addresses: readonly IpAddressPort[],
    expected: NodeId | undefined,
    signal: AbortSignal,
  ): Promise<{ accepted: NonNullable<ReturnType<Listening['accept']>>; listening: Listening }> {
    let failure = new Failure<LinkFault>({ code: 'unreachable' }, 'no address to dial');
    for (const address of addresses) {
      signal.throwIfAborted();
      await this.#trip();
      await this.#trip();
      const listening = this.#host.network.find(address);
      if (listening === undefined || !listening.host.alive || listening.kind !== kind) {
        failure = new Failure<LinkFault>({ code: 'unreachable' }, 'connection refused');
        continue;
      }
      const answers = () => listening.host.running && this.#host.reaches(listening.host);
      if (!answers()) await delay(this.#host.clock, 10_000, signal);
      await this.#trip();
      if (!answers() || this.#host.network.find(address) !== listening) {
        failure = new Failure<LinkFault>({ code: 'timeout' }, 'the handshake was not answered');
        continue;
      }
      const found = listening.certificate.nodeIds;
      if (expected !== undefined && !found.includes(expected)) {
        throw new Failure<LinkFault>({ code: 'wrong-node', expected, found }, 'another node answered');
      }
      this.#check(listening.certificate);
      const accepted = listening.accept({ host: this.#host, certificate: this.#identity.certificate });
      if (accepted !== undefined) return { accepted, listening };
      failure = new Failure<LinkFault>({ code: 'closed' }, 'the other side refused the connection');
    }
    throw failure;
  }

  #offer<Connection>(
    kind: 'link' | 'application',
    connect: (dialler: Dialler) => { readonly end: ConnectionEnd; readonly connection: Connection },
    bind: (connection: Connection, expected: NodeId) => boolean,
  ): Offer<Connection> {
    type Made = ReturnType<typeof connect>;
    /** Connections from before the answer has said whom to expect. */
    const early: Made[] = [];
    let claim: { expected: NodeId; resolve(connection: Connection): void; reject(reason: unknown): void } | undefined;
    let isClosed = false;
    const close = (reason: unknown) => {
      if (isClosed) return;
      isClosed = true;
      timer.cancel();
      listening.close();
      for (const { end } of early.splice(0)) discard(end);
      claim?.reject(reason);
    };
    const take = (made: Made) => {
      if (isClosed) discard(made.end);
      else if (claim === undefined) early.push(made);
      else if (bind(made.connection, claim.expected)) {
        claim.resolve(made.connection);
        claim = undefined;
        close(undefined);
      } else discard(made.end);
    };
    const listening = this.#host.network.listen(this.#host, 0, {
      certificate: this.#identity.certificate,
      kind,
      accept: (dialler) => {
        if (!this.#trusts(dialler.certificate)) return undefined;
        const made = connect(dialler);
        return { end: made.end, announce: () => this.#host.receive(() => take(made)) };
      },
    });
    const timeout = () => close(new Failure<LinkFault>({ code: 'timeout' }, 'nobody took the offer'));
    const timer = this.#host.clock.after(OFFER_LIFE_MS, timeout);
    return {
      addresses: [listening.at],
      accept: (expected, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => close(signal.reason), { once: true });
          claim = { expected, resolve, reject };
          if (isClosed) reject(new Failure<LinkFault>({ code: 'closed' }, 'the offer is closed'));
          for (const made of early.splice(0)) take(made);
        }),
      close: timeout,
    };
  }

  #link(peer: Certificate, nodeId: NodeId | undefined, remoteAddress: string): MemoryLink | MemoryDatagramLink {
    const { datagramMtu } = this.#host.network;
    if (datagramMtu === undefined) return new MemoryLink(this.#host, peer, nodeId, remoteAddress);
    return new MemoryDatagramLink(this.#host, datagramMtu, { peer, nodeId, remoteAddress });
  }

  #trusts(certificate: Certificate): boolean {
    try {
      this.#check(certificate);
      return true;
    } catch {
      return false;
    }
  }

  #trip(): Promise<void> {
    return new Promise((resolve) => {
      this.#host.network.carry(0, () => this.#host.receive(resolve));
    });
  }
}

function discard(end: ConnectionEnd): void {
  if (end instanceof MemoryStream) end.destroy();
  else end.close();
}

function onlyNode(certificate: Certificate): NodeId | undefined {
  return certificate.nodeIds.length === 1 ? certificate.nodeIds[0] : undefined;
}

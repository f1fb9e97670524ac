import { Failure } from '#platform/failure.ts';
import type { Link, LinkFault, LinkObserver } from '#reload/link/link.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export interface LocalEnd {
  readonly nodeId: NodeId;
  readonly certificate: Certificate;
}

/**
 * Two links joined inside this process: what a hosted phone's client has in place of a socket to its proxy peer. The first is the
 * one that `a` holds (its `peer` is `b`). Messages arrive in order, each in a microtask of its own, never inside `send`.
 */
export function localLinkPair(a: LocalEnd, b: LocalEnd): readonly [Link, Link] {
  const atA = new LocalLink(b);
  const atB = new LocalLink(a);
  atA.join(atB);
  atB.join(atA);
  return [atA, atB];
}

class LocalLink implements Link {
  readonly peer: Certificate;
  readonly remoteAddress = 'local';
  readonly nodeId: NodeId;
  #other: LocalLink | undefined;
  #observer: LinkObserver | undefined;
  #closed: Failure<LinkFault> | undefined;
  readonly #waiting: Uint8Array[] = [];

  constructor(peer: LocalEnd) {
    this.peer = peer.certificate;
    this.nodeId = peer.nodeId;
  }

  join(other: LocalLink): void {
    this.#other = other;
  }

  /** The Node-ID is known from the start. */
  bind(): void {}

  observe(observer: LinkObserver): void {
    this.#observer = observer;
    queueMicrotask(() => {
      for (const message of this.#waiting.splice(0)) this.#receive(message);
      if (this.#closed !== undefined) observer.closed(this.#closed);
    });
  }

  send(message: Uint8Array): void {
    const other = this.#other;
    if (this.#closed !== undefined || other === undefined) return;
    queueMicrotask(() => other.#receive(message));
  }

  close(reason?: Failure<LinkFault>): void {
    if (this.#closed !== undefined) return;
    const failure = reason ?? new Failure<LinkFault>({ code: 'closed' }, 'the link was closed');
    this.#closed = failure;
    this.#observer?.closed(failure);
    queueMicrotask(() => this.#other?.close());
  }

  #receive(message: Uint8Array): void {
    if (this.#closed !== undefined) return;
    if (this.#observer === undefined) this.#waiting.push(message);
    else this.#observer.message(message);
  }
}

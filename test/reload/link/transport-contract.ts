import { describe, expect, it, onTestFinished } from 'vitest';
import type { Failure } from '#platform/failure.ts';
import type { AppConnection, Link, LinkFault, OverlayTransport } from '#reload/link/link.ts';
import type { Identity } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';

interface Member {
  readonly identity: Identity;
  readonly transport: OverlayTransport;
}

/** One overlay on one kind of network. */
export interface TransportWorld {
  /** Where `listen` may be bound. */
  readonly host: string;
  member(user: string): Promise<Member>;
  /** Waits for the promise; a simulated network lets its time pass meanwhile. */
  settle<T>(promise: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** What one end of a link was told. */
export class Recorder {
  readonly messages: string[] = [];
  readonly suspicions: boolean[] = [];
  readonly closed: Promise<Failure<LinkFault>>;
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(link: Link) {
    this.closed = new Promise((resolve) => {
      link.observe({
        message: (bytes) => {
          this.messages.push(Buffer.from(bytes).toString('latin1'));
          for (const { count, resolve: reached } of this.#waiting) if (this.messages.length >= count) reached();
        },
        suspect: (suspected) => this.suspicions.push(suspected),
        closed: resolve,
      });
    });
  }

  async received(count: number): Promise<readonly string[]> {
    if (this.messages.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    }
    return this.messages;
  }
}

export function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value, 'latin1'));
}

const never = new AbortController().signal;

/** What every OverlayTransport has to do, whatever it runs on. */
export function transportContract(name: string, create: () => Promise<TransportWorld>): void {
  async function world(): Promise<TransportWorld> {
    const made = await create();
    onTestFinished(() => made.close());
    return made;
  }

  /** Alice offers (the requester of an Attach), Bob dials. */
  async function attached(w: TransportWorld): Promise<{ alice: Member; bob: Member; atAlice: Link; atBob: Link }> {
    const [alice, bob] = [await w.member('alice'), await w.member('bob')];
    const offer = await w.settle(alice.transport.offerLink());
    const dialled = bob.transport.dialLink(offer.addresses, alice.identity.nodeId, never);
    const [atAlice, atBob] = await w.settle(Promise.all([offer.accept(bob.identity.nodeId, never), dialled]));
    onTestFinished(() => {
      atAlice.close();
      atBob.close();
    });
    return { alice, bob, atAlice, atBob };
  }

  function codeOf(outcome: PromiseSettledResult<unknown>): string | undefined {
    return outcome.status === 'rejected' ? (outcome.reason as Failure<LinkFault>).code : undefined;
  }

  describe(`the transport contract on ${name}`, () => {
    it('R6940-6.1.2-11 links a dialler to a bootstrap port; both ends know the other node from its certificate', async () => {
      const w = await world();
      const [alice, bob] = [await w.member('alice'), await w.member('bob')];
      const { listener, accepted } = await new Promise<{
        listener: Awaited<ReturnType<OverlayTransport['listen']>>;
        accepted: Promise<Link>;
      }>((resolve) => {
        const link = new Promise<Link>((accept) => {
          void w
            .settle(alice.transport.listen({ host: w.host, port: 0 }, accept))
            .then((made) => resolve({ listener: made, accepted: link }));
        });
      });
      const atBob = await w.settle(bob.transport.dialLink(listener.addresses, undefined, never));
      const atAlice = await w.settle(accepted);
      expect(atBob.nodeId).toBe(alice.identity.nodeId);
      expect(atAlice.nodeId).toBe(bob.identity.nodeId);
      expect(atAlice.peer.userName).toBe(bob.identity.certificate.userName);
      const [alices, bobs] = [new Recorder(atAlice), new Recorder(atBob)];
      atBob.send(text('ping'));
      expect(await w.settle(alices.received(1))).toEqual(['ping']);
      atAlice.send(text('pong'));
      expect(await w.settle(bobs.received(1))).toEqual(['pong']);
      await listener.close();
      atBob.close();
      await w.settle(alices.closed);
    });

    it('links the answerer of an Attach to the offer of its requester, and carries messages both ways in order', async () => {
      const w = await world();
      const { alice, bob, atAlice, atBob } = await attached(w);
      expect([atAlice.nodeId ?? bob.identity.nodeId, atBob.nodeId]).toEqual([
        bob.identity.nodeId,
        alice.identity.nodeId,
      ]);
      const numbers = Array.from({ length: 100 }, (_, i) => String(i));
      for (const number of numbers) atBob.send(text(number));
      const alices = new Recorder(atAlice);
      expect(await w.settle(alices.received(100))).toEqual(numbers);
      const bobs = new Recorder(atBob);
      for (const number of numbers) atAlice.send(text(number));
      expect(await w.settle(bobs.received(100))).toEqual(numbers);
    });

    it('holds a connection that is finished before the answer has said whom to expect', async () => {
      const w = await world();
      const [alice, bob] = [await w.member('alice'), await w.member('bob')];
      const offer = await w.settle(alice.transport.offerLink());
      const atBob = await w.settle(bob.transport.dialLink(offer.addresses, alice.identity.nodeId, never));
      atBob.send(text('early'));
      const atAlice = await w.settle(offer.accept(bob.identity.nodeId, never));
      expect(await w.settle(new Recorder(atAlice).received(1))).toEqual(['early']);
      atBob.close();
    });

    it('carries messages of the largest size the overlay permits', async () => {
      const w = await world();
      const { atAlice, atBob } = await attached(w);
      const alices = new Recorder(atAlice);
      const large = 'x'.repeat(5000);
      for (let i = 0; i < 40; i++) atBob.send(text(large));
      const received = await w.settle(alices.received(40));
      expect(received.every((message) => message === large)).toBe(true);
    });

    it('tells both ends when one of them closes, and sends nothing after that', async () => {
      const w = await world();
      const { atAlice, atBob } = await attached(w);
      const [alices, bobs] = [new Recorder(atAlice), new Recorder(atBob)];
      atBob.send(text('last'));
      atBob.close();
      expect((await w.settle(bobs.closed)).code).toBe('closed');
      expect((await w.settle(alices.closed)).code).toBe('closed');
      expect(alices.messages).toEqual(['last']);
      atBob.send(text('too late'));
      atAlice.send(text('too late'));
    });

    it('R6940-6.5.1.11-02 closes a dialled connection whose certificate is not that of the expected node', async () => {
      const w = await world();
      const [alice, bob, carol] = [await w.member('alice'), await w.member('bob'), await w.member('carol')];
      const offer = await w.settle(alice.transport.offerLink());
      const dialled = Promise.allSettled([bob.transport.dialLink(offer.addresses, carol.identity.nodeId, never)]);
      const [outcome] = await w.settle(dialled);
      expect(codeOf(outcome)).toBe('wrong-node');
      offer.close();
    });

    it('R6940-6.5.1.11-01 R6940-6.5.1.13-04 lets only the expected node take an offer', async () => {
      const w = await world();
      const [alice, bob, mallory] = [await w.member('alice'), await w.member('bob'), await w.member('mallory')];
      const offer = await w.settle(alice.transport.offerLink());
      const accepted = offer.accept(bob.identity.nodeId, never);
      const intruder = await w.settle(mallory.transport.dialLink(offer.addresses, alice.identity.nodeId, never));
      expect((await w.settle(new Recorder(intruder).closed)).code).toBe('closed');
      const atBob = await w.settle(bob.transport.dialLink(offer.addresses, alice.identity.nodeId, never));
      const atAlice = await w.settle(accepted);
      expect(atAlice.peer.fingerprint).toBe(bob.identity.certificate.fingerprint);
      atBob.close();
    });

    it('closes an offer after one connection', async () => {
      const w = await world();
      const [alice, bob] = [await w.member('alice'), await w.member('bob')];
      const offer = await w.settle(alice.transport.offerLink());
      const dial = () => bob.transport.dialLink(offer.addresses, alice.identity.nodeId, never);
      const [, first] = await w.settle(Promise.all([offer.accept(bob.identity.nodeId, never), dial()]));
      const [second] = await w.settle(Promise.allSettled([dial()]));
      expect(codeOf(second)).toBe('unreachable');
      first.close();
    });

    it('takes connections in both directions at the same time', async () => {
      const w = await world();
      const [alice, bob] = [await w.member('alice'), await w.member('bob')];
      const [alices, bobs] = await w.settle(Promise.all([alice.transport.offerLink(), bob.transport.offerLink()]));
      const links = await w.settle(
        Promise.all([
          alices.accept(bob.identity.nodeId, never),
          bobs.accept(alice.identity.nodeId, never),
          alice.transport.dialLink(bobs.addresses, bob.identity.nodeId, never),
          bob.transport.dialLink(alices.addresses, alice.identity.nodeId, never),
        ]),
      );
      const [first, second, third, fourth] = links;
      const received = [new Recorder(first), new Recorder(second)];
      fourth.send(text('to alice'));
      third.send(text('to bob'));
      expect(await w.settle(received[0]!.received(1))).toEqual(['to alice']);
      expect(await w.settle(received[1]!.received(1))).toEqual(['to bob']);
      for (const link of links) link.close();
    });

    it('rejects at once when nobody listens at any address', async () => {
      const w = await world();
      const [alice, bob] = [await w.member('alice'), await w.member('bob')];
      const offer = await w.settle(alice.transport.offerLink());
      offer.close();
      const dialled = Promise.allSettled([bob.transport.dialLink(offer.addresses, alice.identity.nodeId, never)]);
      expect(codeOf((await w.settle(dialled))[0])).toBe('unreachable');
    });

    it('gives up when the signal aborts', async () => {
      const w = await world();
      const alice = await w.member('alice');
      const abort = new AbortController();
      const offer = await w.settle(alice.transport.offerLink());
      const accepted = Promise.allSettled([offer.accept('b'.repeat(32) as NodeId, abort.signal)]);
      abort.abort(new Error('not wanted any more'));
      expect((await w.settle(accepted))[0].status).toBe('rejected');
    });

    it('R6940-6.5.2.1-03 gives applications a connection of their own, without RELOAD framing', async () => {
      const w = await world();
      const [alice, bob] = [await w.member('alice'), await w.member('bob')];
      const offer = await w.settle(alice.transport.offerApplication());
      const [atAlice, atBob] = await w.settle(
        Promise.all([
          offer.accept(bob.identity.nodeId, never),
          bob.transport.dialApplication(offer.addresses, alice.identity.nodeId, never),
        ]),
      );
      expect([atAlice.nodeId, atBob.nodeId]).toEqual([bob.identity.nodeId, alice.identity.nodeId]);
      expect(atAlice.peer.userName).toBe(bob.identity.certificate.userName);
      const heard = bytesOf(atAlice, 11);
      atBob.stream.write('OPTIONS sip');
      expect(await w.settle(heard)).toBe('OPTIONS sip');
      const answered = bytesOf(atBob, 7);
      atAlice.stream.write('SIP/2.0');
      expect(await w.settle(answered)).toBe('SIP/2.0');
      const ended = new Promise<void>((resolve) => atAlice.stream.once('close', resolve));
      atAlice.stream.resume();
      atBob.stream.destroy();
      await w.settle(ended);
    });
  });
}

function bytesOf(connection: AppConnection, count: number): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    connection.stream.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
      if (heard.length >= count) resolve(heard);
    });
  });
}

import { describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, ForwardingFlag, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { decodeHeader } from '#reload/wire/forwarding-header.ts';
import { type ResourceId, WILDCARD_NODE_ID } from '#reload/wire/ids.ts';
import { splitMessage } from '#reload/wire/message.ts';
import { pingAns, pingReq } from '#reload/wire/ping.ts';
import { ask, body, CODE, echo, failureOf, pair, patched, resource } from './conversation.ts';
import { connect, createTestNetwork, makeNode } from './network.ts';

describe('a request and its answer', () => {
  it('R6940-6.3.3.1-01 R6940-6.3.3.1-02 R6940-6.3.2-17 come back under the next code, with the transaction id of the request and the signer of the answer', async () => {
    const wire: Uint8Array[] = [];
    const { net, alice, bob } = await pair((bytes) => {
      wire.push(bytes);
      return bytes;
    });
    echo(bob);
    const answer = await net.clock.run(ask(alice, bob));
    expect(Buffer.from(answer.body).toString()).toBe('question!');
    expect(answer.code).toBe(CODE + 1);
    expect(answer.signatory.nodeId).toBe(bob.nodeId);
    const [request, response] = wire.map((bytes) => splitMessage(bytes));
    expect(response!.header.transactionId).toBe(request!.header.transactionId);
    expect(response!.header.maxResponseLength).toBe(0);
    expect(response!.contents.code).toBe(CODE + 1);
  });

  it('R6940-6.3.2-08 R6940-6.3.2-19 leave with the initial ttl, an empty Via List and the own certificate', async () => {
    const wire: Uint8Array[] = [];
    const { net, alice, bob } = await pair((bytes) => {
      wire.push(bytes);
      return bytes;
    });
    echo(bob);
    await net.clock.run(ask(alice, bob));
    for (const [bytes, sender] of [
      [wire[0]!, alice],
      [wire[1]!, bob],
    ] as const) {
      const { header, security } = splitMessage(bytes);
      expect(header).toMatchObject({
        ttl: sender.configuration.current.initialTtl,
        viaList: [],
        fragment: { offset: 0, last: true },
      });
      expect(security.certificates.map(({ certificate }) => Buffer.from(certificate).toString('hex'))).toContain(
        Buffer.from(sender.identity.certificate.der).toString('hex'),
      );
    }
  });

  it('R6940-6.3.2-15 R6940-6.2.2-02 have a transaction id of their own; answers to nothing are ignored', async () => {
    const wire: Uint8Array[] = [];
    const { net, alice, bob } = await pair((bytes) => {
      wire.push(bytes);
      return bytes;
    });
    echo(bob);
    await net.clock.run(ask(alice, bob));
    await net.clock.run(ask(alice, bob));
    const ids = wire.map((bytes) => decodeHeader(bytes).header.transactionId);
    expect(new Set(ids).size).toBe(2);
    expect(ids.every((id) => id > 0xffffn)).toBe(true);
    bob.links.get(alice.nodeId)?.send(wire[1]!);
    await net.clock.advance(0);
    expect(alice.messenger.counters.dropped['unexpected-answer']).toBe(1);
  });

  it('carry extra certificates once, and show them to both sides', async () => {
    const { net, alice, bob } = await pair();
    const [extra] = await net.overlay.members(1);
    const seen: number[] = [];
    bob.messenger.handle(CODE, (request) => {
      seen.push(request.certificates.length);
      return { body, certificates: [extra!.certificate.der, bob.identity.certificate.der] };
    });
    const answer = await net.clock.run(
      ask(alice, bob, { certificates: [extra!.certificate.der, alice.identity.certificate.der] }),
    );
    expect(seen).toEqual([2]);
    expect(answer.certificates).toHaveLength(2);
  });

  it('R6940-6.2.1-01 R6940-6.2.1-04 R6940-6.2.1-05 cross a peer that only reads the header, and take the same way back', async () => {
    const net = await createTestNetwork();
    const [alice, bob, carol] = [await net.node('alice'), await net.node('bob'), await net.node('carol')];
    connect(alice, bob);
    connect(bob, carol);
    alice.route = () => bob.nodeId;
    echo(carol);
    const answer = await net.clock.run(ask(alice, carol));
    expect(answer.signatory.nodeId).toBe(carol.nodeId);
    expect(bob.delivered).toEqual([]);
    expect(bob.forwarder.counters.forwarded).toBe(2);
    expect(carol.delivered[0]?.header).toMatchObject({
      ttl: alice.configuration.current.initialTtl - 1,
      viaList: [nodeDestination(alice.nodeId)],
    });
    expect(carol.delivered[0]?.returnPath).toEqual([nodeDestination(bob.nodeId), nodeDestination(alice.nodeId)]);
  });

  it('R6940-6.2.1-02 a request to the own Node-ID or range meets the same handler, without network', async () => {
    const { net, alice } = await pair();
    const seen = echo(alice);
    alice.isResponsible = () => true;
    const answer = await net.clock.run(ask(alice, alice));
    expect(Buffer.from(answer.body).toString()).toBe('question!');
    expect(answer.signatory.nodeId).toBe(alice.nodeId);
    await net.clock.run(alice.messenger.request({ destination: [resource], code: CODE, body }));
    expect(seen.calls).toBe(2);
    expect(alice.forwarder.counters.sent).toBe(0);
    alice.messenger.handle(MessageCode.findReq, () => {
      throw refuse(ErrorCode.notFound, 'nothing');
    });
    const refused = await failureOf(
      net,
      alice.messenger.request({ destination: [resource], code: MessageCode.findReq, body }),
    );
    expect(refused.fault).toMatchObject({ code: 'remote', errorCode: ErrorCode.notFound });
  });

  it('fail at once when nothing leads to the destination, or the message is too large', async () => {
    const { net, alice, bob } = await pair();
    const stranger = resourceDestination('00'.repeat(15).concat('01') as ResourceId);
    const lost = alice.messenger.request({ destination: [stranger], code: CODE, body });
    await expect(lost).rejects.toMatchObject({ code: 'unreachable' });
    const { maxMessageSize } = alice.configuration.current;
    await expect(ask(alice, bob, { body: new Uint8Array(maxMessageSize) })).rejects.toMatchObject({
      code: 'too-large',
    });
    const elsewhere = ask(alice, bob, { firstHop: net.overlay.name });
    await expect(elsewhere).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('end when their signal aborts, or the node stops', async () => {
    const { net, alice, bob } = await pair(() => undefined);
    const abort = new AbortController();
    const aborted = ask(alice, bob, { signal: abort.signal });
    abort.abort(new Error('no more'));
    await expect(aborted).rejects.toThrow('no more');
    await expect(ask(alice, bob, { signal: abort.signal })).rejects.toThrow('no more');
    const stopped = ask(alice, bob);
    alice.messenger.stop();
    await expect(stopped).rejects.toMatchObject({ code: 'stopped' });
    await expect(ask(alice, bob)).rejects.toMatchObject({ code: 'stopped' });
    await net.clock.advance(60_000);
  });
});

describe('retransmission', () => {
  it('R6940-6.2.1-07 R6940-6.2.1-08 R6940-6.2.1-09 R6940-6.2.1-10 sends the same bytes five times, every 3 s, and gives up after 15 s', async () => {
    const sent: { at: number; hex: string }[] = [];
    const { net, alice, bob } = await pair((bytes) => {
      sent.push({ at: net.clock.now(), hex: Buffer.from(bytes).toString('hex') });
      return undefined;
    });
    const start = net.clock.now();
    const failure = await failureOf(net, ask(alice, bob));
    expect(failure.code).toBe('timeout');
    expect(net.clock.now() - start).toBe(15_000);
    expect(sent.map(({ at }) => at - start)).toEqual([0, 3000, 6000, 9000, 12_000]);
    expect(new Set(sent.map(({ hex }) => hex)).size).toBe(1);
  });

  it('R6940-6.2.1-11 is left to the two ends: a peer on the way passes each copy on once', async () => {
    const net = await createTestNetwork();
    const [alice, bob, carol] = [await net.node('alice'), await net.node('bob'), await net.node('carol')];
    connect(alice, bob);
    connect(bob, carol, () => undefined);
    alice.route = () => bob.nodeId;
    await failureOf(net, ask(alice, carol));
    expect(alice.forwarder.counters.sent).toBe(5);
    expect(bob.forwarder.counters.forwarded).toBe(5);
  });

  it('R6940-3-03 takes the timer from the configuration', async () => {
    const net = await createTestNetwork({ configuration: { reliabilityTimer: 400 } });
    const [alice, bob] = [await net.node('alice'), await net.node('bob')];
    connect(alice, bob, () => undefined);
    const start = net.clock.now();
    await failureOf(net, ask(alice, bob));
    expect(net.clock.now() - start).toBe(2000);
  });

  it('gives up earlier when told to', async () => {
    const { net, alice, bob } = await pair(() => undefined);
    const start = net.clock.now();
    await failureOf(net, ask(alice, bob, { timeoutMs: 4000 }));
    expect(net.clock.now() - start).toBe(4000);
  });

  it('R6940-6.2.1-12 a repeated request is processed once and answered from memory', async () => {
    let lost = 0;
    const { net, alice, bob } = await pair((bytes, from) => (from === bob.nodeId && lost++ < 2 ? undefined : bytes));
    const seen = echo(bob);
    const answer = await net.clock.run(ask(alice, bob));
    expect(Buffer.from(answer.body).toString()).toBe('question!');
    expect(seen.calls).toBe(1);
    expect(bob.messenger.counters.duplicates).toBe(2);
  });

  it('a copy that comes while the handler still works does not start it again', async () => {
    const { net, alice, bob } = await pair();
    let calls = 0;
    bob.messenger.handle(CODE, async () => {
      calls++;
      await new Promise<void>((resolve) => net.clock.after(7000, resolve));
      return { body: utf8('late') };
    });
    const answer = await net.clock.run(ask(alice, bob));
    expect(Buffer.from(answer.body).toString()).toBe('late');
    expect(calls).toBe(1);
  });

  it('R6940-6.2.1-12 requests of two nodes that chose the same transaction id are two requests', async () => {
    const net = await createTestNetwork();
    const bob = await net.node('bob');
    // The same seed makes the same transaction ids.
    const make = async (user: string) =>
      makeNode(await net.overlay.identity(user), net.overlay, { clock: net.clock, seed: 4711 });
    const [alice, carol] = [await make('alice'), await make('carol')];
    connect(alice, bob);
    connect(carol, bob);
    const seen = echo(bob);
    await net.clock.run(Promise.all([ask(alice, bob), ask(carol, bob, { body: utf8('other') })]));
    const ids = bob.delivered.map(({ header }) => header.transactionId);
    expect(ids[0]).toBe(ids[1]);
    expect([seen.calls, bob.messenger.counters.duplicates]).toEqual([2, 0]);
  });

  it('an answer that took long goes back by the way of the newest copy', async () => {
    const net = await createTestNetwork();
    const [alice, bob, carol, dave] = [
      await net.node('alice'),
      await net.node('bob'),
      await net.node('carol'),
      await net.node('dave'),
    ];
    let cut = false;
    connect(alice, bob, (bytes) => (cut ? undefined : bytes));
    connect(alice, carol);
    connect(bob, dave);
    connect(carol, dave);
    alice.route = () => bob.nodeId;
    dave.messenger.handle(CODE, async () => {
      await new Promise<void>((resolve) => net.clock.after(5000, resolve));
      return { body };
    });
    const start = net.clock.now();
    const asked = ask(alice, dave);
    await net.clock.advance(1000);
    cut = true;
    alice.route = () => carol.nodeId;
    await net.clock.run(asked);
    expect(net.clock.now() - start).toBe(5000);
  });

  it('R6940-3-03 forgets answers after the request lifetime', async () => {
    const wire: Uint8Array[] = [];
    const { net, alice, bob } = await pair((bytes, from) => {
      if (from === alice.nodeId) wire.push(bytes);
      return bytes;
    });
    const seen = echo(bob);
    await net.clock.run(ask(alice, bob));
    const repeat = () => alice.links.get(bob.nodeId)?.send(wire[0]!);
    await net.clock.advance(14_000);
    repeat();
    await net.clock.advance(0);
    expect(seen.calls).toBe(1);
    await net.clock.advance(1000);
    repeat();
    await net.clock.advance(0);
    expect(seen.calls).toBe(2);
  });
});

describe('Ping', () => {
  it('R6940-6.5.3-01 R6940-6.5.3.2-01 is answered by the node, by the one responsible for a resource, and by a neighbour for the wildcard', async () => {
    const { net, alice, bob } = await pair();
    alice.route = () => bob.nodeId;
    bob.isResponsible = () => true;
    const ids = new Set<bigint>();
    const wildcard = nodeDestination(WILDCARD_NODE_ID);
    for (const target of [nodeDestination(bob.nodeId), resource, wildcard]) {
      const request = {
        destination: [target],
        code: MessageCode.pingReq,
        body: encode(pingReq, { padding: new Uint8Array() }),
      };
      const answer = await net.clock.run(
        alice.messenger.request({ ...request, ...(target === wildcard && { firstHop: bob.nodeId }) }),
      );
      const { responseId, time } = decode(pingAns, answer.body);
      ids.add(responseId);
      expect(time).toBe(BigInt(net.clock.now()));
      expect(answer.signatory.nodeId).toBe(bob.nodeId);
    }
    expect(ids.size).toBe(3);
  });

  it('R6940-6.5.3.1-01 takes any padding', async () => {
    const { net, alice, bob } = await pair();
    const padding = new Uint8Array(3000);
    const destination = [nodeDestination(bob.nodeId)];
    await net.clock.run(
      alice.messenger.request({ destination, code: MessageCode.pingReq, body: encode(pingReq, { padding }) }),
    );
  });
});

describe('forwarding options', () => {
  it('R6940-6.3.2.3-05 R6940-6.3.2.3-02 marked for it come back in the answer with all flags cleared', async () => {
    const wire: Uint8Array[] = [];
    const { net, alice, bob } = await pair((bytes, from) => {
      if (from === bob.nodeId) {
        wire.push(bytes);
        return bytes;
      }
      const options = [
        { type: 200, flags: ForwardingFlag.responseCopy, value: Uint8Array.of(1, 2) },
        { type: 201, flags: 0, value: Uint8Array.of(3) },
      ];
      return patched(bytes, () => ({ options }));
    });
    echo(bob);
    await net.clock.run(ask(alice, bob));
    expect(decodeHeader(wire[0]!).header.options).toEqual([{ type: 200, flags: 0, value: Uint8Array.of(1, 2) }]);
  });
});

describe('overload', () => {
  it('drops requests beyond the number of handlers that may run, and counts them', async () => {
    const { net, alice, bob } = await pair();
    bob.messenger.handle(CODE, () => new Promise(() => {}));
    const pending = Array.from({ length: 600 }, () => ask(alice, bob, { timeoutMs: 1000 }).catch(() => {}));
    await net.clock.advance(500);
    expect(bob.messenger.counters.requestsReceived).toBe(512);
    expect(bob.messenger.counters.dropped.overload).toBe(88);
    await net.clock.run(Promise.all(pending));
  });
});

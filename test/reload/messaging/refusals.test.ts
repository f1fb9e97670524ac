import { describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import { decode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { decodeHeader } from '#reload/wire/forwarding-header.ts';
import { WILDCARD_NODE_ID } from '#reload/wire/ids.ts';
import { pingReq } from '#reload/wire/ping.ts';
import { ask, body, CODE, echo, failureOf, pair, patched, RESOURCE, resource } from './conversation.ts';
import { connect, createTestNetwork, type TestNode } from './network.ts';

/** By how many bytes the lengths of two ECDSA signatures may differ. */
const SIGNATURE_WAVER = 4;

describe('errors', () => {
  it('R6940-6.3.3.1-03 R6940-6.3.3.1-04 are signed answers with a code and information', async () => {
    const { net, alice, bob } = await pair();
    bob.messenger.handle(CODE, () => {
      throw refuse(ErrorCode.forbidden, 'not you');
    });
    const failure = await failureOf(net, ask(alice, bob));
    expect(failure.fault).toMatchObject({
      code: 'remote',
      errorCode: ErrorCode.forbidden,
      info: utf8('not you'),
    });
    expect(failure.fault.code === 'remote' && failure.fault.signatory.nodeId).toBe(bob.nodeId);
  });

  it('R6940-14.8-02 R6940-6.3.3.1-05 R6940-6.3.3.1-06 answer unknown message codes with Error_Invalid_Message', async () => {
    const { net, alice, bob } = await pair();
    const failure = await failureOf(net, ask(alice, bob, { code: 0xb }));
    expect(failure.fault).toMatchObject({ code: 'remote', errorCode: ErrorCode.invalidMessage });
    expect(failure.fault.code === 'remote' && Buffer.from(failure.fault.info).toString()).toContain('message code 11');
  });

  it('R6940-6.3.3-03 R6940-6.3.3-04 R6940-14.14-01 answer unknown critical extensions, and pass over others', async () => {
    const { net, alice, bob } = await pair();
    echo(bob);
    const extension = (critical: boolean) => ({ extensions: [{ type: 1, critical, contents: body }] });
    const failure = await failureOf(net, ask(alice, bob, extension(true)));
    expect(failure.fault).toMatchObject({ code: 'remote', errorCode: ErrorCode.unknownExtension });
    await net.clock.run(ask(alice, bob, extension(false)));
  });

  it('say little about a handler that failed, and the node goes on', async () => {
    const { net, alice, bob } = await pair();
    bob.messenger.handle(CODE, () => {
      throw new TypeError('secret detail');
    });
    bob.messenger.handle(MessageCode.findReq, async () => Promise.reject(new TypeError('secret detail')));
    for (const code of [CODE, MessageCode.findReq]) {
      const failure = await failureOf(net, ask(alice, bob, { code }));
      expect(failure.fault).toMatchObject({ code: 'remote', errorCode: ErrorCode.invalidMessage });
      expect(String(failure.fault.code === 'remote' && Buffer.from(failure.fault.info))).not.toContain('secret');
    }
  });

  it('R6940-6.3.1.1-06 are not sent for a body that cannot be parsed: the message is discarded', async () => {
    const { net, alice, bob } = await pair();
    bob.messenger.handle(CODE, (request) => {
      decode(pingReq, request.body.subarray(1));
      return { body };
    });
    const failure = await failureOf(net, ask(alice, bob, { body: Uint8Array.of(0, 0, 9) }));
    expect(failure.code).toBe('timeout');
    expect(bob.messenger.counters.errorsSent).toBe(0);
  });

  it.each([2000, 200])(
    'R6940-6.3.2-16 replace an answer that is longer than the requester wants, header included (%i bytes of body)',
    async (size) => {
      const lengths: number[] = [];
      const { net, alice, bob } = await pair((bytes, from) => {
        if (from === bob.nodeId) lengths.push(bytes.length);
        return bytes;
      });
      let answer = new Uint8Array(size);
      bob.messenger.handle(CODE, () => ({ body: answer }));
      await net.clock.run(ask(alice, bob));
      const longest = (lengths[0] ?? 0) + SIGNATURE_WAVER;
      await net.clock.run(ask(alice, bob, { maxResponseLength: longest }));
      answer = new Uint8Array(size + 2 * SIGNATURE_WAVER + 1);
      const failure = await failureOf(net, ask(alice, bob, { maxResponseLength: longest }));
      expect(failure.fault).toMatchObject({ code: 'remote', errorCode: ErrorCode.responseTooLarge });
      await net.clock.run(ask(alice, bob));
    },
  );

  it('replace an answer that is larger than any message may be', async () => {
    const { net, alice, bob } = await pair();
    bob.messenger.handle(CODE, () => ({ body: new Uint8Array(bob.configuration.current.maxMessageSize) }));
    const failure = await failureOf(net, ask(alice, bob));
    expect(failure.fault).toMatchObject({ code: 'remote', errorCode: ErrorCode.responseTooLarge });
  });
});

describe('whose word counts', () => {
  it('R6940-6.3.4-13 R6940-6.3.4-14 a message with a broken signature is dropped without an answer and without effect', async () => {
    const { net, alice, bob } = await pair((bytes, from) => {
      if (from !== alice.nodeId) return bytes;
      const broken = bytes.slice();
      broken[broken.length - 1]! ^= 1;
      return broken;
    });
    const seen = echo(bob);
    expect((await failureOf(net, ask(alice, bob))).code).toBe('timeout');
    expect(seen.calls).toBe(0);
    expect(bob.forwarder.counters.sent).toBe(0);
    expect(bob.messenger.counters.dropped.signature).toBe(5);
  });

  it('R6940-6.1-04 a peer on the way passes a broken signature on byte for byte', async () => {
    const net = await createTestNetwork();
    const [alice, bob, carol] = [await net.node('alice'), await net.node('bob'), await net.node('carol')];
    const seen: string[] = [];
    connect(alice, bob, (bytes) => {
      const broken = bytes.slice();
      broken[broken.length - 1]! ^= 1;
      seen.push(Buffer.from(broken.subarray(decodeHeader(broken).headerLength)).toString('hex'));
      return broken;
    });
    connect(bob, carol);
    alice.route = () => bob.nodeId;
    await failureOf(net, ask(alice, carol, { timeoutMs: 1000 }));
    expect(carol.delivered.map(({ payload }) => Buffer.from(payload).toString('hex'))).toEqual(seen);
    expect(carol.messenger.counters.dropped.signature).toBe(1);
  });

  it('an answer with a broken signature does not end the transaction', async () => {
    let answers = 0;
    const { net, alice, bob } = await pair((bytes, from) => {
      if (from !== bob.nodeId || answers++ > 0) return bytes;
      const broken = bytes.slice();
      broken[broken.length - 1]! ^= 1;
      return broken;
    });
    echo(bob);
    const start = net.clock.now();
    await net.clock.run(ask(alice, bob));
    expect(net.clock.now() - start).toBe(3000);
  });

  it('R6940-6.3.4-15 an answer to a Node-ID has to be signed by that node', async () => {
    const net = await createTestNetwork();
    const [alice, mallory, bob] = [await net.node('alice'), await net.node('mallory'), await net.node('bob')];
    connect(alice, mallory, (bytes, from) =>
      from === alice.nodeId ? patched(bytes, () => ({ destinationList: [nodeDestination(mallory.nodeId)] })) : bytes,
    );
    alice.route = () => mallory.nodeId;
    const seen = echo(mallory);
    expect((await failureOf(net, ask(alice, bob))).code).toBe('timeout');
    expect(seen.calls).toBe(1);
    expect(alice.messenger.counters.dropped.origin).toBe(5);
  });

  it('an error of a node on the way is a hint at the cause, and never proof that the target refused', async () => {
    const net = await createTestNetwork({ configuration: { initialTtl: 1 } });
    const nodes = await Promise.all(['a', 'b', 'c', 'd'].map((user) => net.node(user)));
    const [alice, bob, carol, dave] = [nodes[0]!, nodes[1]!, nodes[2]!, nodes[3]!];
    connect(alice, bob);
    connect(bob, carol);
    connect(carol, dave);
    for (const [at, next] of [
      [alice, bob],
      [bob, carol],
      [carol, dave],
    ] as const)
      at.route = () => next.nodeId;
    const failure = await failureOf(net, ask(alice, dave));
    expect(failure.code).toBe('timeout');
    expect(failure.cause).toMatchObject({ fault: { code: 'remote', errorCode: ErrorCode.ttlExceeded } });
  });

  it('R6940-6.3.4-15 an answer to the wildcard has to be signed by the neighbour that was asked, where it is known', async () => {
    const net = await createTestNetwork();
    const [alice, mallory, bob] = [await net.node('alice'), await net.node('mallory'), await net.node('bob')];
    connect(alice, mallory);
    let stolen = true;
    connect(alice, bob, (bytes, from) => {
      if (!stolen || from !== alice.nodeId) return bytes;
      mallory.forwarder.receive(mallory.links.get(alice.nodeId)!, bytes);
      return undefined;
    });
    const [wrong, right] = [echo(mallory), echo(bob)];
    const destination = [nodeDestination(WILDCARD_NODE_ID)];
    const asked = () => alice.messenger.request({ destination, code: CODE, body, firstHop: bob.nodeId });
    expect((await failureOf(net, asked())).code).toBe('timeout');
    expect([wrong.calls, right.calls, alice.messenger.counters.dropped.origin]).toEqual([1, 0, 5]);
    stolen = false;
    expect((await net.clock.run(asked())).signatory.nodeId).toBe(bob.nodeId);
  });

  it('R6940-6.3.4-16 an answer for a resource has to come from near enough', async () => {
    const { net, alice, bob } = await pair();
    alice.route = () => bob.nodeId;
    bob.isResponsible = () => true;
    echo(bob);
    const asked = () => alice.messenger.request({ destination: [resource], code: CODE, body });
    await net.clock.run(asked());
    alice.isCloseEnough = (id, signer) => id === RESOURCE && signer !== bob.nodeId;
    expect((await failureOf(net, asked())).code).toBe('timeout');
  });
});

describe('configuration sequences', () => {
  async function withSequences(alices: number, bobs: number) {
    const { net, alice, bob } = await pair();
    const set = (node: TestNode, sequence: number) =>
      node.configuration.replace({
        configuration: { ...node.configuration.current, sequence },
        document: node.configuration.bytes,
      });
    set(alice, alices);
    set(bob, bobs);
    const seen = echo(bob);
    const mismatches: string[] = [];
    bob.messenger.onConfigurationMismatch(({ peerIs, nodeId, returnPath }) => {
      expect([nodeId, returnPath]).toEqual([alice.nodeId, [nodeDestination(alice.nodeId)]]);
      mismatches.push(peerIs);
    });
    return { net, alice, bob, seen, mismatches };
  }

  it('R6940-6.3.2.1-04 R6940-6.3.2.1-05 a request by an older document is answered Error_Config_Too_Old', async () => {
    const { net, alice, bob, seen, mismatches } = await withSequences(1, 2);
    expect((await failureOf(net, ask(alice, bob))).fault).toMatchObject({ errorCode: ErrorCode.configTooOld });
    expect([seen.calls, mismatches]).toEqual([0, ['older']]);
  });

  it('R6940-6.3.2.1-03 R6940-6.3.2.1-05 a request by a newer one Error_Config_Too_New, also across the wrap', async () => {
    const { net, alice, bob, seen, mismatches } = await withSequences(0, 65534);
    expect((await failureOf(net, ask(alice, bob))).fault).toMatchObject({ errorCode: ErrorCode.configTooNew });
    expect([seen.calls, mismatches]).toEqual([0, ['newer']]);
  });

  it('R6940-6.3.2.1-07 ConfigUpdate is taken whatever the sequences are', async () => {
    const { net, alice, bob } = await withSequences(1, 9);
    let sequence = 0;
    bob.messenger.handle(MessageCode.configUpdateReq, (request) => {
      sequence = request.header.configurationSequence;
      return { body: new Uint8Array() };
    });
    await net.clock.run(ask(alice, bob, { code: MessageCode.configUpdateReq }));
    expect(sequence).toBe(65535);
  });

  it('a request refused for an old document goes out once more when the new one has come', async () => {
    const { net, alice, bob, seen } = await withSequences(1, 2);
    const asked = ask(alice, bob);
    net.clock.after(1000, () => {
      alice.configuration.replace({
        configuration: { ...alice.configuration.current, sequence: 2 },
        document: alice.configuration.bytes,
      });
    });
    await net.clock.run(asked);
    expect(seen.calls).toBe(1);
    expect(alice.messenger.counters.requestsSent).toBe(2);
  });

  it('nodes on the way do not care', async () => {
    const net = await createTestNetwork();
    const [alice, bob, carol] = [await net.node('alice'), await net.node('bob'), await net.node('carol')];
    connect(alice, bob);
    connect(bob, carol);
    alice.route = () => bob.nodeId;
    bob.configuration.replace({
      configuration: { ...bob.configuration.current, sequence: 500 },
      document: bob.configuration.bytes,
    });
    echo(carol);
    await net.clock.run(ask(alice, carol));
  });
});

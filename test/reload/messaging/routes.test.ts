import { describe, expect, it } from 'vitest';
import { Failure } from '#platform/failure.ts';
import type { Refusal } from '#reload/messaging/exchange.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import { encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { decodeHeader } from '#reload/wire/forwarding-header.ts';
import { pingReq } from '#reload/wire/ping.ts';
import { ask, body, CODE, echo, failureOf, pair, patched } from './conversation.ts';
import { connect, createTestNetwork, type Tap, type TestNetwork, type TestNode } from './network.ts';

async function nodes(count: number): Promise<{ net: TestNetwork; all: TestNode[] }> {
  const net = await createTestNetwork();
  const all: TestNode[] = [];
  for (let i = 0; i < count; i++) all.push(await net.node(`node${i}`));
  return { net, all };
}

describe('the way of a request', () => {
  it('R6940-6.2.1-03 is the one that the originator writes into the Destination List', async () => {
    const { net, all } = await nodes(4);
    const [alice, bob, carol, dave] = [all[0]!, all[1]!, all[2]!, all[3]!];
    connect(alice, bob);
    connect(alice, carol);
    connect(bob, dave);
    connect(carol, dave);
    // Routing would go by carol.
    alice.route = () => carol.nodeId;
    const ping = (...way: TestNode[]) =>
      alice.messenger.request({
        destination: way.map(({ nodeId }) => nodeDestination(nodeId)),
        code: MessageCode.pingReq,
        body: encode(pingReq, { padding: new Uint8Array() }),
      });
    const answer = await net.clock.run(ping(bob, dave));
    expect(answer.signatory.nodeId).toBe(dave.nodeId);
    expect([bob, carol].map(({ forwarder }) => forwarder.counters.forwarded)).toEqual([2, 0]);
    await net.clock.run(ping(dave));
    expect([bob, carol].map(({ forwarder }) => forwarder.counters.forwarded)).toEqual([2, 2]);
  });

  it('R6940-6.2.1-06 may be two at the same time: the first answer wins, the request is processed once, the second answer is ignored', async () => {
    const { net, all } = await nodes(4);
    const [alice, bob, carol, dave] = [all[0]!, all[1]!, all[2]!, all[3]!];
    const slow: Uint8Array[] = [];
    const transactions: bigint[] = [];
    const seen: Tap = (bytes, from) => {
      if (from === alice.nodeId) transactions.push(decodeHeader(bytes).header.transactionId);
      return bytes;
    };
    connect(alice, bob, seen);
    connect(alice, carol, seen);
    connect(bob, dave, (bytes, from) => {
      if (from === bob.nodeId) slow.push(bytes);
      return from === bob.nodeId ? undefined : bytes;
    });
    connect(carol, dave);
    const handled = echo(dave);
    alice.route = () => bob.nodeId;
    const asked = ask(alice, dave);
    // The link to bob is suspected: a copy leaves by carol at once, while the first is still on its way.
    alice.route = () => carol.nodeId;
    alice.messenger.linkFailed(bob.nodeId, false);
    expect(new Set(transactions).size).toBe(1);
    const start = net.clock.now();
    await net.clock.run(asked);
    expect(net.clock.now()).toBe(start);
    expect([transactions.length, slow.length, handled.calls]).toEqual([2, 1, 1]);
    for (const bytes of slow) dave.forwarder.receive(dave.links.get(bob.nodeId)!, bytes);
    await net.clock.advance(0);
    expect(handled.calls).toBe(1);
    expect(dave.messenger.counters.duplicates).toBe(1);
    expect(alice.messenger.counters.dropped['unexpected-answer']).toBe(1);
  });

  it('R6940-6.2-02 stays symmetric recursive when a forwarding option that nobody knows asks for another and is not critical', async () => {
    const { net, all } = await nodes(3);
    const [alice, bob, carol] = [all[0]!, all[1]!, all[2]!];
    const options = [{ type: 2, flags: 0, value: Uint8Array.of(1, 2, 3) }];
    connect(alice, bob, (bytes, from) => (from === alice.nodeId ? patched(bytes, () => ({ options })) : bytes));
    connect(bob, carol);
    alice.route = () => bob.nodeId;
    echo(carol);
    await net.clock.run(ask(alice, carol));
    expect(carol.delivered[0]?.header.options).toEqual(options);
    expect(bob.forwarder.counters.forwarded).toBe(2);
    expect(alice.delivered[0]?.previousHop).toBe(bob.nodeId);
  });
});

describe('what goes up to the handlers', () => {
  it.each([
    ['contents', () => 12],
    ['signature', (payload: Uint8Array) => payload.length - 1],
  ])('R6940-6.1.1-03 is only what bears a good signature: not with one bit of the %s changed', async (_part, at) => {
    let flip = true;
    const { net, alice, bob } = await pair((bytes, from) => {
      if (!flip || from !== alice.nodeId) return bytes;
      const { headerLength } = decodeHeader(bytes);
      const changed = bytes.slice();
      const payload = changed.subarray(headerLength);
      payload[at(payload)]! ^= 1;
      return changed;
    });
    const seen = echo(bob);
    expect((await failureOf(net, ask(alice, bob))).code).toBe('timeout');
    expect(bob.delivered).toHaveLength(5);
    expect(seen.calls).toBe(0);
    flip = false;
    await net.clock.run(ask(alice, bob));
    expect(seen.calls).toBe(1);
  });
});

describe('the errors for experiments', () => {
  it.each([0x12, 0x13])('R6940-6.3.3.1-07 are sent by nobody (%i)', async (errorCode) => {
    const { net, alice, bob } = await pair();
    bob.messenger.handle(CODE, () => {
      throw refuse(errorCode, 'an experiment');
    });
    const failure = await failureOf(net, ask(alice, bob));
    expect(failure.fault).toMatchObject({ code: 'remote', errorCode: ErrorCode.invalidMessage });
  });

  it('R6940-6.3.3.1-07 are reported as their numbers when others send them', async () => {
    const { net, alice, bob } = await pair();
    bob.messenger.handle(CODE, () => {
      throw new Failure<Refusal>({ code: 'refused', errorCode: 0x12, info: body }, 'a program that experiments');
    });
    const failure = await failureOf(net, ask(alice, bob));
    expect(failure.fault).toMatchObject({ code: 'remote', errorCode: 0x12, info: body });
  });
});

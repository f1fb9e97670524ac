import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import type { Link } from '#reload/link/link.ts';
import { localLinkPair } from '#reload/link/local-link.ts';
import { seal } from '#reload/messaging/sealing.ts';
import type { Identity } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import { decode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { type Destination, nodeDestination } from '#reload/wire/destination.ts';
import { errorResponse } from '#reload/wire/error.ts';
import { decodeHeader, encodeWithPayload, type HeaderFields, RELOAD_VERSION } from '#reload/wire/forwarding-header.ts';
import { type NodeId, overlayHash, WILDCARD_NODE_ID } from '#reload/wire/ids.ts';
import { splitMessage } from '#reload/wire/message.ts';
import { connect, createTestNetwork, type TestNetwork, type TestNode } from '../messaging/network.ts';

const CODE = MessageCode.probeReq;

/** A neighbour that writes whatever bytes the test wants. */
interface RawPeer {
  readonly nodeId: NodeId;
  readonly received: Uint8Array[];
  readonly closed: () => string | undefined;
  send(bytes: Uint8Array): Promise<void>;
  message(
    destinationList: readonly Destination[],
    changes?: Partial<HeaderFields>,
    body?: Uint8Array,
    code?: number,
  ): Uint8Array;
}

async function rawPeer(
  net: TestNetwork,
  node: TestNode,
  options: { identity?: Identity; unbound?: boolean } = {},
): Promise<RawPeer> {
  const identity = options.identity ?? (await net.overlay.identity('raw'));
  const [mine, theirs] = localLinkPair(
    { nodeId: identity.nodeId, certificate: identity.certificate },
    { nodeId: node.nodeId, certificate: node.identity.certificate },
  );
  const received: Uint8Array[] = [];
  let closed: string | undefined;
  mine.observe({
    message: (bytes) => received.push(bytes),
    suspect: () => {},
    closed: (reason) => {
      closed = reason.code;
    },
  });
  node.links.add(options.unbound === true ? unbound(theirs) : theirs);
  let transactionId = 1000n;
  return {
    nodeId: identity.nodeId,
    received,
    closed: () => closed,
    async send(bytes) {
      mine.send(bytes);
      await net.clock.advance(0);
    },
    message(destinationList, changes = {}, body = utf8('question'), code = CODE) {
      const header: HeaderFields = {
        overlay: overlayHash(net.overlay.name),
        configurationSequence: node.configuration.current.sequence,
        version: RELOAD_VERSION,
        ttl: node.configuration.current.initialTtl,
        fragment: { offset: 0, last: true },
        transactionId: transactionId++,
        maxResponseLength: 0,
        viaList: [],
        destinationList,
        options: [],
        ...changes,
      };
      return encodeWithPayload(header, seal(createSigner(identity), header, { code, body, extensions: [] }, []));
    },
  };
}

/** As a link whose certificate holds several Node-IDs comes up. */
function unbound(link: Link): Link {
  let nodeId: NodeId | undefined;
  return {
    peer: link.peer,
    remoteAddress: link.remoteAddress,
    get nodeId() {
      return nodeId;
    },
    bind: (bound) => {
      nodeId = bound;
    },
    observe: (observer) => link.observe(observer),
    send: (message) => link.send(message),
    close: (reason) => link.close(reason),
  };
}

function errorOf(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined) return undefined;
  const { contents } = splitMessage(bytes);
  return contents.code === MessageCode.error ? decode(errorResponse, contents.body).code : undefined;
}

async function setup(): Promise<{ net: TestNetwork; bob: TestNode; raw: RawPeer; here: Destination }> {
  const net = await createTestNetwork();
  const bob = await net.node('bob');
  bob.configuration.replace({
    configuration: { ...bob.configuration.current, maxMessageSize: 8000 },
    document: bob.configuration.bytes,
  });
  bob.messenger.handle(CODE, () => ({ body: utf8('answer') }));
  return { net, bob, raw: await rawPeer(net, bob), here: nodeDestination(bob.nodeId) };
}

describe('messages from a neighbour', () => {
  it('are answered over the link they came by', async () => {
    const { raw, here } = await setup();
    await raw.send(raw.message([here]));
    expect(splitMessage(raw.received[0]!).header.destinationList).toEqual([nodeDestination(raw.nodeId)]);
  });

  it('R6940-6.1-01 R6940-6.3.2-02 R6940-6.3.2-05 with a wrong token, version or length are dropped', async () => {
    const { bob, raw, here } = await setup();
    const good = raw.message([here]);
    for (const [at, value] of [
      [0, 0xd3],
      [10, 0x0b],
      [19, 0],
    ] as const) {
      const bad = good.slice();
      bad[at] = value;
      await raw.send(bad);
    }
    await raw.send(good.subarray(0, 20));
    await raw.send(new Uint8Array());
    expect(raw.received).toEqual([]);
    expect(bob.forwarder.counters.dropped.malformed).toBe(5);
    expect(raw.closed()).toBeUndefined();
  });

  it('R6940-6.1-02 of another overlay are answered Error_Incompatible_with_Overlay', async () => {
    const { raw, here } = await setup();
    await raw.send(raw.message([here], { overlay: 1 }));
    expect(errorOf(raw.received[0])).toBe(ErrorCode.incompatibleWithOverlay);
  });

  it('R6940-6.6-02 above max-message-size are answered Error_Message_Too_Large, and the link is closed', async () => {
    const { net, bob, raw, here } = await setup();
    await raw.send(raw.message([here], {}, new Uint8Array(bob.configuration.current.maxMessageSize)));
    await net.clock.advance(0);
    expect(errorOf(raw.received[0])).toBe(ErrorCode.messageTooLarge);
    expect(raw.closed()).toBeDefined();
    expect(bob.delivered.every(({ refusal }) => refusal !== undefined)).toBe(true);
  });

  it('above max-message-size that are no requests are not answered, and the link is closed', async () => {
    for (const code of [CODE + 1, MessageCode.error]) {
      const { net, bob, raw, here } = await setup();
      await raw.send(raw.message([here], {}, new Uint8Array(bob.configuration.current.maxMessageSize), code));
      await net.clock.advance(0);
      expect(raw.received).toEqual([]);
      expect(raw.closed()).toBeDefined();
    }
  });

  it('R6940-6.6-04 with a header above max-message-size close the link without an error', async () => {
    const { net, bob, raw, here } = await setup();
    const viaList = Array.from({ length: 3600 }, () => nodeDestination(raw.nodeId));
    const huge = raw.message([here], { viaList });
    await raw.send(huge.subarray(0, bob.configuration.current.maxMessageSize + 1));
    await net.clock.advance(0);
    expect(raw.received).toEqual([]);
    expect(raw.closed()).toBeDefined();
  });

  it('that would grow too large on the way are refused here, not by closing the next link', async () => {
    const { net, bob, raw } = await setup();
    const carol = await net.node('carol');
    connect(bob, carol);
    const list = [nodeDestination(carol.nodeId)];
    const max = bob.configuration.current.maxMessageSize;
    const room = max - raw.message(list, {}, new Uint8Array()).length;
    await raw.send(raw.message(list, {}, new Uint8Array(room - 10)));
    expect(errorOf(raw.received[0])).toBe(ErrorCode.messageTooLarge);
    expect(raw.closed()).toBeUndefined();
    expect(carol.delivered).toEqual([]);
  });

  it('cause a bounded number of errors', async () => {
    const { net, bob, raw, here } = await setup();
    for (let i = 0; i < 50; i++) await raw.send(raw.message([here], { overlay: 1 }));
    expect(raw.received).toHaveLength(20);
    expect(bob.forwarder.counters.dropped['error-budget']).toBe(30);
    await net.clock.advance(1000);
    await raw.send(raw.message([here], { overlay: 1 }));
    expect(raw.received).toHaveLength(21);
  });

  it('R6940-6.1.1-06 to the wildcard stay here', async () => {
    const { net, bob, raw } = await setup();
    const carol = await net.node('carol');
    connect(bob, carol);
    bob.route = () => carol.nodeId;
    await raw.send(raw.message([nodeDestination(WILDCARD_NODE_ID)]));
    expect(splitMessage(raw.received[0]!).contents.code).toBe(CODE + 1);
    expect(carol.delivered).toEqual([]);
  });

  it('R6940-4.2.1-04 R6940-6.1.1-08 reach a client through the peer it is linked to', async () => {
    const { net, bob, raw } = await setup();
    const client = await net.node('client');
    connect(bob, client);
    client.messenger.handle(CODE, () => ({ body: utf8('from the client') }));
    bob.isResponsible = () => true;
    await raw.send(raw.message([nodeDestination(bob.nodeId), nodeDestination(client.nodeId)]));
    await raw.send(raw.message([nodeDestination(client.nodeId)]));
    await net.clock.advance(0);
    expect(raw.received.map((bytes) => Buffer.from(splitMessage(bytes).contents.body).toString())).toEqual([
      'from the client',
      'from the client',
    ]);
  });
});

describe('hostile bytes', () => {
  it('never make the node throw, however a message is bent', async () => {
    const { net, bob, raw, here } = await setup();
    const link = bob.links.get(raw.nodeId)!;
    const good = raw.message([here], { viaList: [nodeDestination(raw.nodeId)] });
    const bend = fc.record({ at: fc.nat(good.length - 1), value: fc.nat(255), length: fc.nat(good.length + 40) });
    fc.assert(
      fc.property(fc.array(bend, { minLength: 1, maxLength: 4 }), (bends) => {
        const bytes = new Uint8Array(bends[0]!.length);
        bytes.set(good.subarray(0, bytes.length));
        for (const { at, value } of bends) if (at < bytes.length) bytes[at] = value;
        bob.forwarder.receive(link, bytes);
      }),
      { numRuns: 2000 },
    );
    await net.clock.advance(0);
    await raw.send(raw.message([here]));
    expect(splitMessage(raw.received.at(-1)!).contents.code).toBe(CODE + 1);
  });

  it('a Via List without room for one more entry is dropped', async () => {
    const { net, bob, raw } = await setup();
    const carol = await net.node('carol');
    connect(bob, carol);
    bob.configuration.replace({
      configuration: { ...bob.configuration.current, maxMessageSize: 1 << 20 },
      document: bob.configuration.bytes,
    });
    const viaList = Array.from({ length: 3640 }, () => nodeDestination(raw.nodeId));
    await raw.send(raw.message([nodeDestination(carol.nodeId)], { viaList }));
    expect(bob.forwarder.counters.dropped.malformed).toBe(1);
    expect(carol.delivered).toEqual([]);
  });
});

describe('fragments', () => {
  function split(message: Uint8Array, size: number): Uint8Array[] {
    const { header, headerLength } = decodeHeader(message);
    const payload = message.subarray(headerLength);
    const pieces: Uint8Array[] = [];
    for (let offset = 0; offset < payload.length; offset += size) {
      const end = Math.min(payload.length, offset + size);
      pieces.push(
        encodeWithPayload(
          { ...header, fragment: { offset, last: end === payload.length } },
          payload.subarray(offset, end),
        ),
      );
    }
    return pieces;
  }

  it('R6940-6.7-01 R6940-6.7-02 R6940-6.7-03 R6940-6.7-06 pass a peer one by one, and only the destination puts them together', async () => {
    const { net, bob, raw } = await setup();
    const carol = await net.node('carol');
    const passed: number[] = [];
    connect(bob, carol, (bytes, from) => {
      if (from === bob.nodeId) passed.push(decodeHeader(bytes).header.fragment.offset);
      return bytes;
    });
    let heard = '';
    carol.messenger.handle(CODE, (request) => {
      heard = Buffer.from(request.body).toString();
      return { body: utf8('put together') };
    });
    const body = 'abcdefghij'.repeat(120);
    const pieces = split(raw.message([nodeDestination(carol.nodeId)], {}, utf8(body)), 600);
    expect(pieces.length).toBeGreaterThan(2);
    for (const piece of [...pieces].reverse()) await raw.send(piece);
    await net.clock.advance(0);
    expect(passed).toEqual(pieces.map((_, i) => i * 600).reverse());
    expect(bob.delivered).toEqual([]);
    expect(carol.delivered).toHaveLength(1);
    expect(heard).toBe(body);
    expect(Buffer.from(splitMessage(raw.received[0]!).contents.body).toString()).toBe('put together');
  });

  it('R6940-6.7-12 R6940-6.7-13 R6940-6.7-14 with the top bit clear are discarded and never enter reassembly', async () => {
    const { bob, raw, here } = await setup();
    for (const field of [0x40000000, 0x00000100]) {
      const bytes = raw.message([here]);
      new DataView(bytes.buffer, bytes.byteOffset).setUint32(12, field);
      await raw.send(bytes);
    }
    expect(bob.delivered).toEqual([]);
    expect(bob.forwarder.counters.dropped.malformed).toBe(2);
  });

  it('R6940-6.7-09 that stay incomplete yield nothing', async () => {
    const { net, bob, raw, here } = await setup();
    const [first, ...rest] = split(raw.message([here], {}, new Uint8Array(1000)), 500);
    await raw.send(first!);
    await net.clock.advance(15_000);
    for (const piece of rest) await raw.send(piece);
    expect(bob.delivered).toEqual([]);
  });
});

describe('a neighbour whose certificate holds several Node-IDs', () => {
  const ids = ['a1', 'a2'].map((digits) => digits.repeat(16) as NodeId);

  async function joiner() {
    const { net, bob, here } = await setup();
    const [identity] = await net.overlay.identities('joiner', ids);
    const raw = await rawPeer(net, bob, { identity: identity!, unbound: true });
    return { net, bob, raw, here };
  }

  it('R6940-6.1.2-12 gets Error_Forbidden for anything but Ping and Attach', async () => {
    const { raw, here } = await joiner();
    await raw.send(raw.message([here]));
    expect(errorOf(raw.received[0])).toBe(ErrorCode.forbidden);
    expect(splitMessage(raw.received[0]!).header.destinationList).toEqual([nodeDestination(WILDCARD_NODE_ID)]);
  });

  it('R6940-4.2.1-03 is known by its Node-ID from its first Ping on', async () => {
    const { bob, raw, here } = await joiner();
    await raw.send(raw.message([here], {}, Uint8Array.of(0, 0), MessageCode.pingReq));
    expect(bob.links.nodes()).toContain(ids[0]);
    await raw.send(raw.message([here]));
    expect(raw.received.map((bytes) => splitMessage(bytes).contents.code)).toEqual([MessageCode.pingAns, CODE + 1]);
  });

  it('R6940-4.2.1-03 is not taken for the sender of a Ping that it passes on for somebody else', async () => {
    const { net, bob, raw, here } = await joiner();
    const other = await net.overlay.identity('other');
    const stranger = await rawPeer(net, await net.node('elsewhere'), { identity: other });
    await raw.send(stranger.message([here], {}, Uint8Array.of(0, 0), MessageCode.pingReq));
    expect(bob.delivered).toHaveLength(1);
    expect(bob.links.nodes()).not.toContain(other.nodeId);
    await raw.send(raw.message([here], {}, Uint8Array.of(0, 0), MessageCode.pingReq));
    expect(bob.links.nodes()).toContain(ids[0]);
  });

  it('R6940-6.1.2-13 gets the answer to an Attach that only passes through', async () => {
    const { net, bob, raw } = await joiner();
    const carol = await net.node('carol');
    connect(bob, carol);
    carol.messenger.handle(MessageCode.attachReq, () => ({ body: utf8('attached') }));
    await raw.send(raw.message([nodeDestination(carol.nodeId)], {}, utf8('x'), MessageCode.attachReq));
    await net.clock.advance(0);
    const { header, contents } = splitMessage(raw.received[0]!);
    expect(Buffer.from(contents.body).toString()).toBe('attached');
    expect(header.destinationList).toEqual([nodeDestination(WILDCARD_NODE_ID)]);
    expect(bob.links.nodes()).not.toContain(ids[0]);
  });
});

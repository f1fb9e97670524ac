import { describe, expect, it } from 'vitest';
import type { Failure } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import { Attacher, type AttachOptions } from '#reload/attach/attacher.ts';
import { activeCandidates, addressesOf } from '#reload/attach/candidates.ts';
import type { AppConnection, Link } from '#reload/link/link.ts';
import type { ExchangeFault } from '#reload/messaging/exchange.ts';
import type { Identity } from '#reload/security/identity.ts';
import { attach } from '#reload/wire/attach.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, isNoIce, MessageCode, OverlayLinkType } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { errorResponse } from '#reload/wire/error.ts';
import type { IceCandidate } from '#reload/wire/ice-candidate.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { splitMessage } from '#reload/wire/message.ts';
import { type MemoryHost, MemoryNetwork } from '../../simulation/memory-network.ts';
import { MemoryTransport } from '../../simulation/memory-transport.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { connect, createTestNetwork, type Tap, type TestNetwork, type TestNode } from '../messaging/network.ts';

interface Peer extends TestNode {
  readonly attacher: Attacher;
  readonly host: MemoryHost;
  /** Calls of onAttached: Node-ID and whether an Update was asked for. */
  readonly attached: [NodeId, boolean][];
}

interface World {
  readonly net: TestNetwork;
  readonly relay: TestNode;
  /** Lower Node-ID. */
  readonly small: Peer;
  readonly large: Peer;
  /** A new process under an identity. */
  start(identity: Identity): Promise<Peer>;
}

const never = new AbortController().signal;

/** Two nodes that reach each other through a relay only, and then by Attach. */
async function world(tap?: Tap): Promise<World> {
  const net = await createTestNetwork();
  const memory = new MemoryNetwork({ clock: net.clock, random: new SeededRandom('attach') }, {});
  const relay = await net.node('relay', await net.overlay.identity('relay', { nodeId: '88'.repeat(16) as NodeId }));
  const start = async (identity: Identity): Promise<Peer> => {
    const node = await net.node('', identity);
    const host = memory.host();
    const transport = new MemoryTransport(host, identity);
    const { messenger, links } = node;
    const attacher = new Attacher(
      { exchange: messenger, transport, links, clock: net.clock, log: silentLogger },
      { nodeId: identity.nodeId },
    );
    attacher.start();
    const attached: [NodeId, boolean][] = [];
    attacher.onAttached((nodeId, sendUpdate) => attached.push([nodeId, sendUpdate]));
    node.route = () => relay.nodeId;
    connect(node, relay, tap);
    return Object.assign(node, { attacher, host, attached });
  };
  const identity = (digits: string) => net.overlay.identity(`user${digits}`, { nodeId: digits.repeat(16) as NodeId });
  return { net, relay, start, small: await start(await identity('11')), large: await start(await identity('99')) };
}

function attachTo(from: Peer, to: Peer, options: AttachOptions = {}): Promise<Link> {
  return from.attacher.attach([nodeDestination(to.nodeId)], options);
}

async function failureOf(net: TestNetwork, promise: Promise<unknown>): Promise<Failure<ExchangeFault>> {
  return net.clock.run(
    promise.then(
      () => Promise.reject(new Error('it succeeded')),
      (reason) => reason,
    ),
  );
}

describe('Attach', () => {
  it('R6940-4.4-01 R6940-6.5.1-02 R6940-6.5.1.2-02 R6940-6.5.1.2-03 R6940-6.5.1.2-10 links two nodes that could only be reached through others, in both connection tables', async () => {
    const { net, relay, small, large } = await world();
    const link = await net.clock.run(attachTo(small, large));
    await net.clock.advance(1000);
    expect(link.peer.fingerprint).toBe(large.identity.certificate.fingerprint);
    expect(small.links.get(large.nodeId)).toBe(link);
    expect(large.links.get(small.nodeId)).toBeDefined();
    const before = relay.forwarder.counters.forwarded;
    const ping = { destination: [nodeDestination(large.nodeId)], code: MessageCode.pingReq, body: Uint8Array.of(0, 0) };
    await net.clock.run(small.messenger.request(ping));
    expect(relay.forwarder.counters.forwarded).toBe(before);
  });

  it('R6940-6.5.1-01 finds the node responsible for a Resource-ID', async () => {
    const { net, relay, small, large } = await world();
    relay.route = () => large.nodeId;
    large.isResponsible = () => true;
    const resource = resourceDestination('42'.repeat(16) as ResourceId);
    const link = await net.clock.run(small.attacher.attach([resource]));
    expect(link.nodeId).toBe(large.nodeId);
  });

  it('R6940-6.5.1.1-01 R6940-6.5.1.1-03 R6940-6.6.5-05 asks with the role passive and a listening candidate, and answers with active', async () => {
    const bodies: ReturnType<typeof attachBody>[] = [];
    const attachBody = (bytes: Uint8Array) => decode(attach, splitMessage(bytes).contents.body);
    const { net, small, large } = await world((bytes) => {
      const { code } = splitMessage(bytes).contents;
      if (code === MessageCode.attachReq || code === MessageCode.attachAns) bodies.push(attachBody(bytes));
      return bytes;
    });
    await net.clock.run(attachTo(small, large));
    const [request, answer] = [bodies[0]!, bodies.at(-1)!];
    expect(request).toMatchObject({ role: 'passive', ufrag: '', password: '', sendUpdate: false });
    expect(request.candidates[0]).toMatchObject({ overlayLink: 4, type: 'host', addrPort: { type: 'ipv4' } });
    expect(answer).toMatchObject({ role: 'active' });
    expect(answer.candidates.length).toBeGreaterThan(0);
  });

  it('R6940-6.5.1-04 tells whoever keeps the Routing Table, with the wish for an Update, and changes nothing itself', async () => {
    const { net, small, large } = await world();
    await net.clock.run(attachTo(small, large, { sendUpdate: true }));
    await net.clock.advance(1000);
    expect(large.attached).toEqual([[small.nodeId, true]]);
    expect(small.attached).toEqual([[large.nodeId, false]]);
  });

  it('returns an open link at once', async () => {
    const { net, small, large } = await world();
    const first = await net.clock.run(attachTo(small, large));
    const sent = small.messenger.counters.requestsSent;
    expect(await attachTo(small, large)).toBe(first);
    expect(small.messenger.counters.requestsSent).toBe(sent);
  });

  it('asks a linked node for an Update without opening a second link', async () => {
    const { net, small, large } = await world();
    const first = await net.clock.run(attachTo(small, large));
    await net.clock.advance(1000);
    expect(await net.clock.run(attachTo(small, large, { sendUpdate: true }))).toBe(first);
    await net.clock.advance(20_000);
    expect(small.links.get(large.nodeId)).toBe(first);
    expect(large.attached.at(-1)).toEqual([small.nodeId, true]);
  });

  it('is asked once when two parts of a node want the same link', async () => {
    const { net, small, large } = await world();
    const [a, b] = await net.clock.run(Promise.all([attachTo(small, large), attachTo(small, large)]));
    expect(a).toBe(b);
    expect(small.messenger.counters.requestsSent).toBe(1);
  });

  it('fails when the other side never connects', async () => {
    const { net, small, large } = await world();
    small.host.network.find = () => undefined;
    expect((await failureOf(net, attachTo(small, large))).code).toBe('timeout');
    expect(small.links.get(large.nodeId)).toBeUndefined();
  });

  it('ends when its signal aborts', async () => {
    const { net, small, large } = await world(() => undefined);
    const abort = new AbortController();
    const attached = failureOf(net, attachTo(small, large, { signal: abort.signal }));
    net.clock.after(500, () => abort.abort(new Error('enough')));
    expect(String(await attached)).toContain('enough');
  });

  it('gives a node that lost its end of a link a new one, which both then use', async () => {
    const { net, relay, small, large, start } = await world();
    await net.clock.run(attachTo(small, large));
    await net.clock.advance(1000);
    const stale = large.links.get(small.nodeId);
    // Power loss: nobody tells the other end.
    small.host.vanish();
    relay.links.remove(small.nodeId);
    const reborn = await start(small.identity);
    await net.clock.run(attachTo(reborn, large));
    const ping = { destination: [nodeDestination(small.nodeId)], code: MessageCode.pingReq, body: Uint8Array.of(0, 0) };
    await net.clock.run(large.messenger.request(ping));
    await net.clock.advance(10_000);
    expect(large.links.get(small.nodeId)).not.toBe(stale);
    const before = relay.forwarder.counters.forwarded;
    await net.clock.run(large.messenger.request(ping));
    expect(relay.forwarder.counters.forwarded).toBe(before);
  });
});

describe('Attach in both directions at once', () => {
  function errorsOnTheWire(): { readonly tap: Tap; readonly errors: [NodeId, number][] } {
    const errors: [NodeId, number][] = [];
    const tap: Tap = (bytes, from) => {
      const { contents } = splitMessage(bytes);
      if (contents.code === MessageCode.error) errors.push([from, decode(errorResponse, contents.body).code]);
      return bytes;
    };
    return { tap, errors };
  }

  it('R6940-6.5.1.2-05 R6940-6.5.1.2-06 R6940-6.5.1.2-07 R6940-6.5.1.2-08 leads to one link: the smaller side gives way, the larger answers Error_In_Progress', async () => {
    const { tap, errors } = errorsOnTheWire();
    const { net, small, large } = await world(tap);
    const [bySmall, byLarge] = await net.clock.run(Promise.all([attachTo(small, large), attachTo(large, small)]));
    await net.clock.advance(1000);
    expect(errors.filter(([from]) => from === large.nodeId)).toEqual([[large.nodeId, ErrorCode.inProgress]]);
    expect(errors.filter(([from]) => from === small.nodeId)).toEqual([]);
    expect(small.links.get(large.nodeId)).toBe(bySmall);
    expect(large.links.get(small.nodeId)).toBe(byLarge);
    bySmall.send(Uint8Array.of(0));
    await net.clock.advance(1000);
    expect(large.forwarder.counters.dropped.malformed).toBe(1);
  });

  it('R6940-6.5.1.2-04 R6940-6.5.1.2-01 answers Error_In_Progress while the link of an answered Attach is being opened', async () => {
    const { tap, errors } = errorsOnTheWire();
    const { net, small, large } = await world(tap);
    // The dialler's handshake takes a while, so that the own Attach is answered and the link not up.
    const find = small.host.network.find.bind(small.host.network);
    small.host.network.find = () => undefined;
    const first = attachTo(small, large).catch(() => {});
    await net.clock.advance(200);
    const back = large.attacher.attach([nodeDestination(small.nodeId)]);
    net.clock.after(300, () => {
      small.host.network.find = find;
    });
    await failureOf(net, back);
    await net.clock.run(first);
    expect(errors).toContainEqual([small.nodeId, ErrorCode.inProgress]);
  });
});

describe('an Attach request that is wrong', () => {
  it('R6940-6.6.1-05 has candidates of registered link types only: others lead nowhere, experimental ones too', async () => {
    expect(Object.values(OverlayLinkType)).toEqual([1, 3, 4]);
    const { small } = await world();
    const { overlayLink } = new MemoryTransport(small.host, small.identity);
    expect(Object.values(OverlayLinkType)).toContain(overlayLink);
    expect(activeCandidates(overlayLink).map((active) => active.overlayLink)).toEqual([OverlayLinkType.tlsTcpFhNoIce]);
    expect(await refusalOf([candidate(254), candidate(2)])).toBe(ErrorCode.invalidMessage);
  });

  it('R6940-6.5.1.1-04 tells link types without ICE (3 and 4) from those with it (1)', () => {
    expect([0, 1, 2, 3, 4, 5, 255].filter(isNoIce)).toEqual([3, 4]);
  });

  const candidate = (overlayLink: number): IceCandidate => ({
    addrPort: { type: 'ipv4', address: '10.9.9.9', port: 9 },
    overlayLink,
    foundation: '1',
    priority: 1,
    type: 'host',
    extensions: [],
  });

  async function refusalOf(candidates: readonly IceCandidate[], role = 'passive'): Promise<number | undefined> {
    const { net, small, large } = await world();
    const body = encode(attach, { ufrag: '', password: '', role, candidates, sendUpdate: false });
    const request = { destination: [nodeDestination(large.nodeId)], code: MessageCode.attachReq, body };
    const failure = await failureOf(net, small.messenger.request(request));
    return failure.fault.code === 'remote' ? failure.fault.errorCode : undefined;
  }

  it('R6940-6.5.1.1-06 by ICE and No-ICE candidates in one list is answered Error_Invalid_Message', async () => {
    expect(await refusalOf([candidate(4), candidate(1)])).toBe(ErrorCode.invalidMessage);
  });

  it('R6940-14.10-01 R6940-14.10-02 by candidates of unknown, reserved and experimental links alone too', async () => {
    expect(await refusalOf([])).toBe(ErrorCode.invalidMessage);
    expect(await refusalOf([candidate(0), candidate(2), candidate(5), candidate(255)])).toBe(ErrorCode.invalidMessage);
  });

  it('by its role too', async () => {
    expect(await refusalOf([candidate(4)], 'active')).toBe(ErrorCode.invalidMessage);
  });

  it('R6940-6.5.1.2-09 comes at a bad time when 64 links are being opened: it is answered with an error, and holds nothing', async () => {
    const { net, relay, large, small } = await world();
    const silent = small.host.network.host();
    const { addresses } = await new MemoryTransport(silent, small.identity).offerLink();
    silent.stop();
    const slow = { ...candidate(4), addrPort: addresses[0]! };
    const body = encode(attach, { ufrag: '', password: '', role: 'passive', candidates: [slow], sendUpdate: false });
    const destination = [nodeDestination(large.nodeId)];
    const requesters = await Promise.all(Array.from({ length: 65 }, (_, i) => net.node(`requester${i}`)));
    const outcomes: (number | undefined)[] = [];
    const ask = async (requester: TestNode) => {
      const asked = requester.messenger.request({ destination, code: MessageCode.attachReq, body });
      const outcome = await net.clock.run(Promise.allSettled([asked]));
      const [{ reason }] = outcome as [PromiseRejectedResult];
      outcomes.push(reason?.fault.errorCode);
    };
    for (const requester of requesters) {
      connect(requester, relay);
      requester.route = () => relay.nodeId;
      await ask(requester);
    }
    expect(outcomes.slice(0, 64)).toEqual(new Array(64).fill(undefined));
    expect(outcomes[64]).toBe(ErrorCode.forbidden);
    // When those have been given up there is room again.
    await net.clock.advance(16_000);
    await ask(requesters[64]!);
    expect(outcomes[65]).toBeUndefined();
  });

  it('R6940-6.5.1.1-05 candidates of an unknown link beside a good one are passed over', async () => {
    const { net, small, large } = await world((bytes) => bytes);
    const offer = await new MemoryTransport(small.host, small.identity).offerLink();
    const good = { ...candidate(4), addrPort: offer.addresses[0]! };
    const body = encode(attach, {
      ufrag: '',
      password: '',
      role: 'passive',
      candidates: [candidate(77), good],
      sendUpdate: false,
    });
    await net.clock.run(
      small.messenger.request({ destination: [nodeDestination(large.nodeId)], code: MessageCode.attachReq, body }),
    );
    const link = await net.clock.run(offer.accept(large.nodeId, never));
    expect(link.peer.fingerprint).toBe(large.identity.certificate.fingerprint);
    expect(addressesOf([candidate(77), good], 4)).toEqual([good.addrPort]);
  });
});

describe('AppAttach', () => {
  it('R6940-6.5.2.2-01 R6940-6.5.2.2-02 R6940-6.5.2.1-03 connects two applications, beside all links', async () => {
    const { net, small, large } = await world();
    const accepted: AppConnection[] = [];
    large.attacher.onAppAttach(5060, (connection) => accepted.push(connection));
    const asked = small.attacher.appAttach([nodeDestination(large.nodeId)], 5060, never);
    const connection = await net.clock.run(asked);
    await net.clock.advance(1000);
    expect(connection.peer.userName).toBe(large.identity.certificate.userName);
    expect(accepted[0]?.peer.userName).toBe(small.identity.certificate.userName);
    const heard: string[] = [];
    accepted[0]?.stream.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
    connection.stream.write('INVITE');
    await net.clock.advance(1000);
    expect(heard.join('')).toBe('INVITE');
    expect(small.links.get(large.nodeId)).toBeUndefined();
  });

  it('R6940-6.5.2.1-02 leaves an idle connection alone: what keeps it alive is up to the application', async () => {
    const { net, small, large } = await world();
    const accepted: AppConnection[] = [];
    large.attacher.onAppAttach(5060, (connection) => accepted.push(connection));
    const mine = await net.clock.run(small.attacher.appAttach([nodeDestination(large.nodeId)], 5060, never));
    await net.clock.advance(1000);
    const heard: Buffer[] = [];
    for (const { stream } of [mine, accepted[0]!]) stream.on('data', (chunk: Buffer) => heard.push(chunk));
    await net.clock.advance(600_000);
    expect(heard).toEqual([]);
    expect([mine, accepted[0]!].map(({ stream }) => stream.destroyed)).toEqual([false, false]);
    mine.stream.write('\r\n\r\n');
    await net.clock.advance(1000);
    expect(Buffer.concat(heard).toString()).toBe('\r\n\r\n');
  });

  it('R6940-6.5.2.2-03 is answered Error_Not_Found for an application that is not served', async () => {
    const { net, small, large } = await world();
    const failure = await failureOf(net, small.attacher.appAttach([nodeDestination(large.nodeId)], 61_441, never));
    expect(failure.fault).toMatchObject({ code: 'remote', errorCode: ErrorCode.notFound });
  });

  it('R6940-14.5-01 knows no application 0 and 65535', async () => {
    const { small, large } = await world();
    for (const application of [0, 65_535, 1.5]) {
      await expect(small.attacher.appAttach([nodeDestination(large.nodeId)], application, never)).rejects.toThrow(
        RangeError,
      );
      expect(() => small.attacher.onAppAttach(application, () => {})).toThrow(RangeError);
    }
  });

  it('ends when the caller gives up', async () => {
    const { net, small, large } = await world();
    small.host.network.find = () => undefined;
    large.attacher.onAppAttach(5060, () => {});
    const abort = new AbortController();
    const asked = failureOf(net, small.attacher.appAttach([nodeDestination(large.nodeId)], 5060, abort.signal));
    net.clock.after(1000, () => abort.abort(new Error('hung up')));
    await asked;
    expect(net.clock.now()).toBeLessThan(Date.UTC(2026, 5, 1) + 5000);
  });
});

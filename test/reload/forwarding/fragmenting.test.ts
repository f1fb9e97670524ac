import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packetsOf } from '#reload/forwarding/fragmenting.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { encodeWithPayload, type HeaderFields, RELOAD_VERSION, splitFragment } from '#reload/wire/forwarding-header.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { connect, createTestNetwork, type TestNode } from '../messaging/network.ts';

const OPTIONS = { nodeIdLength: 16 };
const NODE = nodeDestination('1'.repeat(32) as NodeId);

function header(viaEntries = 0, fragment = { offset: 0, last: true }): HeaderFields {
  return {
    overlay: 1,
    configurationSequence: 0,
    version: RELOAD_VERSION,
    ttl: 90,
    fragment,
    transactionId: 1n,
    maxResponseLength: 0,
    viaList: Array.from({ length: viaEntries }, () => NODE),
    destinationList: [NODE],
    options: [],
  };
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);
}

const HEADER_LENGTH = encodeWithPayload(header(), new Uint8Array(), OPTIONS).length;

function split(fields: HeaderFields, payload: Uint8Array, mtu: number | undefined) {
  const whole = encodeWithPayload(fields, payload, OPTIONS);
  const packets = packetsOf(fields, payload, { whole, mtu }, OPTIONS);
  return { whole, packets, pieces: packets.map((packet) => splitFragment(packet, OPTIONS)) };
}

describe('what is too large for a packet', () => {
  it('R6940-6.7-07 goes out in the least number of equal parts with 32 bytes of headroom', () => {
    const sizes = (payload: number) => split(header(), bytes(payload), 1400).packets.map((packet) => packet.length);
    expect(HEADER_LENGTH).toBe(56);
    expect(sizes(3933)).toEqual([1367, 1367, 1367]);
    expect(sizes(3 * (1368 - 56))).toEqual([1368, 1368, 1368]);
    expect(sizes(3 * (1368 - 56) + 1)).toEqual([1041, 1040, 1040, 1040]);
    expect(sizes(1400 - 56)).toEqual([1400]);
    expect(sizes(1400 - 56 + 1)).toEqual([729, 728]);
  });

  it('R6940-6.7-04 R6940-6.7-05 R6940-6.7-06 R6940-6.7-07 R6940-6.7-11 R6940-6.3.2-12 is cut into parts of 256 bytes and more that make up the whole again, or left alone', () => {
    fc.assert(
      fc.property(
        fc.nat(6000),
        fc.integer({ min: 300, max: 1500 }),
        fc.nat(30),
        fc.boolean(),
        fc.nat(9000),
        (length, mtu, via, last, offset) => {
          const payload = bytes(length);
          const fields = header(via, { offset, last });
          const { whole, packets, pieces } = split(fields, payload, mtu);
          const headerLength = whole.length - length;
          if (packets.length === 1) {
            expect(packets[0]).toEqual(whole);
            // Left alone because it fits, or because no number of parts has room for each and 256 bytes in each.
            for (let parts = 2; whole.length > mtu && Math.floor(length / parts) >= 256; parts++) {
              expect(headerLength + Math.ceil(length / parts)).toBeGreaterThan(mtu);
            }
            return;
          }
          expect(whole.length).toBeGreaterThan(mtu);
          const sizes = pieces.map(({ chunk }) => chunk.length);
          expect(Math.min(...sizes)).toBeGreaterThanOrEqual(256);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          expect(Math.max(...packets.map((packet) => packet.length))).toBeLessThanOrEqual(mtu);
          expect(Buffer.concat(pieces.map(({ chunk }) => chunk)).equals(payload)).toBe(true);
          let at = offset;
          for (const { header: of, chunk } of pieces) {
            expect(of).toEqual({
              ...fields,
              length: headerLength + chunk.length,
              fragment: { offset: at, last: last && at + chunk.length === offset + length },
            });
            at += chunk.length;
          }
        },
      ),
    );
  });

  it('R6940-6.7-04 R6940-6.7-05 leaves to IP what has no room for 256 bytes beside its header', () => {
    const long = header(20);
    expect(split(long, bytes(3072), 56 + 18 * 20 + 255).packets).toHaveLength(1);
    expect(split(long, bytes(3072), 56 + 18 * 20 + 256).packets).toHaveLength(12);
    expect(split(header(), bytes(511), 400).packets).toHaveLength(1);
    expect(split(header(), bytes(512), 400).packets).toHaveLength(2);
  });

  it('goes in one piece over a link that takes everything', () => {
    expect(split(header(), bytes(60_000), undefined).packets).toHaveLength(1);
  });
});

describe('a path with ever smaller packets', () => {
  async function path(mtus: readonly (number | undefined)[]) {
    const net = await createTestNetwork();
    const nodes: TestNode[] = [];
    const sizes: number[][] = mtus.map(() => []);
    for (let i = 0; i <= mtus.length; i++) nodes.push(await net.node(`peer${i}`));
    for (const node of nodes) {
      const configuration = { ...node.configuration.current, maxMessageSize: 60_000 };
      node.configuration.replace({ configuration, document: node.configuration.bytes });
    }
    for (const [i, mtu] of mtus.entries()) {
      const [left, right] = [nodes[i]!, nodes[i + 1]!];
      const tap = (message: Uint8Array) => {
        sizes[i]?.push(message.length);
        return message;
      };
      connect(left, right, tap, mtu);
      left.route = () => right.nodeId;
    }
    return { net, nodes, sizes };
  }

  it('R6940-6.7-01 R6940-6.7-02 R6940-6.7-08 has each hop split again what is too large for its link, and only the ends put together', async () => {
    const { net, nodes, sizes } = await path([undefined, 1300, 700, 1300]);
    const last = nodes.at(-1)!;
    last.messenger.handle(MessageCode.probeReq, ({ body }) => ({ body: Uint8Array.from(body).reverse() }));
    const question = bytes(9000);
    const request = { destination: [nodeDestination(last.nodeId)], code: MessageCode.probeReq, body: question };
    const answer = await net.clock.run(nodes[0]!.messenger.request(request));
    expect(Buffer.compare(answer.body, Uint8Array.from(question).reverse())).toBe(0);
    expect(sizes[0]![0]).toBeGreaterThan(9000);
    expect(sizes[1]!.length).toBeGreaterThan(14);
    expect(sizes[2]!.length).toBeGreaterThan(sizes[1]!.length);
    for (const [i, mtu] of [1300, 700, 1300].entries()) expect(Math.max(...sizes[i + 1]!)).toBeLessThanOrEqual(mtu);
    for (const middle of nodes.slice(1, -1)) expect(middle.delivered).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import type { Link } from '#reload/link/link.ts';
import { seal } from '#reload/messaging/sealing.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { createSigner } from '#reload/security/signer.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { GatewayPublisher } from '#reload/usages/pstn-gateway/gateway-publisher.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { KindId, MessageCode } from '#reload/wire/codes.ts';
import { resourceDestination } from '#reload/wire/destination.ts';
import { fetchAns, fetchReq } from '#reload/wire/fetch.ts';
import { encodeWithPayload, RELOAD_VERSION } from '#reload/wire/forwarding-header.ts';
import { hashToResourceId, overlayHash, type ResourceId, WILDCARD_NODE_ID } from '#reload/wire/ids.ts';
import { type Message, splitMessage } from '#reload/wire/message.ts';
import { decodeStoredData } from '#reload/wire/stored-data.ts';
import { MemoryTransport } from './memory-transport.ts';
import { BOOTSTRAP_PORT, OPEN_KIND, SimulatedOverlay } from './simulated-overlay.ts';
import { tapWires } from './wiretap.ts';

const never = new AbortController().signal;

async function ring(seed: string, peers: number): Promise<SimulatedOverlay> {
  const overlay = await SimulatedOverlay.create({ seed });
  await overlay.grow(peers);
  await overlay.clock.runUntil(() => overlay.isRing());
  return overlay;
}

function listen(overlay: SimulatedOverlay): Message[] {
  const messages: Message[] = [];
  overlay.network.tap = (_from, _to, bytes) => void messages.push(splitMessage(bytes.slice()));
  return messages;
}

const bucketOf = ({ security }: Message) => security.certificates.map(({ certificate }) => certificate);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('every message of a ring', () => {
  it('R6940-13.2-01 R6940-6.3.4-02 is signed, and its bucket has all that proves it: the certificates of the sender and of the signers of values, and no root', async () => {
    const overlay = await ring('signed messages', 4);
    const messages = listen(overlay);
    for (const name of ['gw1', 'gw2', 'gw3', 'gw4', 'gw5']) {
      const gateway = await overlay.add(name, {
        identity: await overlay.overlay.identity(`${name}@pstn.home.example`),
      });
      const description = { outbound: true, inbound: true, emergency: false, capacity: 1, prefixes: [] };
      const { node, host } = gateway;
      const deps = {
        records: node.records,
        configuration: overlay.overlay.source,
        clock: host.clock,
        log: silentLogger,
      };
      await overlay.clock.run(new GatewayPublisher(deps, { description }).start());
    }
    await overlay.clock.advance(10_000);
    expect(messages.length).toBeGreaterThan(300);
    const roots = overlay.overlay.source.current.rootCerts.map(hex);
    const verifier = overlay.overlay.verifier();
    const resources = new Map<bigint, ResourceId>();
    let most = 0;
    for (const message of messages) {
      const { header, contents, contentsBytes, security } = message;
      const bucket = bucketOf(message);
      const input = messageSignatureInput(header.overlay, header.transactionId, contentsBytes);
      verifier.verify(security.signature, bucket, input);
      expect(bucket.map(hex).filter((certificate) => roots.includes(certificate))).toEqual([]);
      if (contents.code === MessageCode.fetchReq) {
        resources.set(header.transactionId, decode(fetchReq, contents.body).resource);
      }
      if (contents.code !== MessageCode.fetchAns) continue;
      const resource = resources.get(header.transactionId)!;
      for (const { kind, values } of decode(fetchAns, contents.body).kindResponses) {
        if (kind !== KindId.redir) continue;
        // One that has seen no other message.
        const fresh = overlay.overlay.verifier();
        const signers = decodeStoredData('dictionary', values).map(({ signature, storageTime, value }) => {
          const covered = valueSignatureInput({ resource, kind, storageTime, value });
          return fresh.verify(signature, bucket, covered).nodeId;
        });
        most = Math.max(most, new Set(signers).size);
      }
    }
    expect(most).toBeGreaterThanOrEqual(3);
  });
});

describe('destinations', () => {
  it('R6940-6.1.1-09 that stand for whoever controls a place are resources: node destinations only ever name nodes', async () => {
    const overlay = await ring('destinations', 16);
    const seen = tapWires(overlay);
    const joiner = await overlay.add('joiner');
    await overlay.clock.advance(70_000);
    const nodes = new Set(overlay.nodes.map(({ node }) => node.nodeId));
    const strangers = seen.flatMap(({ header }) =>
      header.destinationList.filter(
        (entry) => entry.type === 'node' && entry.id !== WILDCARD_NODE_ID && !nodes.has(entry.id),
      ),
    );
    expect(strangers).toEqual([]);
    const places = (code: number) =>
      seen.filter(({ code: sent, from, header }) => {
        const last = header.destinationList.at(-1);
        return sent === code && from === joiner.node.nodeId && last?.type === 'resource';
      }).length;
    // The Attach of a joiner to the admitting peer, and those to its fingers.
    expect(places(MessageCode.attachReq)).toBeGreaterThan(1);
  });
});

describe('a client whose certificate has one Node-ID', () => {
  it('R6940-4.2.1-02 may begin a link to any peer with a Fetch, without Ping and Attach', async () => {
    const overlay = await ring('first message', 5);
    await overlay.store(overlay.nodes[1]!, 'name', 'value');
    const resource = hashToResourceId('name');
    const identity = await overlay.overlay.identity('client');
    for (const { host } of overlay.nodes) {
      const transport = new MemoryTransport(overlay.network.host(), identity);
      const address = { type: 'ipv4', address: host.address, port: BOOTSTRAP_PORT } as const;
      const link = await overlay.clock.run(transport.dialLink([address], undefined, never));
      const answer = await overlay.clock.run(firstAnswer(overlay, link, resource));
      expect(answer.contents.code).toBe(MessageCode.fetchAns);
      const [response] = decode(fetchAns, answer.contents.body).kindResponses;
      const [data] = decodeStoredData('single', response!.values);
      expect(Buffer.from(data!.value.value).toString()).toBe('value');
      link.close();
    }

    function firstAnswer(overlay: SimulatedOverlay, link: Link, resource: ResourceId): Promise<Message> {
      const specifiers = [{ kind: OPEN_KIND.id, generation: 0n, modelSpecifier: new Uint8Array() }];
      const contents = { code: MessageCode.fetchReq, body: encode(fetchReq, { resource, specifiers }), extensions: [] };
      const header = {
        overlay: overlayHash(overlay.overlay.name),
        configurationSequence: overlay.overlay.source.current.sequence,
        version: RELOAD_VERSION,
        ttl: overlay.overlay.source.current.initialTtl,
        fragment: { offset: 0, last: true },
        transactionId: 77n,
        maxResponseLength: 0,
        viaList: [],
        destinationList: [resourceDestination(resource)],
        options: [],
      };
      return new Promise((resolve, reject) => {
        link.observe({
          message: (bytes) => {
            const message = splitMessage(bytes.slice());
            if (message.header.transactionId === 77n) resolve(message);
          },
          suspect: () => {},
          closed: reject,
        });
        link.send(encodeWithPayload(header, seal(createSigner(identity), header, contents, [])));
      });
    }
  });
});

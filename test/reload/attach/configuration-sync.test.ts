import { describe, expect, it } from 'vitest';
import { Failure } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import { ConfigurationSync } from '#reload/attach/configuration-sync.ts';
import { signDocument } from '#reload/enrollment/found-overlay.ts';
import type { ConfigurationFault } from '#reload/overlay-config/fault.ts';
import { acceptNextConfiguration } from '#reload/security/configuration-signature.ts';
import { encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { configUpdateReq } from '#reload/wire/config-update.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { splitMessage } from '#reload/wire/message.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { connect, createTestNetwork, type TestNetwork, type TestNode } from '../messaging/network.ts';

interface Synced {
  readonly node: TestNode;
  readonly adopted: string[];
  fault: ConfigurationFault | undefined;
  /** How often it was said that the overlay has a newer document which does not come. */
  lost: number;
}

function sync(net: TestNetwork, node: TestNode): Synced {
  const synced: Synced = { node, adopted: [], fault: undefined, lost: 0 };
  new ConfigurationSync({
    exchange: node.messenger,
    links: node.links,
    configuration: node.configuration,
    clock: net.clock,
    random: new SeededRandom('sync'),
    log: silentLogger,
    adoption: {
      adopt(document) {
        if (synced.fault !== undefined) throw new Failure<ConfigurationFault>(synced.fault, 'not this one');
        synced.adopted.push(Buffer.from(document).toString());
        setSequence(node, 2);
      },
      adoptKinds() {
        throw new Failure<ConfigurationFault>({ code: 'signature', at: 'kind-signature' }, 'not this one');
      },
      lost() {
        synced.lost++;
      },
    },
  }).start();
  return synced;
}

function setSequence(node: TestNode, sequence: number): void {
  const document = Buffer.from(`document ${sequence}`);
  node.configuration.replace({ configuration: { ...node.configuration.current, sequence }, document });
}

async function world() {
  const net = await createTestNetwork();
  const [alice, relay, bob] = [await net.node('alice'), await net.node('relay'), await net.node('bob')];
  const updates: number[] = [];
  connect(alice, relay, (bytes) => {
    const { header, contents } = splitMessage(bytes);
    if (contents.code === MessageCode.configUpdateReq) updates.push(header.configurationSequence);
    return bytes;
  });
  connect(relay, bob);
  alice.route = () => relay.nodeId;
  bob.route = () => relay.nodeId;
  setSequence(alice, 1);
  setSequence(bob, 2);
  return { net, updates, alice: sync(net, alice), bob: sync(net, bob) };
}

function ping(from: TestNode, to: TestNode): Promise<unknown> {
  const body = Uint8Array.of(0, 0);
  return from.messenger
    .request({ destination: [nodeDestination(to.nodeId)], code: MessageCode.pingReq, body })
    .catch(() => {});
}

describe('configuration updates', () => {
  it('R6940-6.3.2.1-06 R6940-6.5.4-01 go to the sender of a request with an older document, under sequence 65535', async () => {
    const { net, updates, alice, bob } = await world();
    await net.clock.run(ping(alice.node, bob.node));
    await net.clock.advance(100);
    expect(alice.adopted).toEqual(['document 2']);
    expect(updates).toEqual([65_535]);
    await net.clock.run(
      alice.node.messenger.request({
        destination: [nodeDestination(bob.node.nodeId)],
        code: MessageCode.pingReq,
        body: Uint8Array.of(0, 0),
      }),
    );
  });

  it('R6940-6.5.4-01 go to a node that answers that it has an older document', async () => {
    const { net, alice, bob } = await world();
    await net.clock.run(ping(bob.node, alice.node));
    await net.clock.advance(100);
    expect(alice.adopted).toEqual(['document 2']);
  });

  it('are given up for lost when others have shown a newer one and nobody brings it, whoever asked whom', async () => {
    const { net, alice, bob } = await world();
    alice.fault = { code: 'signature', at: 'signature' };
    const begun = net.clock.now();
    await net.clock.run(ping(alice.node, bob.node));
    await net.clock.run(ping(alice.node, bob.node));
    await net.clock.advance(begun + 29_900 - net.clock.now());
    expect(alice.lost).toBe(0);
    await net.clock.advance(1000);
    expect([alice.lost, bob.lost]).toEqual([1, 0]);
    await net.clock.run(ping(bob.node, alice.node));
    await net.clock.advance(31_000);
    expect(alice.lost).toBe(2);
    alice.fault = undefined;
    await net.clock.run(ping(bob.node, alice.node));
    await net.clock.advance(60_000);
    expect(alice.adopted).toEqual(['document 2']);
    expect([alice.lost, bob.lost]).toEqual([2, 0]);
  });

  it('reach every linked node at once, but for those that brought them', async () => {
    const net = await createTestNetwork();
    const [hub, ...leaves] = [await net.node('hub'), await net.node('a'), await net.node('b'), await net.node('c')];
    const told: string[] = [];
    for (const leaf of leaves) {
      connect(hub, leaf, (bytes, from) => {
        const { code } = splitMessage(bytes).contents;
        if (code === MessageCode.configUpdateReq)
          told.push(`${from === hub.nodeId ? 'hub' : 'leaf'} ${leaf.identity.certificate.userName}`);
        return bytes;
      });
      setSequence(leaf, 1);
    }
    setSequence(hub, 1);
    const synced = [hub, ...leaves].map((node) => sync(net, node));
    setSequence(leaves[0]!, 2);
    await net.clock.advance(3000);
    expect(synced.map(({ node }) => node.configuration.current.sequence)).toEqual([2, 2, 2, 2]);
    expect(told.sort()).toEqual(['hub b@home.example', 'hub c@home.example', 'leaf a@home.example']);
  });

  it('are sent once per node within the request lifetime, however many requests it makes', async () => {
    const { net, updates, alice, bob } = await world();
    alice.fault = { code: 'signature', at: 'signature' };
    for (let i = 0; i < 5; i++) await net.clock.run(ping(alice.node, bob.node));
    await net.clock.advance(100);
    expect(updates).toHaveLength(1);
    await net.clock.advance(15_000);
    await net.clock.run(ping(alice.node, bob.node));
    await net.clock.advance(100);
    expect(updates).toHaveLength(2);
  });

  it('R6940-6.5.4.2-01 R6940-6.5.4.2-02 take real documents only when they are newer and signed by a configuration-signer', async () => {
    const net = await createTestNetwork();
    const [alice, bob] = [await net.node('alice'), await net.node('bob')];
    connect(alice, bob);
    new ConfigurationSync({
      exchange: alice.messenger,
      links: alice.links,
      configuration: alice.configuration,
      clock: net.clock,
      random: new SeededRandom('sync'),
      log: silentLogger,
      adoption: {
        adopt(document) {
          const { configuration, verifier } = alice;
          configuration.replace(
            acceptNextConfiguration(document, { configuration: configuration.current, verifier, clock: net.clock }),
          );
        },
        adoptKinds() {},
        lost() {},
      },
    }).start();
    const offer = (sequence: number, signer = net.overlay.configurationSigner) => {
      const configData = signDocument({ ...net.overlay.configuration, sequence }, signer);
      const request = {
        destination: [nodeDestination(alice.nodeId)],
        code: MessageCode.configUpdateReq,
        body: encode(configUpdateReq, { type: 'config', configData }),
      };
      return net.clock.run(
        bob.messenger.request(request).then(
          () => 'taken',
          (failure) => failure.fault.errorCode,
        ),
      );
    };
    const first = alice.configuration.current.sequence;
    expect(await offer(first + 1, bob.identity)).toBe(ErrorCode.forbidden);
    expect(await offer(first)).toBe(ErrorCode.configTooOld);
    expect(alice.configuration.current.sequence).toBe(first);
    expect(await offer(first + 1)).toBe('taken');
    expect(alice.configuration.current.sequence).toBe(first + 1);
    expect(await offer(first)).toBe(ErrorCode.configTooOld);
  });

  it('R6940-6.5.4.2-03 R6940-6.5.4.2-07 are answered with nothing, or with an error that fits', async () => {
    const { net, alice, bob } = await world();
    const update = (type: 'config' | 'kind') => {
      const body =
        type === 'config'
          ? ({ type, configData: Buffer.from('x') } as const)
          : ({ type, kinds: [Buffer.from('<kind-block/>')] } as const);
      const request = {
        destination: [nodeDestination(alice.node.nodeId)],
        code: MessageCode.configUpdateReq,
        body: encode(configUpdateReq, body),
      };
      return net.clock.run(
        bob.node.messenger.request(request).then(
          (answer) => answer.body.length,
          (failure) => failure.fault.errorCode,
        ),
      );
    };
    alice.fault = { code: 'stale', current: 1, offered: 1 };
    expect(await update('config')).toBe(ErrorCode.configTooOld);
    alice.fault = { code: 'signature', at: 'signature' };
    expect(await update('config')).toBe(ErrorCode.forbidden);
    alice.fault = { code: 'unsupported', at: 'topology-plugin' };
    expect(await update('config')).toBe(ErrorCode.incompatibleWithOverlay);
    alice.fault = { code: 'not-well-formed', at: 'byte 3' };
    expect(await update('config')).toBe(ErrorCode.invalidMessage);
    expect(await update('kind')).toBe(ErrorCode.forbidden);
    alice.fault = undefined;
    expect(await update('config')).toBe(0);
  });
});

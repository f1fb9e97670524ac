import { describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import { CertificatePublisher } from '#reload/usages/certificate/certificate-publisher.ts';
import { GatewayDirectory } from '#reload/usages/pstn-gateway/gateway-directory.ts';
import { GatewayPublisher } from '#reload/usages/pstn-gateway/gateway-publisher.ts';
import { AorRegistration } from '#reload/usages/sip/aor-registration.ts';
import { AorResolver } from '#reload/usages/sip/aor-resolver.ts';
import { KindId } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { hashToResourceId, idBytes } from '#reload/wire/ids.ts';
import { SeededRandom } from './seeded-random.ts';
import { type SimulatedNode, SimulatedOverlay } from './simulated-overlay.ts';

const DESCRIPTION = {
  outbound: true,
  inbound: true,
  emergency: false,
  capacity: 1,
  prefixes: [{ digits: '49', priority: 0, cost: 0 }],
};

function depsOf(overlay: SimulatedOverlay, { node, host }: SimulatedNode) {
  return { records: node.records, configuration: overlay.overlay.source, clock: host.clock, log: silentLogger };
}

async function ring(peers: number, seed: string) {
  const overlay = await SimulatedOverlay.create({ seed });
  await overlay.grow(peers);
  await overlay.clock.runUntil(() => overlay.isRing());
  const gateway = await overlay.add('gw1', { identity: await overlay.overlay.identity('gw1@pstn.home.example') });
  const publisher = new GatewayPublisher(depsOf(overlay, gateway), { description: DESCRIPTION });
  await overlay.clock.run(publisher.start());
  return { overlay, gateway, publisher };
}

function gateways(overlay: SimulatedOverlay, by: SimulatedNode, number = '+493012345') {
  const directory = new GatewayDirectory({ ...depsOf(overlay, by), random: new SeededRandom('gateways') });
  const collect = async () => {
    const found: string[] = [];
    for await (const { nodeId } of directory.find(number)) found.push(nodeId);
    return found;
  };
  return overlay.clock.run(collect());
}

describe('services on a real ring', () => {
  it('R7890-2.1-04 a gateway is found by number from every peer, and no more once it has stopped', async () => {
    const { overlay, gateway, publisher } = await ring(10, 'services');
    for (const peer of overlay.living) {
      expect(await gateways(overlay, peer)).toEqual(peer === gateway ? [] : [gateway.node.nodeId]);
    }
    await overlay.clock.run(publisher.stop());
    expect(await gateways(overlay, overlay.nodes[0]!)).toEqual([]);
  });

  it('the gateway stays known beyond the lifetime of its records while peers die one after the other', async () => {
    const { overlay, gateway } = await ring(8, 'attrition');
    for (const victim of [2, 5]) {
      await overlay.clock.advance(610_000);
      overlay.nodes[victim]?.host.kill();
      for (const peer of overlay.living.filter((candidate) => candidate !== gateway)) {
        expect(await gateways(overlay, peer)).toEqual([gateway.node.nodeId]);
      }
    }
  });

  it('R7890-2-03 a user is found through every survivor after the responsible peer was killed', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'callee' });
    await overlay.grow(8);
    await overlay.clock.runUntil(() => overlay.isRing());
    const bob = overlay.nodes[3]!;
    const binding = { type: 'route', destinations: [nodeDestination(bob.node.nodeId)] } as const;
    await overlay.clock.run(new AorRegistration(depsOf(overlay, bob), { binding }).start());
    const aor = bob.node.records.userName;
    const resource = hashToResourceId(aor);
    const ids = overlay.living.map(({ node }) => node.nodeId).sort();
    const responsible = ids.find((id) => id >= (resource as string)) ?? ids[0];
    overlay.nodes.find(({ node }) => node.nodeId === responsible)?.host.kill();
    for (const caller of overlay.living) {
      const { routes } = await overlay.clock.run(new AorResolver(depsOf(overlay, caller)).resolve(aor));
      expect(routes.map(({ nodeId }) => nodeId)).toEqual([bob.node.nodeId]);
    }
  });

  it('R6940-8-01 every node finds the certificate of another under its Node-ID and its user name', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'certificates' });
    await overlay.grow(5);
    const alice = overlay.nodes[2]!;
    const deps = { ...depsOf(overlay, alice), certificate: alice.identity.certificate };
    await overlay.clock.run(new CertificatePublisher(deps).start());
    const places = [
      [KindId.certificateByNode, hashToResourceId(idBytes(alice.node.nodeId))],
      [KindId.certificateByUser, hashToResourceId(alice.node.records.userName)],
    ] as const;
    for (const reader of overlay.living) {
      for (const [kind, resource] of places) {
        const { values } = await overlay.clock.run(reader.node.records.fetch({ resource, kind }));
        expect(values.map(({ value }) => Buffer.from(value).toString('hex'))).toEqual([
          Buffer.from(alice.identity.certificate.der).toString('hex'),
        ]);
      }
    }
  });
});

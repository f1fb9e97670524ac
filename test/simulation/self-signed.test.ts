import { describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import { generatePrivateKey } from '#reload/enrollment/keys.ts';
import { makeSelfSignedCertificate } from '#reload/enrollment/self-generated.ts';
import { writeSelfSignedCertificate } from '#reload/enrollment/x509-writer.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import type { Identity } from '#reload/security/identity.ts';
import { CertificatePublisher } from '#reload/usages/certificate/certificate-publisher.ts';
import { requireFreeName } from '#reload/usages/certificate/free-name.ts';
import { KindId, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { hashToResourceId, idBytes } from '#reload/wire/ids.ts';
import { ConfiguredWorld, type Member } from './configured-world.ts';

const never = new AbortController().signal;

async function selfSigned(world: ConfiguredWorld, user: string, nodeIds = 1): Promise<readonly Identity[]> {
  const privateKey = await generatePrivateKey('p-256');
  const request = { userName: `${user}@home.example`, privateKey, nodeIds };
  const configuration: OverlayConfiguration = world.overlay.configuration;
  const certificate = readCertificate(await makeSelfSignedCertificate(world.clock, configuration, request));
  return certificate.nodeIds.map((nodeId) => ({ nodeId, certificate, chain: [], privateKey }));
}

function publisher(world: ConfiguredWorld, { node, identity }: Member): CertificatePublisher {
  const { certificate } = identity;
  const deps = { records: node.records, certificate, clock: world.clock, log: silentLogger, namesAreFree: true };
  return new CertificatePublisher(deps);
}

async function found(world: ConfiguredWorld, by: Member, kind: number, name: Uint8Array | string) {
  const { values } = await world.clock.run(by.node.records.fetch({ resource: hashToResourceId(name), kind }));
  return values.map(({ value }) => readCertificate(value).fingerprint);
}

async function freeWorld(seed: string, peers: number): Promise<ConfiguredWorld> {
  const world = await ConfiguredWorld.create(seed, 0, { selfSignedDigest: 'sha256' });
  for (let i = 0; i < peers; i++) {
    const [identity] = await selfSigned(world, `user${i}`);
    await world.add(`peer${i}`, { identity: identity! });
  }
  await world.clock.runUntil(() => world.isRing(), 60_000);
  return world;
}

describe('an overlay of self-signed certificates', () => {
  it('R6940-11.3.1-05 lets a node join with one, which then is in the overlay under Node-ID and user name', async () => {
    const world = await freeWorld('free', 4);
    const [identity] = await selfSigned(world, 'newcomer');
    const newcomer = await world.add('newcomer', { identity: identity! });
    expect(newcomer.node.status().joined).toBe(true);
    const own = publisher(world, newcomer);
    await world.clock.run(own.start());
    expect(own.isPublished).toBe(true);
    const [reader] = world.members;
    const { fingerprint } = newcomer.identity.certificate;
    expect(await found(world, reader!, KindId.certificateByNode, idBytes(newcomer.node.nodeId))).toEqual([fingerprint]);
    expect(await found(world, reader!, KindId.certificateByUser, 'newcomer@home.example')).toEqual([fingerprint]);
    await world.clock.run(own.stop());
  });

  it('R6940-11.3.1-06 shows whose name is taken already, and the second one does not publish under it', async () => {
    const world = await freeWorld('taken', 3);
    const [first] = world.members;
    const earlier = publisher(world, first!);
    await world.clock.run(earlier.start());
    const [identity] = await selfSigned(world, 'user0');
    const second = await world.add('second', { identity: identity! });
    await expect(
      world.clock.run(requireFreeName(second.node.records, second.identity.certificate, never)),
    ).rejects.toMatchObject({
      fault: { code: 'name-taken', userName: 'user0@home.example', by: [first!.node.nodeId] },
      message: expect.stringContaining('another name'),
    });
    const late = publisher(world, second);
    await world.clock.run(late.start());
    expect(late.isPublished).toBe(false);
    const names = await found(world, first!, KindId.certificateByUser, 'user0@home.example');
    expect(names).toEqual([first!.identity.certificate.fingerprint]);
    await world.clock.run(requireFreeName(first!.node.records, first!.identity.certificate, never));
    await Promise.all([world.clock.run(earlier.stop()), world.clock.run(late.stop())]);
  });

  it('refuses a certificate whose Node-ID was not made from its key', async () => {
    const world = await freeWorld('foreign', 2);
    const [identity] = await selfSigned(world, 'liar');
    const other = await world.overlay.identity('liar');
    const forged = { ...identity!, nodeId: other.nodeId };
    const liar = await world.make('liar', { identity: forged, startTimeout: 2000 });
    await expect(world.clock.run(liar.node.start())).rejects.toMatchObject({ code: 'node-id-mismatch' });
    const privateKey = await generatePrivateKey('p-256');
    const names = { overlayName: 'home.example', userName: 'liar@home.example', nodeIds: [other.nodeId] };
    const validity = { notBefore: world.clock.now() - 1000, notAfter: world.clock.now() + 86_400_000 };
    const certificate = readCertificate(await writeSelfSignedCertificate(names, privateKey, validity));
    const thief = await world.make('thief', { identity: { nodeId: other.nodeId, certificate, chain: [], privateKey } });
    await expect(world.clock.run(thief.node.start())).rejects.toMatchObject({ code: 'node-id-mismatch' });
    expect([...liar.node.status().links, ...thief.node.status().links]).toEqual([]);
  });
});

describe('a certificate with several Node-IDs', () => {
  it('R6940-4.1-02 makes a peer of each: with links, place and signature of its own', async () => {
    const world = await freeWorld('several', 3);
    const identities = await selfSigned(world, 'many', 3);
    expect(new Set(identities.map(({ nodeId }) => nodeId)).size).toBe(3);
    for (const identity of identities) await world.add(`many ${identity.nodeId}`, { identity });
    await world.clock.runUntil(() => world.isRing(), 120_000);
    const [reader] = world.members;
    for (const { nodeId, certificate } of identities) {
      const answer = await world.clock.run(
        reader!.node.exchange.request({
          destination: [nodeDestination(nodeId)],
          code: MessageCode.pingReq,
          body: Buffer.alloc(2),
        }),
      );
      expect(answer.signatory.nodeId).toBe(nodeId);
      expect(answer.signatory.certificate.fingerprint).toBe(certificate.fingerprint);
    }
    const ids = new Set<string>(identities.map(({ nodeId }) => nodeId));
    const linked = world.members.flatMap(({ node }) => node.status().links.map((link) => link.nodeId));
    expect([...ids].every((id) => linked.includes(id as (typeof linked)[number]))).toBe(true);
  });
});

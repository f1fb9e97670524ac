import { describe, expect, it } from 'vitest';
import { nodeDestination } from '#reload/wire/destination.ts';
import { SimulatedOverlay } from './simulated-overlay.ts';

const HOUR = 3_600_000;

describe('a renewed certificate in a running ring', () => {
  it('takes the place of the old one under a new key: messages, stores, links; what the old one signed stays valid', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'renewal' });
    await overlay.grow(5);
    const alice = overlay.nodes[2]!;
    const reader = overlay.nodes[4]!;
    await overlay.store(alice, 'before', 'signed with the old key');
    const links = alice.node.status().links.map(({ nodeId }) => nodeId);

    const old = alice.identity;
    const renewed = await overlay.overlay.identity('peer2', { nodeId: alice.node.nodeId });
    expect(renewed.certificate.fingerprint).not.toBe(old.certificate.fingerprint);
    alice.node.renewIdentity(renewed);

    expect(alice.node.status().links.map(({ nodeId }) => nodeId)).toEqual(links);
    const asked = alice.node.queries.ping([nodeDestination(reader.node.nodeId)]);
    expect((await overlay.clock.run(asked)).nodeId).toBe(reader.node.nodeId);
    const request = { destination: [nodeDestination(alice.node.nodeId)], code: 23, body: Buffer.from('0000', 'hex') };
    const answer = await overlay.clock.run(reader.node.exchange.request(request));
    expect(answer.signatory.certificate.fingerprint).toBe(renewed.certificate.fingerprint);
    await overlay.store(alice, 'after', 'signed with the new key');
    for (const [name, value] of [
      ['before', 'signed with the old key'],
      ['after', 'signed with the new key'],
    ] as const)
      expect(await overlay.fetch(reader, name)).toBe(value);

    const late = await overlay.add('late');
    await overlay.clock.runUntil(() => overlay.isRing());
    const attached = late.node.appAttach([nodeDestination(alice.node.nodeId)], 5060, new AbortController().signal);
    alice.node.onAppAttach(5060, () => {});
    const connection = await overlay.clock.run(attached);
    expect(connection.peer.fingerprint).toBe(renewed.certificate.fingerprint);
  });

  it('is refused when it is of another node or user', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'other' });
    const alice = await overlay.add('alice');
    const other = await overlay.overlay.identity('alice');
    expect(() => alice.node.renewIdentity(other)).toThrow(/cannot take the place/);
    const renamed = await overlay.overlay.identity('bob', { nodeId: alice.node.nodeId });
    expect(() => alice.node.renewIdentity(renamed)).toThrow(/cannot take the place/);
    expect(alice.node.identity.certificate.fingerprint).toBe(alice.identity.certificate.fingerprint);
  });

  it('is the only one that counts once the old one has ended', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'ended' });
    await overlay.grow(3);
    const short = await overlay.overlay.identity('short', { validityDays: 2 / 24 });
    const alice = await overlay.add('short', { identity: short });
    const reader = overlay.nodes[1]!;
    await overlay.store(alice, 'name', 'old', 7200);
    const renewed = await overlay.overlay.identity('short', { nodeId: alice.node.nodeId });
    alice.node.renewIdentity(renewed);
    await overlay.store(alice, 'renewed', 'new', 7200);
    await overlay.clock.advance(HOUR + 60_000);
    expect(await overlay.fetch(reader, 'renewed')).toBe('new');
    expect(await overlay.fetch(reader, 'name').catch((thrown: Error) => thrown.message)).not.toBe('old');
  });
});

import { describe, expect, it } from 'vitest';
import { hashToResourceId } from '#reload/wire/ids.ts';
import { ConfiguredWorld, type Member } from './configured-world.ts';

const KIND = 0xf0000001;

function storeOwn(world: ConfiguredWorld, member: Member, length: number) {
  const resource = hashToResourceId(Buffer.from(member.node.nodeId, 'hex'));
  const values = [{ place: { model: 'single' } as const, value: Buffer.alloc(length, 7) }];
  return world.clock.run(member.node.records.store({ resource, kind: KIND, values, lifetimeSeconds: 3600 }));
}

describe('a changed configuration document in a running ring', () => {
  it('R6940-6.5.4.2-06 R6940-11.1-47 reaches twelve peers within seconds and takes effect without a restart', async () => {
    const world = await ConfiguredWorld.create('spread', 12);
    const [first] = world.members;
    const document = world.sign({ sequence: 1, chordUpdateInterval: 60, maxMessageSize: 40_000 });
    first!.node.adoptConfiguration(document);
    expect(await world.spread(1, 5000)).toBeLessThan(5000);
    for (const { configuration, kept } of world.members) {
      expect(configuration.current).toMatchObject({ chordUpdateInterval: 60, maxMessageSize: 40_000 });
      expect(kept).toEqual([document]);
    }
    expect(world.isRing()).toBe(true);
    await storeOwn(world, world.members[5]!, 100);
  });
});

import { describe, expect, it } from 'vitest';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { joinReq } from '#reload/wire/join.ts';
import { BOOTSTRAP_PORT, type SimulatedNode, SimulatedOverlay } from './simulated-overlay.ts';
import { isUpdate, tapWires, updateOf } from './wiretap.ts';

const nothing = new Uint8Array();

describe('two peers that start at one moment, each an entrance of the other', () => {
  /** Hosts are numbered as they are made, so the second one's address is known before it is there. */
  async function startTogether(overlay: SimulatedOverlay): Promise<readonly SimulatedNode[]> {
    const at = (address: string) => ({ address, port: BOOTSTRAP_PORT });
    const founder = at(overlay.nodes[0]!.host.address);
    const second = `10.0.0.${overlay.nodes.length + 2}`;
    const a = await overlay.make('a', { bootstrapNodes: [at(second), founder], startTimeout: 20_000 });
    const b = await overlay.make('b', { bootstrapNodes: [at(a.host.address), founder], startTimeout: 20_000 });
    expect(b.host.address).toBe(second);
    await overlay.clock.run(Promise.all([a, b].map(({ node }) => node.start())));
    return [a, b];
  }

  it.each([
    ['over a good network', 0],
    ['while one message in ten is lost', 0.1],
  ])('both join %s, and the ring is whole soon after', async (_, loss) => {
    for (let seed = 0; seed < 12; seed++) {
      const network = { loss, latencyMs: { min: 0, max: 3 } };
      const overlay = await SimulatedOverlay.create({ seed: `mutual ${seed}`, network });
      await overlay.grow(1 + (seed % 3));
      for (const { node } of await startTogether(overlay)) expect(node.status().joined).toBe(true);
      await overlay.clock.runUntil(() => overlay.isRing(), 10_000);
    }
  });
});

describe('a Join that is repeated while its answer is under way', () => {
  it('is followed by another Update that names the joiner, should it have missed the first', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'join twice' });
    await overlay.grow(4);
    const [joiner, admitting] = [...overlay.living].sort((a, b) => (a.node.nodeId < b.node.nodeId ? -1 : 1));
    const { nodeId } = joiner!.node;
    const seen = tapWires(overlay);
    const body = encode(joinReq, { joiningPeerId: nodeId, overlaySpecificData: nothing });
    const join = () =>
      joiner!.node.exchange.request({
        destination: [nodeDestination(admitting!.node.nodeId)],
        code: MessageCode.joinReq,
        body,
      });
    await overlay.clock.run(join());
    await overlay.clock.runUntil(() => seen.some((m) => isUpdate(m) && m.from === admitting?.node.nodeId));
    await overlay.clock.run(join());
    await overlay.clock.advance(1000);
    const naming = seen.filter((message) => {
      if (!isUpdate(message) || message.from !== admitting?.node.nodeId || message.to !== nodeId) return false;
      const update = updateOf(message);
      return update.type !== 'peer_ready' && update.predecessors[0] === nodeId;
    });
    expect(naming.length).toBe(2);
  });
});

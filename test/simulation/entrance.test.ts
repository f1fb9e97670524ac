import { describe, expect, it } from 'vitest';
import { BOOTSTRAP_PORT, SimulatedOverlay } from './simulated-overlay.ts';

describe('an entrance that is not in the overlay itself', () => {
  it.each([
    ['peer', 'could not join here'],
    ['client', 'no uplink found here'],
  ] as const)('holds a %s up for seconds, not for the lifetime of a request', async (mode, complaint) => {
    const overlay = await SimulatedOverlay.create({ seed: 'entrance' });
    await overlay.grow(3);
    const nowhere = { address: '10.9.9.9', port: BOOTSTRAP_PORT };
    const lost = await overlay.make('lost', { bootstrapNodes: [nowhere], startTimeout: 600_000 });
    lost.node.start().catch(() => {});
    await overlay.clock.advance(1000);

    // Bootstrap nodes are tried in random order: several joiners, so that some meet the lost one first.
    const good = overlay.nodes[0]!.host.address;
    const bootstrapNodes = [lost.host.address, good].map((address) => ({ address, port: BOOTSTRAP_PORT }));
    const before = overlay.trace.length;
    for (const name of 'abcdefgh') {
      const since = overlay.clock.now();
      await overlay.add(name, { bootstrapNodes, mode });
      expect(overlay.clock.now() - since).toBeLessThan(8000);
    }
    expect(overlay.trace.slice(before).join('\n')).toContain(complaint);
    await overlay.clock.run(lost.node.stop());
  });
});

import { describe, expect, it } from 'vitest';
import { SimulatedOverlay, unreachable } from './simulated-overlay.ts';

describe('a ring of peers', () => {
  it('tries', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 1 });
    const t0 = Date.now();
    for (let i = 0; i < 6; i++) {
      await overlay.add(`peer${i}`);
      console.log('added', i, Date.now() - t0, overlay.clock.now(), overlay.network.messages);
    }
    await overlay.clock.runUntil(() => overlay.isRing(), 60_000).catch(() => {});
    console.log(overlay.isRing());
    if (!overlay.isRing()) console.log(overlay.trace.join('\n'));
  });
});

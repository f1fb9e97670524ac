import { describe, expect, it } from 'vitest';
import { SimulatedOverlay, unreachable } from './simulated-overlay.ts';

describe('a ring of peers', () => {
  it('tries', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 1 });
    const t0 = Date.now();
    const records = new Map<string, string>();
    for (let i = 0; i < 32; i++) {
      const v = overlay.clock.now();
      const p = await overlay.add(`peer${i}`);
      console.log('added', i, Date.now() - t0, overlay.clock.now() - v, overlay.network.messages);
      await overlay.store(p, `r${i}`, `v${i}`);
      records.set(`r${i}`, `v${i}`);
    }
    await overlay.clock.runUntil(() => overlay.isRing(), 60_000).catch(() => {});
    console.log(overlay.isRing(), Date.now() - t0);
    if (!overlay.isRing()) console.log(overlay.trace.join('\n'));
    const v = overlay.clock.now();
    console.log(
      await unreachable(overlay, records),
      Date.now() - t0,
      overlay.clock.now() - v,
      overlay.network.messages,
    );
    await overlay.clock.advance(60_000);
    console.log(Date.now() - t0, overlay.network.messages);
    let n = 0;
    for (const x of overlay.nodes) n += x.node.status().records;
    console.log('copies', n);
    const victims = [3, 17, 25].map((i) => overlay.nodes[i]!);
    for (const vv of victims) vv.host.kill();
    await overlay.clock.advance(2000);
    console.log(overlay.isRing(), Date.now() - t0);
    console.log(await unreachable(overlay, records), Date.now() - t0);
    expect(1).toBe(1);
  }, 60000);
});

import { expect, it } from 'vitest';
import { decodeFrame } from '#reload/link/frame-reader.ts';
import { isFragment, splitFragment } from '#reload/wire/forwarding-header.ts';
import { SimulatedOverlay, unreachable } from './simulated-overlay.ts';

it('R6940-6.6.3-01 R6940-6.7-01 a ring over datagram links that lose, double and mix up datagrams of 600 bytes stores and finds every record', async () => {
  const network = { datagramMtu: 600, loss: 0.05, duplicate: 0.02, reorder: 0.02 };
  const overlay = await SimulatedOverlay.create({ seed: 'datagrams', network });
  let fragments = 0;
  let largest = 0;
  overlay.network.datagramTap = (bytes) => {
    largest = Math.max(largest, bytes.length);
    const frame = decodeFrame(bytes);
    if (frame?.type === 'data' && isFragment(splitFragment(frame.message).header)) fragments++;
  };
  await overlay.grow(8);
  await overlay.clock.runUntil(() => overlay.isRing());
  const records = new Map(Array.from({ length: 12 }, (_, i) => [`name ${i}`, `${i}`.repeat(400)] as const));
  for (const [name, value] of records) await overlay.store(overlay.nodes[2]!, name, value);
  expect(await unreachable(overlay, records)).toEqual([]);
  expect(fragments).toBeGreaterThan(100);
  expect(largest).toBeLessThanOrEqual(600);
}, 30_000);

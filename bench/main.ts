import { systemClock } from '#platform/clock.ts';
import { createTestOverlay } from '../test/support/overlay.ts';
import { benchCall } from './call.ts';
import { benchCodec } from './codec.ts';
import { makeMaterial } from './material.ts';
import { benchMemory } from './memory.ts';
import { type BenchResult, printTables } from './print.ts';
import { benchRings } from './ring.ts';

/** `npm run bench` prints tables, and the same as one JSON object in its last line. */
async function main(): Promise<void> {
  const progress = (what: string) => console.error(`measuring ${what} ...`);
  progress('codec and signatures');
  const material = await makeMaterial();
  const codec = benchCodec(material);
  const overlay = await createTestOverlay({ clock: systemClock });
  progress('rings of 16 peers, over TLS and over memory links');
  const rings = await benchRings(overlay, material.identity);
  progress('the sound of a call');
  const call = await benchCall();
  progress('memory');
  const memory = await benchMemory();
  const result: BenchResult = { codec, rings, call, memory };
  printTables(result);
  console.log(JSON.stringify(result));
}

// Timers of nodes do not keep a process alive, and memory links have no sockets that would.
const alive = setInterval(() => {}, 1000);
void main().finally(() => clearInterval(alive));

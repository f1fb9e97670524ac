import type { CodecResult } from './codec.ts';
import type { Timing } from './measure.ts';
import type { MemoryResult } from './memory.ts';
import type { Floors, RingResult } from './ring.ts';

export interface BenchResult {
  readonly codec: CodecResult;
  readonly floors: Floors;
  readonly rings: readonly RingResult[];
  readonly memory: MemoryResult;
}

export function printTables({ codec, floors, rings, memory }: BenchResult): void {
  console.log('Codec and signatures');
  table(codec.timings);
  console.log(`Receiving a message costs ${codec.receiveToVerify} x the signature check in it.\n`);
  console.log('Signed put and get on a ring, one at a time, beside their floors');
  table([floors.put, floors.get, ...rings.flatMap(({ put, get }) => [put, get])]);
  for (const { links, peers, putToFloor, getToFloor, requestsPerPut, requestsPerGet } of rings) {
    console.log(
      `${peers} peers, ${links}: put ${putToFloor} x its floor (${requestsPerPut} requests), get ${getToFloor} x its floor (${requestsPerGet})`,
    );
  }
  console.log('\nResident memory, idle');
  console.log(`bare Node ${memory.bareNode} MB, gateway on its emulated line ${memory.gateway} MB: ${memory.ratio} x`);
  for (const [name, megabytes] of Object.entries(memory.packages)) {
    console.log(`  loading ${name} alone adds ${megabytes} MB`);
  }
}

function table(timings: readonly Timing[]): void {
  console.table(
    Object.fromEntries(
      timings.map(({ name, opsPerSecond, medianUs, p95Us }) => [
        name,
        { 'ops/s': opsPerSecond, 'median us': medianUs, 'p95 us': p95Us },
      ]),
    ),
  );
}

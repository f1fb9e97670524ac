import type { CallResult } from './call.ts';
import type { CodecResult } from './codec.ts';
import type { Timing } from './measure.ts';
import type { MemoryResult } from './memory.ts';
import type { RingResult } from './ring.ts';

export interface BenchResult {
  readonly codec: CodecResult;
  readonly rings: readonly RingResult[];
  readonly call: CallResult;
  readonly memory: MemoryResult;
}

export function printTables({ codec, rings, call, memory }: BenchResult): void {
  console.log('Codec and signatures');
  table(codec.timings);
  console.log(`Receiving a message costs ${codec.receiveToVerify} x the signature check in it.\n`);
  console.log('Signed put and get on a ring, one at a time, beside their floors');
  for (const ring of rings) {
    table([ring.put, ring.putFloor, ring.get, ring.getFloor]);
    console.log(
      `${ring.peers} peers, ${ring.links}, as multiples of the floors: put ${ring.putToFloor}, get ${ring.getToFloor}`,
    );
    console.log(`requests in the ring: ${ring.requestsPerPut} for a put, ${ring.requestsPerGet} for a get`);
  }
  console.log('\nThe sound of one call, processor time for each second');
  console.log(
    `everything on ${call.call} ms, without echo canceller ${call.withoutEchoCanceller} ms, RTP ${call.rtp} ms`,
  );
  console.log(`a filter of 256 taps ${call.filter} ms: a call is ${call.callToFilter} x that`);
  console.log(`a call takes ${call.percentOfCore} % of a core, the emulated modem and exchange included`);
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

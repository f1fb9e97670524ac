import { silence } from '#media/g711.ts';
import { VoicePath, type VoicePathOptions } from '#media/voice-path.ts';
import type { EmulatedLineOptions } from '#pstn/emulator/emulated-line.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import type { LineCall } from '#pstn/line.ts';
import { simulatedLine } from '../../pstn/simulated-line.ts';
import type { VirtualClock } from '../../simulation/virtual-clock.ts';
import { MemorySession, type SentPacket } from './memory-session.ts';

/** Sound with the time of its first sample, ms. */
export interface Timed {
  readonly start: number;
  readonly sound: Uint8Array;
}

export interface VirtualCallOptions {
  readonly party: Partial<Party>;
  readonly modem?: Partial<EmulatedLineOptions>;
  /** Of bytes on their way to the modem, and from it. */
  readonly latencyMs?: number;
  /** A `<DLE>` code that the modem does not report. */
  readonly unknown?: string;
  readonly voice: VoicePathOptions;
  /** What the phone says, 160 samples at a time. */
  readonly phone: { next(count: number): Uint8Array };
  /** When a packet of the phone arrives after it was sent; undefined: never. */
  readonly transit: (n: number) => number | undefined;
  /** Whether sound is kept for measuring: not in long calls. */
  readonly keep: boolean;
}

export interface VirtualCall {
  readonly clock: VirtualClock;
  readonly call: LineCall;
  readonly session: MemorySession;
  readonly voice: VoicePath;
  readonly underrunsOfModem: () => number;
  /** What the line brought, what was played to it, what the phone sent, and what arrived at the phone. */
  readonly recorded: () => Readonly<Record<'line' | 'toLine' | 'phone' | 'toPhone', Timed>>;
}

/** Exchange, modem, driver and voice path as they are, a phone on the other side, and one virtual clock for all. */
export async function virtualCall(options: VirtualCallOptions): Promise<VirtualCall> {
  const reports = { dtr: true, ...(options.unknown === undefined ? {} : { unknown: options.unknown }) };
  const { clock, line, emulated } = simulatedLine(options.modem, {}, options.latencyMs, reports);
  await clock.run(line.start());
  const party = { behaviour: 'answers', answerAfterMs: 100, reversal: true, ...options.party } as const;
  emulated.exchange.plan('100', party);
  const call = await clock.run(line.dial('100', new AbortController().signal));
  const arrived: SentPacket[] = [];
  const session = new MemorySession(clock, (packet) => options.keep && arrived.push(packet));
  const voice = new VoicePath(session, options.voice);
  const tap = tapped(emulated.exchange, clock, options.keep);
  call.connect((heard, spare) => voice.exchange(heard, spare));
  const phone = startPhone(clock, session, options);
  return {
    clock,
    call,
    session,
    voice,
    underrunsOfModem: () => emulated.counters.underruns,
    recorded: () => ({ ...tap(), phone: phone(), toPhone: streamOf(arrived) }),
  };
}

interface Exchange {
  transfer(sent: Uint8Array): Uint8Array;
}

/** Listens at the pair of wires. The emulator's line passes pieces when they are over: the last sample of a piece belongs to now. */
function tapped(exchange: Exchange, clock: VirtualClock, keep: boolean): () => Record<'line' | 'toLine', Timed> {
  const line: Uint8Array[] = [];
  const toLine: Uint8Array[] = [];
  let start = 0;
  const transfer = exchange.transfer.bind(exchange);
  exchange.transfer = (sent) => {
    const received = transfer(sent);
    if (keep) {
      if (line.length === 0) start = clock.now() - sent.length / 8;
      line.push(received.slice());
      toLine.push(sent.slice());
    }
    return received;
  };
  return () => ({ line: { start, sound: Buffer.concat(line) }, toLine: { start, sound: Buffer.concat(toLine) } });
}

/** A phone that says 20 ms every 20 ms of the clock. */
function startPhone(clock: VirtualClock, session: MemorySession, options: VirtualCallOptions): () => Timed {
  const start = clock.now();
  const said: Uint8Array[] = [];
  let n = 0;
  const tick = () => {
    const packet = options.phone.next(160);
    if (options.keep) said.push(packet);
    const transit = options.transit(n);
    const timestamp = 160 * n++;
    if (transit !== undefined) clock.after(transit, () => session.receive(timestamp, packet));
    clock.after(20, tick);
  };
  // A packet leaves when its last sample was said.
  clock.after(20, tick);
  return () => ({ start, sound: Buffer.concat(said) });
}

/** Packets as a phone without a jitter buffer could play them all: the latest decides. The first sample is 20 ms older than its packet. */
function streamOf(packets: readonly SentPacket[]): Timed {
  const start = Math.max(...packets.map(({ at }, n) => at - 20 * n));
  return { start, sound: packets.length === 0 ? silence(0) : Buffer.concat(packets.map(({ sound }) => sound)) };
}

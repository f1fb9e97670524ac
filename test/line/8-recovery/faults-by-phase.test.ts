import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import { type FaultName, faultNames } from '#pstn/emulator/faults.ts';
import type { LineCall } from '#pstn/line.ts';
import { type SimulatedLine, simulatedLine } from '../../pstn/simulated-line.ts';

/** A call is over for both sides, and whoever waits for it knows, so long after the fault at most. Dialling has its own limit. */
const KNOWN_WITHIN_MS = 20_000;
const DIAL_TIMEOUT_MS = 30_000;
/** The line is back so long after the modem is right again. */
const BACK_WITHIN_MS = 60_000;

const phases = ['idle', 'ringing', 'dialling', 'talking', 'hanging-up'] as const;
type Phase = (typeof phases)[number];
type Trouble = FaultName | 'unplugged' | 'power-cycled' | 'stray-ring';
const troubles: readonly Trouble[] = [...faultNames, 'unplugged', 'power-cycled', 'stray-ring'];

interface Situation {
  /** Everything that somebody waits for. */
  readonly pending: Promise<unknown>[];
  readonly call: LineCall | undefined;
}

const settled = (promise: Promise<unknown>) => promise.then(String, String);

async function enter(phase: Phase, simulated: SimulatedLine, giveUp: AbortSignal): Promise<Situation> {
  const { clock, line, emulated, rings } = simulated;
  switch (phase) {
    case 'idle':
      return { pending: [], call: undefined };
    case 'ringing': {
      emulated.exchange.ring({ party: { behaviour: 'answers', answerAfterMs: 0 }, callerId: { number: '5551234' } });
      await clock.runUntil(() => rings.length > 0);
      const { abandoned } = rings[0]!.ring;
      return {
        pending: [new Promise((resolve) => abandoned.addEventListener('abort', resolve))],
        call: undefined,
      };
    }
    case 'dialling': {
      const dialled = line.dial('5550001', giveUp);
      await clock.runUntil(() => simulated.find('dialled') !== undefined);
      return { pending: [settled(dialled)], call: undefined };
    }
    default: {
      emulated.exchange.plan('5551234', { behaviour: 'answers', answerAfterMs: 100, sendHz: 500 });
      const call = await clock.run(line.dial('5551234', giveUp));
      await clock.advance(500);
      if (phase === 'hanging-up') call.hangUp();
      return { pending: [call.ended], call };
    }
  }
}

function begin(trouble: Trouble, { emulated, unplug }: SimulatedLine): void {
  if (trouble === 'unplugged') unplug();
  else if (trouble === 'power-cycled') emulated.powerOff();
  else if (trouble === 'stray-ring') emulated.strayRing();
  else emulated.fault(trouble, true);
}

function end(trouble: Trouble, { emulated, replug }: SimulatedLine): void {
  if (trouble === 'unplugged') replug();
  else if (trouble !== 'power-cycled' && trouble !== 'stray-ring') emulated.fault(trouble, false);
}

/** Both ways, in both directions of calling, with caller ID. */
async function expectCallsToWork(simulated: SimulatedLine): Promise<void> {
  const { clock, line, emulated, rings } = simulated;
  const converse = async (call: LineCall) => {
    const tone = new ToneGenerator([800]);
    const heard: Uint8Array[] = [];
    call.connect((samples) => {
      heard.push(samples.slice());
      return tone.next(samples.length);
    });
    await clock.advance(1500);
    expect(dominantFrequencyOfMulaw(concat(...heard).subarray(-4000))?.frequency).toBeCloseTo(620, -1);
    expect(emulated.exchange.report()?.heardHz).toBeCloseTo(800, -1);
    await clock.run(call.hangUp(), 10_000);
    await clock.runUntil(() => line.status.state === 'idle', 10_000);
  };
  emulated.exchange.plan('6661234', { behaviour: 'answers', answerAfterMs: 100, sendHz: 620 });
  await converse(await clock.run(line.dial('6661234', new AbortController().signal), 40_000));
  const before = rings.length;
  const party = { behaviour: 'answers', answerAfterMs: 0, sendHz: 620 } as const;
  expect(emulated.exchange.ring({ party, callerId: { number: '5557777', name: 'NEXT' } })).toBe(true);
  await clock.runUntil(() => rings.length > before, 20_000);
  const { ring } = rings.at(-1)!;
  await converse(await clock.run(ring.answer(), 20_000));
}

/** Whether the exchange has the line back. */
function isOnHook({ events }: SimulatedLine): boolean {
  const last = events.filter(({ event }) => event === 'on-hook' || event === 'off-hook').at(-1);
  return last?.event !== 'off-hook';
}

async function survive(
  trouble: Trouble,
  phase: Phase,
  when: { beforeMs: number; lastsMs: number; latencyMs: number },
): Promise<void> {
  const simulated = simulatedLine({}, { dialTimeoutMs: DIAL_TIMEOUT_MS }, when.latencyMs);
  const { clock, line, emulated } = simulated;
  const giveUp = new AbortController();
  await clock.run(line.start());
  const { pending, call } = await enter(phase, simulated, giveUp.signal);
  await clock.advance(when.beforeMs);
  begin(trouble, simulated);
  await clock.advance(when.lastsMs);
  end(trouble, simulated);
  // What is on its way arrives: a RING in the moment of dialling would be glare.
  await clock.advance(100);
  // A call that outlived the trouble is ended as its user would.
  const outlived = call !== undefined && line.status.state === 'busy';
  if (outlived) await clock.run(call.hangUp(), KNOWN_WITHIN_MS);
  emulated.exchange.giveUp();
  const limit = phase === 'dialling' ? DIAL_TIMEOUT_MS + KNOWN_WITHIN_MS : KNOWN_WITHIN_MS;
  await clock.run(Promise.all(pending), limit);
  await clock.runUntil(() => line.status.state === 'idle' && isOnHook(simulated), BACK_WITHIN_MS);
  await expectCallsToWork(simulated);
  await clock.run(line.stop(), 30_000);
  emulated.close();
}

describe.each(phases)('a modem in trouble while %s', (phase) => {
  it.each(troubles)('%s: the next call works', async (trouble) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 800 }),
        fc.integer({ min: 0, max: 25_000 }),
        fc.integer({ min: 1, max: 40 }),
        (beforeMs, lastsMs, latencyMs) => survive(trouble, phase, { beforeMs, lastsMs, latencyMs }),
      ),
      { numRuns: 3, seed: 8 },
    );
  });
});

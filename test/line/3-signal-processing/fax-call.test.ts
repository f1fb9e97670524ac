import { describe, expect, it } from 'vitest';
import { dtmfSound } from '#media/dtmf.ts';
import { ToneSequence } from '#media/tone-sequence.ts';
import { concat } from '#platform/bytes.ts';
import type { LineEvent } from '#pstn/line.ts';
import { simulatedLine } from '../../pstn/simulated-line.ts';

/** What a call from somebody who plays this sound tells of. */
async function toldOf(sendSound: Uint8Array): Promise<LineEvent[]> {
  const { clock, emulated, rings, line } = simulatedLine();
  await clock.run(line.start());
  emulated.exchange.ring({ party: { behaviour: 'answers', answerAfterMs: 0, sendSound } });
  await clock.runUntil(() => rings.length > 0);
  const call = await clock.run(rings[0]?.ring.answer() ?? Promise.reject(new Error('no ring')));
  const events: LineEvent[] = [];
  call.onEvent((event) => events.push(event));
  await clock.runUntil(() => call.statistics.bytesHeard >= sendSound.length);
  await clock.run(call.hangUp());
  return events;
}

const tone = (frequencies: readonly number[], ms: number) =>
  new ToneSequence({
    steps: [
      { frequencies: [], ms: 500 },
      { frequencies, ms },
    ],
    times: 1,
  }).next(8 * (ms + 2000));

describe('a call from a fax machine', () => {
  it('is known as one by its calling tone, once', async () => {
    const events = await toldOf(concat(tone([1100], 500), tone([1100], 500)));
    expect(events.filter(({ type }) => type === 'fax')).toEqual([{ type: 'fax', tone: 'calling' }]);
  });

  it('is known as one by its answer tone', async () => {
    const events = await toldOf(tone([2100], 3000));
    expect(events.filter(({ type }) => type === 'fax')).toEqual([{ type: 'fax', tone: 'answer' }]);
  });

  it('is not thought to be one for other tones and keys', async () => {
    const events = await toldOf(concat(tone([1004], 500), dtmfSound('159D'), tone([2225], 2000)));
    expect(events.filter(({ type }) => type === 'fax')).toEqual([]);
  });
});

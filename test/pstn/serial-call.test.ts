import { afterEach, expect, it } from 'vitest';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import { type PtyLine, ptyLine } from './pty-line.ts';

let running: PtyLine | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
});

it('identifies the modem through serialport, dials, hears the far end and is heard', async () => {
  running = await ptyLine();
  const { line, event, emulated } = running;
  emulated.exchange.plan('5551234', { behaviour: 'answers', answerAfterMs: 600, sendHz: 700 });
  await line.start();
  expect(line.status.state).toBe('idle');
  const call = await line.dial('5551234', new AbortController().signal);
  expect((await event('dialled')).number).toBe('5551234');
  const heard: Uint8Array[] = [];
  const tone = new ToneGenerator([1100]);
  await new Promise<void>((resolve) => {
    let count = 0;
    call.connect((samples) => {
      heard.push(samples);
      count += samples.length;
      if (count > 8000) resolve();
      return tone.next(samples.length);
    });
  });
  await call.hangUp();
  expect(await call.ended).toBe('local');
  expect(dominantFrequencyOfMulaw(concat(...heard))?.frequency).toBeCloseTo(700, -1);
  const report = await event('call-ended');
  expect(report.heardHz).toBeCloseTo(1100, -1);
  expect(report.endedBy).toBe('line');
  expect(line.status.state).toBe('idle');
});

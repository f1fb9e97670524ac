import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulatedLine } from './simulated-line.ts';

const phases = ['starting', 'idle', 'ringing', 'dialling', 'busy'] as const;

/** Bytes as a bad cable or a mad modem sends them: anything, often DLE codes and fragments of answers. */
const noise = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .constantFrom(
        '\r\nOK\r\n',
        '\r\nERROR\r\n',
        '\r\nCONNECT\r\n',
        '\r\nRING\r\n',
        'NMBR = ',
        '\x10b',
        '\x10\x03',
        '\x10R',
        '\x10',
        'NO CARRIER\r',
        '\x10X',
      )
      .map((text) => new Uint8Array(Buffer.from(text, 'latin1'))),
  ),
  { maxLength: 12 },
);

describe('noise from the modem', () => {
  it('in any phase leaves a line that works again soon', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...phases), noise, async (phase, pieces) => {
        const { clock, line, emulated, rings, inject } = simulatedLine();
        const giveUp = new AbortController();
        const starting = line.start();
        if (phase !== 'starting') await clock.run(starting);
        if (phase === 'ringing') {
          emulated.exchange.ring({ party: { behaviour: 'answers', answerAfterMs: 0 }, ringForMs: 10_000 });
          await clock.runUntil(() => rings.length > 0);
        }
        if (phase === 'dialling') line.dial('5551234', giveUp.signal).catch(() => {});
        if (phase === 'busy') await clock.run(line.dial('5551234', giveUp.signal));
        for (const piece of pieces) {
          inject(piece);
          await clock.advance(30);
        }
        giveUp.abort();
        await clock.advance(120_000);
        // What the noise did not end, the far end does.
        emulated.exchange.hangUp('busy-tone');
        await clock.runUntil(() => line.status.state === 'idle', 120_000);
        const call = await clock.run(line.dial('1', new AbortController().signal), 30_000);
        await clock.run(call.hangUp(), 30_000);
        await clock.run(line.stop(), 30_000);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('without end does not grow anything', async () => {
    const { clock, line, inject } = simulatedLine();
    await clock.run(line.start());
    const before = process.memoryUsage().heapUsed;
    const piece = new Uint8Array(65_536).fill(0x41);
    for (let i = 0; i < 400; i++) inject(piece);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
    expect(line.status.state).toBe('idle');
  });
});

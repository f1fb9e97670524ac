import { describe, expect, it } from 'vitest';
import { answeredCall } from './during-calls.ts';
import { TestGateway } from './test-gateway.ts';

const CNG = { type: 'fax', tone: 'calling' } as const;

describe('a fax machine on the line', () => {
  it('ends the call with a stated cause, and the record calls it a fax', async () => {
    const { gw, call, line } = await answeredCall();
    line.happen(CNG);
    expect(await gw.clock.run(call.ended)).toMatchObject({ reason: 'Q.850;cause=88;text="Incompatible destination"' });
    expect(await gw.over()).toMatchObject({ outcome: 'fax', end: 'line: fax', cause: 88 });
    expect(gw.lastCall()).toMatchObject({ state: 'ended', outcome: 'fax' });
    expect(line.isOver).toBe(true);
  });

  it('is left alone where the owner wants that', async () => {
    const { gw, line } = await answeredCall({ fax: 'ignore' });
    line.happen(CNG);
    await gw.clock.advance(1000);
    expect(line.isOver).toBe(false);
    line.end('busy-tone');
    expect(await gw.over()).toMatchObject({ outcome: 'answered' });
  });

  it('has to be heard in the first half minute: later such a tone is something else', async () => {
    const { gw, line } = await answeredCall();
    await gw.clock.advance(31_000);
    line.happen(CNG);
    await gw.clock.advance(1000);
    expect(line.isOver).toBe(false);
    line.end('busy-tone');
    expect(await gw.over()).toMatchObject({ outcome: 'answered' });
  });

  it('leaves no message', async () => {
    const voiceMail = {
      serves: () => true,
      answerAfterSeconds: 5,
      take: (_call: object, _caller: object, signal: AbortSignal) =>
        new Promise<{ left: false; why: string }>((resolve) => {
          signal.addEventListener('abort', () => resolve({ left: false, why: 'told to end' }));
        }),
    };
    const gw = new TestGateway({ line: [{ device: 'fake', rings: ['alice@home.example'] }] }, { voiceMail });
    const ringing = gw.line.ring();
    const line = await gw.clock.run(ringing.answered);
    await gw.clock.advance(2000);
    line.happen(CNG);
    expect(await gw.over()).toMatchObject({ outcome: 'fax', end: 'line: fax' });
  });
});

import { describe, expect, it } from 'vitest';
import { answeredCall } from './during-calls.ts';

describe('a call that waits during a call', () => {
  it('is told with its caller, and the call goes on', async () => {
    const { gw, line } = await answeredCall();
    line.happen({
      type: 'call-waiting',
      callerId: { number: '0301', name: 'Zweite', presentation: 'available' },
    });
    line.happen({ type: 'call-waiting', callerId: undefined });
    line.happen({ type: 'call-waiting', callerId: { number: undefined, name: undefined, presentation: 'withheld' } });
    await gw.clock.advance(100);
    expect(gw.events.filter(({ event }) => event === 'call-waiting')).toEqual([
      { event: 'call-waiting', id: 1, caller: '0301', callerName: 'Zweite' },
      { event: 'call-waiting', id: 1, caller: undefined, callerName: undefined },
      { event: 'call-waiting', id: 1, caller: 'withheld', callerName: undefined },
    ]);
    expect(line.isOver).toBe(false);
    line.end('busy-tone');
    await gw.over();
  });
});

import { describe, expect, it } from 'vitest';
import { answeredCall } from './during-calls.ts';
import { TestGateway } from './test-gateway.ts';

const LIFTED = { type: 'telephone', by: 'extension', offHook: true } as const;
const PUT_DOWN = { type: 'telephone', by: 'extension', offHook: false } as const;

describe('a telephone on the line that is lifted during a call', () => {
  it('joins it by default: the call goes on, and it is told', async () => {
    const { gw, call, line } = await answeredCall();
    line.happen(LIFTED);
    line.happen(PUT_DOWN);
    await gw.clock.advance(1000);
    expect(line.isOver).toBe(false);
    expect(gw.events.filter(({ event }) => event === 'telephone')).toEqual([
      { event: 'telephone', id: 1, by: 'extension', offHook: true },
      { event: 'telephone', id: 1, by: 'extension', offHook: false },
    ]);
    await gw.clock.run(call.hangUp());
    expect(await gw.over()).toMatchObject({ end: 'phone: hung up', cause: 16 });
  });

  it('takes it over where the owner wants that: the phone is told, and the modem lets the line go', async () => {
    const { gw, call, line } = await answeredCall({ handset: 'take-over' });
    line.happen(PUT_DOWN);
    await gw.clock.advance(1000);
    expect(line.isOver).toBe(false);
    line.happen(LIFTED);
    expect(await gw.clock.run(call.ended)).toMatchObject({ by: 'remote' });
    expect(line.isOver).toBe(true);
    expect(await gw.over()).toMatchObject({ outcome: 'answered', end: 'line: a telephone took over', cause: 16 });
  });

  it('keeps the line from calls out while it is in use', async () => {
    const gw = new TestGateway({
      line: [{ device: 'a' }],
      dial_plan: { allow: [{ callers: ['*'], prefixes: ['+49'] }] },
    });
    gw.line.status = { state: 'in-use', modem: 'fake', by: 'extension' };
    const refused = gw.phone('alice@home.example').call('+4930555');
    expect(await gw.clock.run(refused.catch((thrown) => thrown.fault))).toMatchObject({
      status: 503,
      reason: 'Q.850;cause=34;text="No circuit available"',
    });
    expect(gw.line.diallings).toEqual([]);
  });

  it('joins it untold where the owner wants that', async () => {
    const { gw, line } = await answeredCall({ handset: 'ignore' });
    line.happen(LIFTED);
    await gw.clock.advance(1000);
    expect(line.isOver).toBe(false);
    expect(gw.events.some(({ event }) => event === 'telephone')).toBe(false);
    line.end('busy-tone');
    await gw.over();
  });
});

import { describe, expect, it } from 'vitest';
import { TestGateway } from './test-gateway.ts';

const ALICE = 'alice@home.example';
const BOB = 'bob@home.example';
const dial_plan = { allow: [{ callers: ['*'], prefixes: ['+49'] }] };

describe('glare: the line rings in the moment of dialling', () => {
  it('sends the outgoing call over the next line, and the ring to the phones', async () => {
    const gw = new TestGateway({
      line: [
        { name: 'first', device: 'a', rings: [BOB] },
        { name: 'second', device: 'b' },
      ],
      dial_plan,
    });
    const [alice, bob] = [gw.phone(ALICE), gw.phone(BOB)];
    const calling = alice.call('+4930555');
    const first = await gw.until(() => gw.lines[0]!.diallings[0]);
    first.fail({ code: 'glare' });
    gw.lines[0]!.ring();
    const second = await gw.until(() => gw.lines[1]!.diallings[0]);
    await gw.until(() => bob.incoming[0]);
    second.answer();
    const call = await gw.clock.run(calling);
    expect(gw.calls.list.map(({ state, line }) => `${line} ${state}`).sort()).toEqual([
      'first ringing',
      'second answered',
    ]);
    for (const { hangUp } of gw.calls.list) hangUp.abort(new Error('enough'));
    await gw.clock.run(call.ended);
    await gw.over();
    expect((await gw.ended()).map(({ line, direction }) => `${line} ${direction}`).sort()).toEqual([
      'first from-line',
      'second to-line',
    ]);
  });

  it('with one line refuses so that the caller goes on to the next gateway', async () => {
    const gw = new TestGateway({ line: [{ device: 'a', rings: [BOB] }], dial_plan });
    const [alice, bob] = [gw.phone(ALICE), gw.phone(BOB)];
    const calling = alice.call('+4930555').catch((thrown) => thrown.fault);
    (await gw.until(() => gw.line.diallings[0])).fail({ code: 'glare' });
    const ringing = gw.line.ring();
    expect(await gw.clock.run(calling)).toMatchObject({
      status: 503,
      reason: 'Q.850;cause=44;text="Requested circuit not available"',
    });
    await gw.until(() => bob.incoming[0]);
    ringing.stop('caller-gave-up');
    await gw.over();
    expect((await gw.ended()).map(({ end }) => end).sort()).toEqual(['line: caller gave up', 'line: glare']);
  });
});

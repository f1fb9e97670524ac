import { describe, expect, it } from 'vitest';
import { TestGateway } from './test-gateway.ts';

const ALICE = 'alice@home.example';
const BOB = 'bob@home.example';
const CAROL = 'carol@home.example';

function gateway(line: object) {
  return new TestGateway({ line: [{ device: 'fake', ...line }] });
}

describe('a ring group', () => {
  it('rings all phones at once; the first answer gets the call and the others learn that it was answered elsewhere', async () => {
    const gw = gateway({ rings: [ALICE, BOB] });
    const [alice, bob] = [gw.phone(ALICE), gw.phone(BOB)];
    const ringing = gw.line.ring();
    const atAlice = await gw.until(() => alice.incoming[0]);
    const atBob = await gw.until(() => bob.incoming[0]);
    expect(atAlice.fromName).toBe('Erika');
    expect(atAlice.assertedIdentity).toBe('sip:+4930123456@pstn.home.example');
    const call = await gw.clock.run(atBob.answer());
    await gw.until(() => (atAlice.abandoned.aborted ? true : undefined));
    expect(atAlice.abandoned.reason.fault.reason).toBe('SIP;cause=200;text="Call completed elsewhere"');
    const line = await ringing.answered;
    await gw.until(() => gw.events.find((event) => event.event === 'call' && event.state === 'answered'));
    line.end('busy-tone');
    expect(await gw.clock.run(call.ended)).toMatchObject({ reason: 'Q.850;cause=16;text="Normal call clearing"' });
    expect(await gw.over()).toMatchObject({ outcome: 'answered', answer: 'real', end: 'line: busy-tone', cause: 16 });
  });

  it('shows the number where the exchange tells no name, and nothing of who withholds the number', async () => {
    const gw = gateway({ rings: [ALICE] });
    const alice = gw.phone(ALICE);
    const first = gw.line.ring({ number: '030123456', name: undefined, presentation: 'available' });
    const known = await gw.until(() => alice.incoming[0]);
    expect([known.from, known.fromName]).toEqual(['sip:+4930123456@pstn.home.example', '+4930123456']);
    first.stop('caller-gave-up');
    await gw.over();
    gw.line.ring({ number: undefined, name: 'SECRET', presentation: 'withheld' });
    const unknown = await gw.until(() => alice.incoming[1]);
    expect([unknown.from, unknown.fromName]).toEqual(['sip:anonymous@anonymous.invalid', 'Anonymous']);
    expect([unknown.withheld, unknown.assertedIdentity]).toEqual([true, undefined]);
    expect(gw.lastCall()).toMatchObject({ caller: 'withheld' });
  });

  it('is over when the caller gives up, and when somebody takes the call at a telephone on the line', async () => {
    for (const [end, reason, record] of [
      ['caller-gave-up', 'Q.850;cause=16;text="Normal call clearing"', { outcome: 'missed', cause: 16 }],
      ['modem-lost', 'Q.850;cause=41;text="Temporary failure"', { outcome: 'missed', cause: 41 }],
      ['answered-elsewhere', 'SIP;cause=200;text="Call completed elsewhere"', { outcome: 'answered', answer: 'none' }],
    ] as const) {
      const gw = gateway({ rings: [ALICE] });
      const alice = gw.phone(ALICE);
      const ringing = gw.line.ring();
      const atAlice = await gw.until(() => alice.incoming[0]);
      ringing.stop(end);
      await gw.until(() => (atAlice.abandoned.aborted ? true : undefined));
      expect(atAlice.abandoned.reason.fault.reason).toBe(reason);
      expect(await gw.over()).toMatchObject(record);
    }
  });

  it('hangs up the phone that answers in the same moment as another one', async () => {
    const gw = gateway({ rings: [ALICE, BOB] });
    const [alice, bob] = [gw.phone(ALICE), gw.phone(BOB)];
    const ringing = gw.line.ring();
    await gw.until(() => (alice.incoming[0] && bob.incoming[0] ? true : undefined));
    const calls = await gw.clock.run(Promise.all([alice.incoming[0]!.answer(), bob.incoming[0]!.answer()]));
    const late = await gw.clock.run(Promise.race(calls.map(({ ended }) => ended)));
    expect(late).toMatchObject({ by: 'remote', reason: 'SIP;cause=200;text="Call completed elsewhere"' });
    const line = await ringing.answered;
    await gw.clock.advance(1000);
    expect(line.isOver).toBe(false);
    line.end('far-end');
    expect(await gw.over()).toMatchObject({ outcome: 'answered' });
  });

  it('lets go of the phone when the line cannot be answered any more', async () => {
    const gw = gateway({ rings: [ALICE] });
    const alice = gw.phone(ALICE);
    gw.line.answerFault = { code: 'line-unavailable', state: 'in-use' };
    gw.line.ring();
    const incoming = await gw.until(() => alice.incoming[0]);
    const call = await gw.clock.run(incoming.answer());
    expect(await gw.clock.run(call.ended)).toMatchObject({ reason: 'Q.850;cause=34;text="No circuit available"' });
    expect(await gw.over()).toMatchObject({ outcome: 'failed', end: 'line: line-unavailable', answer: 'none' });
    expect(gw.lastCall()).toMatchObject({ state: 'missed' });
  });

  it('rings until its time is over, and says so', async () => {
    const gw = gateway({ rings: [ALICE], ring_seconds: 10 });
    const alice = gw.phone(ALICE);
    gw.line.ring();
    const startedAt = gw.clock.now();
    const atAlice = await gw.until(() => alice.incoming[0]);
    await gw.until(() => (atAlice.abandoned.aborted ? true : undefined));
    expect(gw.clock.now() - startedAt).toBeGreaterThanOrEqual(10_000);
    expect(gw.clock.now() - startedAt).toBeLessThan(10_500);
    expect(await gw.over()).toMatchObject({ outcome: 'missed', end: 'phone: nobody answered', cause: 19 });
    expect(gw.lastCall()).toMatchObject({ state: 'missed', cause: 19, answer: 'none' });
  });

  it('leaves the first seconds to telephones and fax machines on the line', async () => {
    const gw = gateway({ rings: [ALICE], ring_delay_seconds: 12 });
    const alice = gw.phone(ALICE);
    const ringing = gw.line.ring();
    await gw.clock.advance(11_900);
    expect(alice.incoming).toHaveLength(0);
    await gw.clock.advance(500);
    expect(alice.incoming).toHaveLength(1);
    ringing.stop('caller-gave-up');
    await gw.over();
    const second = gw.line.ring();
    await gw.clock.advance(6000);
    second.stop('answered-elsewhere');
    expect(await gw.over()).toMatchObject({ end: 'line: answered at another telephone' });
    expect(alice.incoming).toHaveLength(1);
  });

  it('with nobody registered leaves the line alone', async () => {
    const gw = gateway({ rings: [ALICE, CAROL] });
    gw.line.ring();
    expect(await gw.over()).toMatchObject({ outcome: 'missed', end: 'phone: none is registered', cause: 20 });
    expect(gw.line.status.state).toBe('ringing');
  });
});

import { describe, expect, it } from 'vitest';
import { TestGateway } from './test-gateway.ts';

const ALICE = 'alice@home.example';
const BOB = 'bob@home.example';
const CAROL = 'carol@home.example';

describe('hunting', () => {
  it('rings one user after the other, each for its time, then all of the next stage', async () => {
    const ring = [
      { users: [ALICE, BOB], order: 'in-turn' as const, seconds: 8 },
      { users: [ALICE, CAROL], seconds: 10 },
    ];
    const gw = new TestGateway({ line: [{ device: 'fake', ring }] });
    const [alice, bob, carol] = [gw.phone(ALICE), gw.phone(BOB), gw.phone(CAROL)];
    const rung = () => [alice, bob, carol].map(({ incoming }) => incoming.length);
    gw.line.ring();
    await gw.clock.advance(7900);
    expect(rung()).toEqual([1, 0, 0]);
    await gw.clock.advance(1000);
    expect(rung()).toEqual([1, 1, 0]);
    expect(alice.incoming[0]?.abandoned.reason.fault.reason).toBe('Q.850;cause=19;text="No answer from user"');
    await gw.clock.advance(8000);
    expect(rung()).toEqual([2, 1, 1]);
    await gw.clock.run(carol.incoming[0]!.answer());
    await gw.until(() => gw.events.find((event) => event.event === 'call' && event.state === 'answered'));
    gw.calls.list[0]?.hangUp.abort(new Error('enough'));
    expect(await gw.over()).toMatchObject({ outcome: 'answered', end: 'stopped: enough', cause: 31 });
  });

  it('passes over who is busy or not registered without waiting', async () => {
    const gw = new TestGateway({
      line: [{ device: 'fake', rings: [ALICE], ring: [{ users: [BOB], seconds: 30 }, { users: [CAROL] }] }],
    });
    const carol = gw.phone(CAROL);
    const alice = gw.phone(ALICE);
    alice.stack.engine.onIncoming((call) => call.reject(486, 'Busy Here', 'Q.850;cause=17;text="User busy"'));
    gw.line.ring();
    const startedAt = gw.clock.now();
    await gw.until(() => carol.incoming[0]);
    expect(gw.clock.now() - startedAt).toBeLessThan(500);
  });

  it('ends with the most telling reason: busy before absent', async () => {
    const gw = new TestGateway({ line: [{ device: 'fake', rings: [ALICE], ring: [{ users: [BOB] }] }] });
    gw.phone(ALICE).stack.engine.onIncoming((call) => call.reject(486, 'Busy Here'));
    gw.line.ring();
    expect(await gw.over()).toMatchObject({ outcome: 'busy', cause: 17 });
    expect(gw.lastCall()).toMatchObject({ state: 'missed', outcome: 'busy' });
  });

  it('gives a call to voice mail when its time has come, and straight away when nobody can be rung', async () => {
    const taken: string[] = [];
    const voiceMail = {
      serves: (user: string) => user === BOB,
      answerAfterSeconds: 15,
      async take(call: { answer: { kind: string } }, caller: { user: string; line: string }) {
        taken.push(`${caller.user} ${caller.line} ${call.answer.kind}`);
        return { left: true, messageId: '1', seconds: 4.2 } as const;
      },
    };
    const gw = new TestGateway({ line: [{ device: 'fake', rings: [ALICE, BOB] }] }, { voiceMail });
    const startedAt = gw.clock.now();
    gw.line.ring();
    expect(await gw.over()).toMatchObject({
      outcome: 'voice-mail',
      answer: 'real',
      end: `voice mail: message of 4 s for ${BOB}`,
      cause: 16,
    });
    expect(gw.clock.now() - startedAt).toBeLessThan(1000);
    const alice = gw.phone(ALICE);
    gw.line.ring();
    await gw.clock.advance(14_500);
    expect(taken).toEqual([`${BOB} line real`]);
    await gw.clock.advance(1000);
    expect(alice.incoming[0]?.abandoned.aborted).toBe(true);
    expect(taken).toHaveLength(2);
    expect(gw.line.status.state).toBe('idle');
  });

  it('asks screening before any phone rings, and does as it says', async () => {
    const verdicts = ['hang-up', 'ignore', 'challenge', 'challenge'] as const;
    const passes = [false, true];
    const judged: string[] = [];
    const screening = {
      judge(_caller: object, line: string) {
        judged.push(line);
        return { action: verdicts[judged.length - 1] ?? ('ring' as const), why: 'a test' };
      },
      challenge: async () => passes.shift() ?? false,
    };
    const gw = new TestGateway({ line: [{ device: 'fake', rings: [ALICE] }] }, { screening });
    const alice = gw.phone(ALICE);
    gw.line.ring();
    expect(await gw.over()).toMatchObject({ outcome: 'blocked', answer: 'real', end: 'blocked: a test', cause: 21 });
    expect(gw.lastCall()).toMatchObject({ state: 'blocked' });
    const ignored = gw.line.ring();
    await gw.clock.advance(30_000);
    expect(gw.calls.list).toHaveLength(1);
    ignored.stop('caller-gave-up');
    expect(await gw.over()).toMatchObject({ outcome: 'blocked', answer: 'none' });
    gw.line.ring();
    expect(await gw.over()).toMatchObject({ outcome: 'blocked', answer: 'real' });
    expect(alice.incoming).toHaveLength(0);
    const passed = gw.line.ring();
    const atAlice = await gw.until(() => alice.incoming[0]);
    const line = await passed.answered;
    // The caller was answered and hears ringback, which is no silence.
    expect(new Set(line.hear(new Uint8Array(160).fill(0xff))).size).toBeGreaterThan(10);
    await gw.clock.run(atAlice.answer());
    await gw.clock.advance(100);
    expect(new Set(line.hear(new Uint8Array(160).fill(0xff)))).toEqual(new Set([0xff]));
    line.end('loop-drop');
    expect(await gw.over()).toMatchObject({ outcome: 'answered', end: 'line: loop-drop' });
  });
});

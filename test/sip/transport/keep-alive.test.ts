import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { SipStack } from '#sip/sip-stack.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { stack, streamPair } from '../support.ts';

describe('Keep-alives on overlay connections', () => {
  const stacks: SipStack[] = [];
  afterEach(async () => {
    await Promise.all(stacks.splice(0).map((each) => each.stop()));
  });

  it('R7904-5.2-01 R6940-6.5.2.1-02 are sent every 25 s while nothing else is', async () => {
    const clock = new VirtualClock();
    const made = stack({}, { clock });
    stacks.push(made);
    const [near, far] = duplexPair();
    let received = '';
    near.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    made.attachStream({ duplex: far, peerName: 'peer@home.example', peerNode: 'aa' });
    await clock.advance(25_000);
    expect(received).toBe('\r\n\r\n');
    await clock.advance(600_000);
    // One that never answered a ping is left alone: answers are optional.
    expect(received.length / 4).toBe(25);
    expect(far.destroyed).toBe(false);
  });

  it('close a connection whose far end used to answer and stopped', async () => {
    const clock = new VirtualClock();
    const made = stack({}, { clock });
    stacks.push(made);
    const [near, far] = duplexPair();
    let answers = true;
    near.on('data', () => answers && near.write('\r\n'));
    made.attachStream({ duplex: far, peerName: 'peer@home.example', peerNode: 'aa' });
    await clock.advance(120_000);
    expect(far.destroyed).toBe(false);
    answers = false;
    await clock.advance(50_000);
    expect(far.destroyed).toBe(true);
  });

  it('keep two ends of this program connected', async () => {
    const clock = new VirtualClock();
    const [a, b] = [stack({}, { clock }), stack({}, { clock })];
    stacks.push(a, b);
    const [toB, toA] = streamPair({ name: 'a@home.example', node: 'aa' }, { name: 'b@home.example', node: 'bb' });
    a.attachStream(toB);
    b.attachStream(toA);
    await clock.advance(300_000);
    expect([toA.duplex.destroyed, toB.duplex.destroyed]).toEqual([false, false]);
  });
});

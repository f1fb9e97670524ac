import { afterEach, describe, expect, it } from 'vitest';
import type { SipStack } from '#sip/sip-stack.ts';
import { nextCall, stack, streamPair, within } from '../support.ts';

describe('Calls between two user agents', () => {
  const stacks: SipStack[] = [];
  const open = () => {
    const made = stack();
    stacks.push(made);
    return made;
  };
  afterEach(async () => {
    await Promise.all(stacks.splice(0).map((each) => each.stop()));
  });

  for (const [transport, host] of [
    ['udp', '127.0.0.1'],
    ['tcp', '127.0.0.1'],
    ['udp', '::1'],
    ['tcp', '::1'],
  ] as const) {
    it(`sets up, answers and ends a call over ${transport} on ${host}`, async () => {
      const alice = open();
      const bob = open();
      await alice.listen({ transport, host, port: 0 });
      const at = await bob.listen({ transport, host, port: 0 });
      const incoming = nextCall(bob);
      let rang = 0;
      const calling = alice.engine.call(
        {
          target: { transport, ...at },
          requestUri: 'sip:bob@home.example',
          from: 'sip:alice@home.example',
          fromName: 'Älice "A"',
          to: 'sip:bob@home.example',
        },
        () => rang++,
      );
      const call = await within(incoming);
      expect(call).toMatchObject({
        from: 'sip:alice@home.example',
        fromName: 'Älice "A"',
        requestUri: 'sip:bob@home.example',
        peer: undefined,
      });
      call.ring();
      const answered = await within(call.answer());
      const placed = await within(calling);
      expect(rang).toBe(1);
      await placed.hangUp('Q.850;cause=16');
      expect(await within(answered.ended)).toEqual({ by: 'remote', status: undefined, reason: 'Q.850;cause=16' });
      expect(await within(placed.ended)).toMatchObject({ by: 'local' });
    });
  }

  it('carries a call over a connection handed in from outside, and knows the peer by its certificate', async () => {
    const alice = open();
    const bob = open();
    const [toBob, toAlice] = streamPair(
      { name: 'alice@home.example', node: 'aa' },
      { name: 'bob@home.example', node: 'bb' },
    );
    bob.attachStream(toAlice);
    const incoming = nextCall(bob);
    const calling = alice.engine.call({
      target: { transport: 'stream', stream: toBob },
      requestUri: 'sip:bob@home.example',
      from: 'sip:alice@home.example',
      to: 'sip:bob@home.example',
    });
    const call = await within(incoming);
    expect(call.peer).toEqual({ name: 'alice@home.example', node: 'aa' });
    const answered = await within(call.answer());
    const placed = await within(calling);
    await answered.hangUp();
    expect(await within(placed.ended)).toMatchObject({ by: 'remote' });
  });
});

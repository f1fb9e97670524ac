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

  it('is over at both ends when the connection between them breaks', async () => {
    const alice = open();
    const bob = open();
    const [toBob, toAlice] = streamPair({ name: 'a@home.example', node: 'aa' }, { name: 'b@home.example', node: 'bb' });
    bob.attachStream(toAlice);
    const incoming = nextCall(bob);
    const calling = alice.engine.call({
      target: { transport: 'stream', stream: toBob },
      requestUri: 'sip:bob@home.example',
      from: 'sip:alice@home.example',
      to: 'sip:bob@home.example',
    });
    const answered = await within((await within(incoming)).answer());
    const placed = await within(calling);
    for (const end of [toBob, toAlice]) end.duplex.destroy();
    expect(await within(placed.ended)).toMatchObject({ by: 'failure' });
    expect(await within(answered.ended)).toMatchObject({ by: 'failure' });
  });

  it('carries sound and digits both ways', async () => {
    const alice = open();
    const bob = open();
    await alice.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
    const at = await bob.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
    const incoming = nextCall(bob);
    const calling = alice.engine.call({
      target: { transport: 'udp', ...at },
      requestUri: 'sip:bob@home.example',
      from: 'sip:alice@home.example',
      to: 'sip:bob@home.example',
    });
    const answered = await within((await within(incoming)).answer());
    const placed = await within(calling);
    for (const [from, to] of [
      [placed, answered],
      [answered, placed],
    ] as const) {
      const digit = new Promise((resolve) => to.media.onDigit(resolve));
      from.media.sendDigits('7');
      const talking = setInterval(() => from.media.play(new Uint8Array(160).fill(0x55)), 5);
      try {
        expect(await within(digit)).toBe('7');
        await within(
          new Promise<void>((resolve) => {
            const check = () => (to.media.statistics.packetsReceived > 20 ? resolve() : setTimeout(check, 10));
            check();
          }),
        );
      } finally {
        clearInterval(talking);
      }
    }
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import type { RouteQuestion } from '#sip/adapter/call-router.ts';
import { nextCall, streamPair, within } from '../support.ts';
import { type ProxySetup, TestNetwork } from './network.ts';

describe('Calls through the proxy', () => {
  const networks: TestNetwork[] = [];
  const network = (setup: ProxySetup = {}) => {
    const made = new TestNetwork(setup);
    networks.push(made);
    return made.start();
  };
  afterEach(async () => {
    await Promise.all(networks.splice(0).map((each) => each.stop()));
  });

  for (const [transport, host] of [
    ['udp', '127.0.0.1'],
    ['tcp', '127.0.0.1'],
    ['udp', '::1'],
  ] as const) {
    it(`connects two registered phones over ${transport} on ${host} after digest authentication, and either may hang up`, async () => {
      const net = await network({ transport, host });
      const { ua: alice } = await net.phone('alice');
      const { ua: bob } = await net.phone('bob');
      for (const hangsUp of ['caller', 'called'] as const) {
        const incoming = nextCall(bob);
        let rang = 0;
        const calling = alice.engine.call(net.call('alice', 'bob'), () => rang++);
        const ringing = await within(incoming);
        expect(ringing.assertedIdentity).toBe('sip:alice@home.example');
        ringing.ring();
        const answered = await within(ringing.answer());
        const placed = await within(calling);
        expect(rang).toBe(1);
        const [first, second] = hangsUp === 'caller' ? [placed, answered] : [answered, placed];
        await within(first.hangUp());
        expect(await within(second.ended)).toMatchObject({ by: 'remote' });
      }
    });
  }

  it('refuses a call with a wrong password, one under a foreign name, and one without credentials', async () => {
    const net = await network();
    await net.phone('bob');
    const { ua: alice } = await net.phone('alice');
    const wrong = net.call('alice', 'bob', { credentials: { user: 'alice', password: 'wrong' } });
    await expect(alice.engine.call(wrong)).rejects.toMatchObject({ fault: { code: 'rejected', status: 403 } });
    const foreign = net.call('alice', 'bob', { from: 'sip:carol@home.example' });
    await expect(alice.engine.call(foreign)).rejects.toMatchObject({ fault: { code: 'rejected', status: 403 } });
    const { credentials: _, ...none } = net.call('alice', 'bob');
    await expect(alice.engine.call(none)).rejects.toMatchObject({ fault: { code: 'rejected', status: 407 } });
  });

  it('passes a refusal with its status back, and 480 when nobody is registered', async () => {
    const net = await network();
    const { ua: alice } = await net.phone('alice');
    const { ua: bob } = await net.phone('bob');
    bob.engine.onIncoming((call) => call.reject(486, 'Busy Here'));
    await expect(alice.engine.call(net.call('alice', 'bob'))).rejects.toMatchObject({ fault: { status: 486 } });
    await expect(alice.engine.call(net.call('alice', 'carol'))).rejects.toMatchObject({ fault: { status: 480 } });
  });

  it('cancels the called phone when the caller gives up', async () => {
    const net = await network();
    const { ua: alice } = await net.phone('alice');
    const { ua: bob } = await net.phone('bob');
    const incoming = nextCall(bob);
    const giveUp = new AbortController();
    const calling = alice.engine.call(net.call('alice', 'bob', { signal: giveUp.signal }), () => giveUp.abort());
    const outcome = expect(calling).rejects.toMatchObject({ fault: { code: 'aborted' } });
    const ringing = await within(incoming);
    const abandoned = new Promise((resolve) => ringing.abandoned.addEventListener('abort', resolve));
    ringing.ring();
    await within(abandoned);
    await outcome;
  });

  it('forks to all phones of a user, connects the first that answers and cancels the others', async () => {
    const net = await network();
    const { ua: alice } = await net.phone('alice');
    const phones = await Promise.all([net.phone('bob'), net.phone('bob'), net.phone('bob')]);
    const ringing = phones.map(({ ua }) => nextCall(ua));
    const calling = alice.engine.call(net.call('alice', 'bob'));
    const [first, second, third] = await within(Promise.all(ringing));
    for (const call of [first, second, third]) call?.ring();
    first?.reject(486, 'Busy Here');
    const cancelled = new Promise((resolve) => third?.abandoned.addEventListener('abort', resolve));
    const answered = await within(second!.answer());
    const placed = await within(calling);
    await within(cancelled);
    await placed.hangUp();
    await within(answered.ended);
  });

  it('sends the best of several refusals back', async () => {
    const net = await network();
    const { ua: alice } = await net.phone('alice');
    for (const status of [480, 404, 603]) {
      const { ua } = await net.phone('bob');
      ua.engine.onIncoming((call) => call.reject(status, 'No'));
    }
    await expect(alice.engine.call(net.call('alice', 'bob'))).rejects.toMatchObject({ fault: { status: 603 } });
  });

  it('tries the targets of the router in order, the next one after an unreachable and after a 5xx', async () => {
    const opened: string[] = [];
    const gateways = new Map<string, { host: string; port: number }>();
    const target = (name: string) => ({
      requestUri: `sip:+4930@${name}.example`,
      open: async () => {
        opened.push(name);
        const at = gateways.get(name);
        if (at === undefined) throw new Error('no path');
        return { transport: 'udp', ...at } as const;
      },
    });
    const net = await network({
      router: { route: async () => ({ kind: 'targets', targets: ['lost', 'broken', 'good', 'spare'].map(target) }) },
    });
    for (const name of ['broken', 'good', 'spare']) {
      const gateway = net.stack();
      gateways.set(name, await gateway.listen({ transport: 'udp', host: '127.0.0.1', port: 0 }));
      gateway.engine.onIncoming((call) => (name === 'broken' ? call.reject(503, 'Busy') : void call.answer()));
    }
    const { ua: alice } = await net.phone('alice');
    const placed = await within(alice.engine.call(net.call('alice', '+4930')));
    expect(opened).toEqual(['lost', 'broken', 'good']);
    await within(placed.hangUp());
  });

  it('R7904-5.1-13 routes a whole call between two proxies over one overlay connection, in both directions', async () => {
    const questions: RouteQuestion[] = [];
    const far = await network({
      router: {
        route: async (question) => {
          questions.push(question);
          return { kind: 'registered', aor: 'bob@home.example' };
        },
      },
    });
    const [toFar, toNear] = streamPair(
      { name: 'alice@home.example', node: 'aa' },
      { name: 'bob@home.example', node: 'bb' },
    );
    far.proxy.attachStream(toNear);
    const near = await network({
      router: {
        route: async ({ requestUri }) => ({
          kind: 'targets',
          targets: [{ requestUri, open: async () => ({ transport: 'stream', stream: toFar }) }],
        }),
      },
    });
    const { ua: alice } = await near.phone('alice');
    const { ua: bob } = await far.phone('bob');
    for (const hangsUp of ['caller', 'called'] as const) {
      const incoming = nextCall(bob);
      const calling = alice.engine.call(near.call('alice', 'bob'));
      const ringing = await within(incoming);
      expect(ringing.assertedIdentity).toBe('sip:alice@home.example');
      const answered = await within(ringing.answer());
      const placed = await within(calling);
      const [first, second] = hangsUp === 'caller' ? [placed, answered] : [answered, placed];
      await within(first.hangUp());
      expect(await within(second.ended)).toMatchObject({ by: 'remote' });
    }
    expect(questions[0]).toMatchObject({ caller: 'alice@home.example', fromOverlay: true, method: 'INVITE' });
  });

  it('hands a call to the engine of its own process when the router says so, with the phone that placed it', async () => {
    const net = await network({ router: { route: async () => ({ kind: 'local' }) } });
    const { ua: alice } = await net.phone('alice');
    const incoming = nextCall(net.proxy);
    const calling = alice.engine.call(net.call('alice', '+4930123'));
    const call = await within(incoming);
    expect(call).toMatchObject({ assertedIdentity: 'sip:alice@home.example', requestUri: 'sip:+4930123@home.example' });
    const answered = await within(call.answer());
    const placed = await within(calling);
    await placed.hangUp();
    await within(answered.ended);
  });

  it('lets its own engine call a registered phone through the proxy', async () => {
    const net = await network({ options: { trusts: ({ name }) => name === 'gw1@pstn.home.example' } });
    const { ua: bob } = await net.phone('bob');
    const incoming = nextCall(bob);
    const calling = net.proxy.engine.call({
      target: net.proxy.ownProxy('gw1@pstn.home.example', 'cc'),
      requestUri: 'sip:bob@home.example',
      from: 'sip:+4930123@pstn.home.example',
      to: 'sip:bob@home.example',
      assertedIdentity: 'sip:+4930123@pstn.home.example',
    });
    const call = await within(incoming);
    expect(call.assertedIdentity).toBe('sip:+4930123@pstn.home.example');
    const answered = await within(call.answer());
    const placed = await within(calling);
    await answered.hangUp();
    expect(await within(placed.ended)).toMatchObject({ by: 'remote' });
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import type { CallRouter } from '#sip/adapter/call-router.ts';
import type { IncomingCall } from '#sip/ua/call-engine.ts';
import { TestNetwork } from '../../sip/adapter/network.ts';
import { nextCall, within } from '../../sip/support.ts';

const AFTER_MS = 400;
let net: TestNetwork | undefined;
afterEach(() => net?.stop());

/** Alice calls bob, whose calls the proxy's own engine takes when no phone does. */
async function setup(elseLocalAfterMs: number | undefined = AFTER_MS) {
  const router: CallRouter = { route: async () => ({ kind: 'registered', aor: 'bob@home.example', elseLocalAfterMs }) };
  net = await new TestNetwork({ router }).start();
  const { ua: alice } = await net.phone('alice');
  const { ua: bob } = await net.phone('bob');
  const taken: IncomingCall[] = [];
  net.proxy.engine.onIncoming((call) => {
    taken.push(call);
    void call.answer();
  });
  const calling = (signal?: AbortSignal) =>
    alice.engine.call(net?.call('alice', 'bob', signal === undefined ? {} : { signal }) ?? never());
  return { bob, taken, calling };
}

function never(): never {
  throw new Error('no network');
}

describe('a call of a member to a user with a mailbox here', () => {
  it('is taken when the phone rings for too long, and the phone stops ringing', async () => {
    const { bob, taken, calling } = await setup();
    const ringing = nextCall(bob).then((call) => {
      call.ring();
      return new Promise((resolve) => call.abandoned.addEventListener('abort', resolve));
    });
    const started = performance.now();
    const call = await within(calling());
    expect(performance.now() - started).toBeGreaterThan(AFTER_MS - 20);
    await within(ringing);
    expect(taken.map(({ requestUri, assertedIdentity }) => [requestUri, assertedIdentity])).toEqual([
      ['sip:bob@home.example', 'sip:alice@home.example'],
    ]);
    await call.hangUp();
  });

  for (const [status, phrase] of [
    [486, 'Busy Here'],
    [603, 'Decline'],
  ] as const) {
    it(`is taken at once when the phone says ${phrase}`, async () => {
      const { bob, taken, calling } = await setup(60_000);
      bob.engine.onIncoming((call) => call.reject(status, phrase));
      const call = await within(calling());
      expect(taken).toHaveLength(1);
      await call.hangUp();
    });
  }

  it('is the phone’s when it answers in time', async () => {
    const { bob, taken, calling } = await setup();
    bob.engine.onIncoming((call) => void call.answer());
    const call = await within(calling());
    await new Promise((resolve) => setTimeout(resolve, AFTER_MS + 200));
    expect(taken).toEqual([]);
    await call.hangUp();
  });

  it('is nobody’s when the caller gives up', async () => {
    const { bob, taken, calling } = await setup();
    const giveUp = new AbortController();
    bob.engine.onIncoming((call) => {
      call.ring();
      setTimeout(() => giveUp.abort(), 50);
    });
    await expect(within(calling(giveUp.signal))).rejects.toMatchObject({ fault: { code: 'aborted' } });
    await new Promise((resolve) => setTimeout(resolve, AFTER_MS + 200));
    expect(taken).toEqual([]);
  });
});

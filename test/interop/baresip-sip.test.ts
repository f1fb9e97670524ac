import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type BaresipEvent, BaresipProcess, baresipInstalled } from '#demo/baresip-process.ts';
import { PASSWORD, TestNetwork } from '../sip/adapter/network.ts';

const present = baresipInstalled();
if (!present) {
  if (process.env.CI === 'true')
    throw new Error('baresip is not installed; CI needs it (apt-get install baresip-core)');
  console.warn('SKIPPED: baresip is not installed (apt-get install baresip-core)');
}

const WAIT = { timeoutMs: 20_000 };

/** baresip as a test drives it: in a folder that goes away with it. */
async function startPhone(
  net: TestNetwork,
  user: string,
  options: { password?: string; transport?: 'udp' | 'tcp' } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'copperring-baresip-'));
  const account = {
    user,
    domain: 'home.example',
    password: options.password ?? PASSWORD,
    proxy: `${net.at.host}:${net.at.port}`,
    transport: options.transport ?? 'udp',
  };
  const phone = await BaresipProcess.start(folder, account, 440);
  return {
    events: phone.events,
    command: (name: string, params?: string) => phone.command(name, params),
    event: (type: string): Promise<BaresipEvent> => phone.event(type, WAIT),
    said: (text: string) => phone.said(text, WAIT.timeoutMs),
    async stop() {
      await phone.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe.skipIf(!present)('Unmodified baresip phones behind the proxy', () => {
  const running: { stop(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const each of running.splice(0).reverse()) await each.stop();
  });

  for (const transport of ['udp', 'tcp'] as const) {
    it(`R7890-2.2-04 register with digest authentication and call each other over ${transport}`, async () => {
      const net = await new TestNetwork({ transport }).start();
      running.push(net);
      const phone = async (user: string) => {
        const made = await startPhone(net, user, { transport });
        running.push(made);
        await made.said('200 OK');
        return made;
      };
      const alice = await phone('alice');
      const bob = await phone('bob');
      expect(net.proxy.registeredAors.toSorted()).toEqual(['alice@home.example', 'bob@home.example']);

      alice.command('dial', 'sip:bob@home.example');
      const incoming = await bob.event('CALL_INCOMING');
      expect(incoming.peeruri).toContain('alice@home.example');
      await alice.event('CALL_RINGING');
      bob.command('accept');
      await alice.event('CALL_ESTABLISHED');
      await bob.event('CALL_ESTABLISHED');
      alice.command('hangup');
      await bob.event('CALL_CLOSED');
    });
  }

  it('show a caller that gave up before the answer, and one that is refused', async () => {
    const net = await new TestNetwork().start();
    running.push(net);
    const alice = await startPhone(net, 'alice');
    running.push(alice);
    await alice.said('200 OK');
    const { ua: bob } = await net.phone('bob');
    const abandoned = new Promise<void>((resolve) => {
      bob.engine.onIncoming((call) => {
        call.abandoned.addEventListener('abort', () => resolve());
        call.ring();
      });
    });
    alice.command('dial', 'sip:bob@home.example');
    await alice.event('CALL_RINGING');
    alice.command('hangup');
    await abandoned;
    await alice.event('CALL_CLOSED');
    bob.engine.onIncoming((call) => call.reject(486, 'Busy Here'));
    alice.events.length = 0;
    alice.command('dial', 'sip:bob@home.example');
    expect((await alice.event('CALL_CLOSED')).param).toContain('486');
  });

  it('are refused with a wrong password', async () => {
    const net = await new TestNetwork().start();
    running.push(net);
    const mallory = await startPhone(net, 'alice', { password: 'wrong' });
    running.push(mallory);
    await mallory.said('403 Forbidden');
    expect(net.proxy.registeredAors).toEqual([]);
  });
});

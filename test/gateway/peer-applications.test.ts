import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PeerStreams } from '#gateway/peer-streams.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { createReloadNode } from '#reload/node/create-node.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import type { SipStream } from '#sip/ua/call-engine.ts';
import { memoryStore } from '#store/memory-store.ts';
import { createTestOverlay, type TestOverlay } from '../support/overlay.ts';

async function start(overlay: TestOverlay, user: string, first?: ReloadNode): Promise<ReloadNode> {
  const deps = { identity: await overlay.identity(user), configuration: overlay.source, store: memoryStore() };
  const bootstrapNodes = (first?.listening ?? []).flatMap((at) => (at.type === 'unknown' ? [] : [at]));
  const node = createReloadNode(
    { ...deps, clock: systemClock, random: systemRandom, log: silentLogger },
    {
      mode: 'peer',
      listen: { host: '127.0.0.1', port: 0 },
      bootstrapNodes,
      foundRing: first === undefined,
      tls: { bindAddresses: ['127.0.0.1'], advertise: ['127.0.0.1'] },
    },
  );
  onTestFinished(() => node.stop());
  await node.start();
  return node;
}

describe('SIP over AppAttach', () => {
  it.each([5060, 5061])('takes connections for application %i, each side sure of the other', async (application) => {
    const overlay = await createTestOverlay({ clock: systemClock, configuration: { noIce: true } });
    const server = await start(overlay, 'server');
    const caller = await start(overlay, 'caller', server);
    const arrived = new Promise<SipStream>((attach) => {
      const streams = new PeerStreams({ log: silentLogger, attach });
      onTestFinished(() => streams.close());
      streams.serve(server);
    });
    const made = await caller.appAttach([nodeDestination(server.nodeId)], application, AbortSignal.timeout(10_000));
    const taken = await arrived;
    expect([made.peer.userName, made.nodeId]).toEqual(['server@home.example', server.nodeId]);
    expect([taken.peerName, taken.peerNode]).toEqual(['caller@home.example', caller.nodeId]);
    made.stream.write('OPTIONS sip:server@home.example SIP/2.0\r\n');
    expect(String((await once(taken.duplex, 'data'))[0])).toBe('OPTIONS sip:server@home.example SIP/2.0\r\n');
    made.stream.destroy();
  });

  it('R7904-5.1-02 is answered Error_Not_Found for any other application', async () => {
    const overlay = await createTestOverlay({ clock: systemClock, configuration: { noIce: true } });
    const server = await start(overlay, 'server');
    const caller = await start(overlay, 'caller', server);
    const streams = new PeerStreams({ log: silentLogger, attach: () => expect.unreachable() });
    onTestFinished(() => streams.close());
    streams.serve(server);
    const refused = caller.appAttach([nodeDestination(server.nodeId)], 5062, AbortSignal.timeout(10_000));
    await expect(refused).rejects.toMatchObject({ fault: { errorCode: 3 } });
  });
});

import { describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import { RedirRegistration } from '#reload/usages/redir/redir-service.ts';
import { VOICE_MAIL_NAMESPACE, VoiceMailDirectory } from '#reload/usages/voice-mail/voice-mail-directory.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { type SimulatedNode, SimulatedOverlay } from '../../simulation/simulated-overlay.ts';

function depsOf(overlay: SimulatedOverlay, { node, host }: SimulatedNode) {
  return { records: node.records, configuration: overlay.overlay.source, clock: host.clock, log: silentLogger };
}

/** A ring with a provider that the operator vouches for and one that nobody does. */
async function ring() {
  const overlay = await SimulatedOverlay.create({ seed: 'voice-mail' });
  await overlay.grow(4);
  await overlay.clock.runUntil(() => overlay.isRing());
  const add = async (name: string, user: string) => {
    const node = await overlay.add(name, { identity: await overlay.overlay.identity(user) });
    const registration = new RedirRegistration(depsOf(overlay, node), { namespace: VOICE_MAIL_NAMESPACE });
    await overlay.clock.run(registration.start());
    return { node, registration };
  };
  return { overlay, trusted: await add('vm', 'vm@pstn.home.example'), other: await add('eve', 'eve@home.example') };
}

function found(overlay: SimulatedOverlay, by: SimulatedNode) {
  const directory = new VoiceMailDirectory({ ...depsOf(overlay, by), random: new SeededRandom('directory') });
  const collect = async () => {
    const names: string[] = [];
    for await (const { userName, trusted } of directory.find(new AbortController().signal)) {
      names.push(`${userName}${trusted ? ' trusted' : ''}`);
    }
    return names.sort();
  };
  return overlay.clock.run(collect());
}

describe('voice mail as a service of the overlay', () => {
  it('R7374-10.4-01 is the registered name', () => {
    expect(VOICE_MAIL_NAMESPACE).toBe('voice-mail');
  });

  it('every peer finds both nodes, and knows which one the operator vouches for', async () => {
    const { overlay, trusted, other } = await ring();
    for (const peer of overlay.living) {
      if (peer === trusted.node || peer === other.node) continue;
      expect(await found(overlay, peer)).toEqual(['eve@home.example', 'vm@pstn.home.example trusted']);
    }
    expect(await found(overlay, trusted.node)).toEqual(['eve@home.example']);
  });

  it('R7374-4.4-03 R7374-4.6-01 stays known beyond the lifetime of its records, and is withdrawn when it stops', async () => {
    const { overlay, trusted } = await ring();
    const asker = overlay.living[0];
    if (asker === undefined) throw new Error('nobody is left');
    await overlay.clock.advance(1_300_000);
    expect(await found(overlay, asker)).toHaveLength(2);
    await overlay.clock.run(trusted.registration.stop());
    expect(await found(overlay, asker)).toEqual(['eve@home.example']);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LineEmulator } from '#pstn/emulator/client.ts';
import { TestOverlay } from './overlay.ts';
import type { TestPhone } from './phone.ts';

const OVERLAY = 'pair.example';
const ALICE = `alice@${OVERLAY}`;
const GATEWAYS = ['gw1', 'gw2'] as const;

describe('two gateways for the same numbers', () => {
  const overlay = new TestOverlay(OVERLAY);
  const lines: LineEmulator[] = [];
  let alice: TestPhone;

  beforeAll(async () => {
    await overlay.create([
      ALICE,
      `p1@${OVERLAY}`,
      `gw3@pstn.${OVERLAY}`,
      ...GATEWAYS.map((name) => `${name}@pstn.${OVERLAY}`),
    ]);
    for (const name of GATEWAYS) {
      const line = await overlay.emulator(`${name}-modem`);
      lines.push(line);
      await line.send({ command: 'plan', number: '030123456', answerAfterMs: 0, sendHz: 1000 });
      await overlay.run(name, `${name}@pstn.${OVERLAY}`, {
        roles: ['peer', 'gateway'],
        line: { device: line.path, country: 'DE', serves: ['+49'] },
        dial_plan: { allow: [{ callers: [ALICE], prefixes: ['+49'] }] },
      });
    }
    alice = await overlay.phone('p1', `p1@${OVERLAY}`, ALICE);
  }, 60_000);

  afterAll(() => overlay.stop(), 60_000);

  it('carries a second call over the other line, and refuses a third while both are busy', async () => {
    const [first, second] = [await alice.call('+4930123456'), await alice.call('+4930123456')];
    expect(lines.map((line) => line.events.filter(({ event }) => event === 'answered').length)).toEqual([1, 1]);
    // Both answer 503, which a proxy passes on as 500 (RFC 3261 §16.7 step 6).
    await expect(alice.call('+4930123456')).rejects.toMatchObject({ fault: { status: 500 } });
    await first.hangUp();
    await second.hangUp();
  });

  it('stays in the overlay, unpublished, when its modem was never there', async () => {
    const { application } = await overlay.run('gw3', `gw3@pstn.${OVERLAY}`, {
      roles: ['peer', 'gateway'],
      line: { device: '/dev/copperring-absent', country: 'DE', serves: ['+49'] },
    });
    expect(application.status()).toMatchObject({
      lines: [{ state: 'absent', published: false }],
      node: { joined: true },
    });
  });
});

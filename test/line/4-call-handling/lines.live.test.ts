import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestOverlay } from '../../gateway/overlay.ts';
import type { TestPhone } from '../../gateway/phone.ts';

const OVERLAY = 'lines.example';
const GATEWAY = `gw1@pstn.${OVERLAY}`;
const ALICE = `alice@${OVERLAY}`;

describe('a gateway with two emulated lines, in real processes', () => {
  const overlay = new TestOverlay(OVERLAY);
  let phone: TestPhone;

  beforeAll(async () => {
    await overlay.create([GATEWAY, ALICE, `p1@${OVERLAY}`, `c@${OVERLAY}`]);
    await overlay.run('gateway', GATEWAY, {
      roles: ['peer', 'gateway'],
      line: [
        { name: 'first', emulated: true, country: 'DE', serves: ['+49'] },
        { name: 'second', emulated: true, country: 'DE', serves: ['+49'] },
      ],
      dial_plan: { allow: [{ callers: [ALICE], prefixes: ['+49'] }] },
    });
    phone = await overlay.phone('p1', `p1@${OVERLAY}`, ALICE);
    await overlay.run('client', `c@${OVERLAY}`, { roles: ['client'] });
  });
  afterAll(() => overlay.stop());

  const running = (role: string) =>
    overlay.running.find(({ application }) => application.status().roles.includes(role));
  const capacity = async () => {
    const found = await running('client')?.application.member?.discover('+4930123456', AbortSignal.timeout(10_000));
    return found?.capacity;
  };

  it('carries a call over each, tells the overlay how many are free, and keeps which call went where', async () => {
    const gateway = running('gateway')!;
    expect(gateway.application.status().lines).toMatchObject([
      { name: 'first', state: 'idle', emulated: true, published: true },
      { name: 'second', state: 'idle', emulated: true, published: true },
    ]);
    expect(await capacity()).toBe(2);
    const one = await phone.call('+4930123456');
    await expect.poll(capacity, { timeout: 15_000 }).toBe(1);
    const two = await phone.call('+4930123457');
    await expect.poll(capacity, { timeout: 15_000 }).toBe(0);
    expect(
      gateway.application
        .status()
        .calls.map(({ line }) => line)
        .sort(),
    ).toEqual(['first', 'second']);
    // The proxy knows no further gateway, and makes 500 of the 503 (RFC 3261 §16.7).
    await expect(phone.call('+4930123458')).rejects.toMatchObject({ fault: { status: 500 } });
    const since = gateway.events.all.length;
    await Promise.all([one.hangUp(), two.hangUp()]);
    for (const line of ['first', 'second']) {
      await gateway.events.until(
        (event) => event.event === 'line' && event.line === line && event.state === 'idle',
        since,
      );
    }
    await expect.poll(capacity, { timeout: 15_000 }).toBe(2);
    const calls = (await gateway.application.member?.findCalls({ count: 10, outcomes: ['answered'] }))?.calls ?? [];
    expect(calls.map(({ line }) => line).sort()).toEqual(['first', 'second']);
  });
});

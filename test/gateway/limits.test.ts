import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '#config/load.ts';
import type { ConfigInput } from '#config/schema.ts';
import { Application } from '#gateway/application.ts';
import { embeddedDefaults } from '#gateway/defaults.ts';
import { ownOverlay } from '#gateway/own-overlay.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { Events } from './events.ts';
import { TestPhone } from './phone.ts';

const deps = { clock: systemClock, random: systemRandom, log: silentLogger, program: resolve('dist/copperring.mjs') };
const allow = [{ callers: ['alice@home.example'], prefixes: ['+1'] }];

/** Runs a gateway under this dial plan, with alice's phone registered at it. */
async function withGateway(
  dialPlan: ConfigInput['dial_plan'],
  use: (phone: TestPhone, events: Events) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'copperring-limits-'));
  const own = await ownOverlay(deps, directory);
  const input = { ...embeddedDefaults(own), sip: { listen: '127.0.0.1:0' }, dial_plan: dialPlan };
  const application = new Application(deps, {
    config: await loadConfig(undefined, {}, input),
    stateDirectory: directory,
  });
  const events = new Events();
  application.events.on(events.listen);
  await application.start();
  const phone = new TestPhone({ ...own.phone, proxy: application.status().sip ?? '' });
  try {
    await phone.register();
    await use(phone, events);
  } finally {
    await phone.stop();
    await application.stop();
    await rm(directory, { recursive: true });
  }
}

describe('what the dial plan keeps off the line', () => {
  it('is everything for everyone while the configuration has no rule', () =>
    withGateway({}, async (phone, events) => {
      await expect(phone.call('2025550123')).rejects.toMatchObject({ fault: { status: 403 } });
      const states = events.all.flatMap((event) => (event.event === 'line' ? [event.state] : []));
      expect(states).not.toContain('dialling');
    }));

  it('is the call after the last one that the hour allows', () =>
    withGateway({ allow, calls_per_hour: 1 }, async (phone, events) => {
      const since = events.all.length;
      const call = await phone.call('2025550123');
      await call.hangUp();
      await events.until((event) => event.event === 'line' && event.state === 'idle', since);
      await expect(phone.call('2025550123')).rejects.toMatchObject({
        fault: { code: 'rejected' },
        message: expect.stringContaining('Call Limit Reached'),
      });
    }));
});

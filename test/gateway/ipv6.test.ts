import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '#config/load.ts';
import { Application } from '#gateway/application.ts';
import { embeddedDefaults } from '#gateway/defaults.ts';
import { ownOverlay } from '#gateway/own-overlay.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { Events, heardHz, talk } from './events.ts';
import { TestPhone } from './phone.ts';

const deps = { clock: systemClock, random: systemRandom, log: silentLogger, program: resolve('dist/copperring.mjs') };

describe('the application over IPv6', () => {
  it('registers a phone, publishes it and carries a call with sound, all at ::1', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'copperring-ipv6-'));
    const own = await ownOverlay(deps, directory);
    const defaults = embeddedDefaults(own);
    const config = await loadConfig(
      undefined,
      {},
      {
        ...defaults,
        overlay: { ...defaults.overlay, listen: '[::1]:0' },
        sip: { listen: '[::1]:0' },
      },
    );
    const application = new Application(deps, { config, stateDirectory: directory });
    const events = new Events();
    application.events.on(events.listen);
    await application.start();
    const { sip, bootstrap } = application.status();
    expect([sip, bootstrap]).toEqual([expect.stringMatching(/^\[::1\]:\d+$/), expect.stringMatching(/^\[::1\]:\d+$/)]);
    const phone = new TestPhone({ ...own.phone, proxy: sip ?? '' });
    try {
      await phone.register();
      await events.until((event) => event.event === 'registration' && event.state === 'published');
      const call = await phone.call('1170');
      expect(call.media.localDescription).toContain('c=IN IP6 ::1');
      expect(heardHz(await talk(call, 880, 900))).toBeCloseTo(659, -1);
      await call.hangUp();
    } finally {
      await phone.stop();
      await application.stop();
      await rm(directory, { recursive: true });
    }
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

describe('the application on its own defaults', () => {
  let directory: string;
  let application: Application;
  let events: Events;
  let phone: TestPhone;

  async function start() {
    const own = await ownOverlay(deps, directory);
    const config = await loadConfig(undefined, {}, { ...embeddedDefaults(own), sip: { listen: '127.0.0.1:0' } });
    application = new Application(deps, { config, stateDirectory: directory });
    events = new Events();
    application.events.on(events.listen);
    await application.start();
    const ready = await events.until(({ event }) => event === 'ready');
    const proxy = 'sip' in ready ? (ready.sip ?? '') : '';
    phone = new TestPhone({ ...own.phone, proxy });
    await phone.register();
    await events.until((event) => event.event === 'registration' && event.state === 'published');
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'copperring-app-'));
    await start();
  });
  afterAll(async () => {
    await phone.stop();
    await application.stop();
    await rm(directory, { recursive: true });
  });

  it('publishes gateway and phone, and says so in its status', () => {
    const status = application.status();
    expect(status.node).toMatchObject({ joined: true, overlay: 'home.example', userName: 'gw1@pstn.home.example' });
    expect(status.lines).toMatchObject([{ name: 'emulated-line', state: 'idle', emulated: true, published: true }]);
    expect(status.phones).toEqual([{ user: 'alice@home.example', registered: true, published: true }]);
    expect(status.mqtt).toBeUndefined();
  });

  it('carries a call from the phone to the line, with sound both ways and digits, until the phone hangs up', async () => {
    const since = events.all.length;
    const call = await phone.call('1170');
    const sink = await talk(call, 880, 900);
    expect(heardHz(sink)).toBeCloseTo(659, -1);
    call.media.sendDigits('42#');
    await talk(call, 880, 800);
    await call.hangUp();
    await events.until((event) => event.event === 'call' && event.state === 'ended', since);
    const digits = events.all.slice(since).flatMap((event) => (event.event === 'digit' ? [event.digit] : []));
    expect(digits.join('')).toBe('42#');
    expect((await application.member?.findCalls({ count: 1 }))?.calls).toMatchObject([
      { direction: 'to-line', caller: 'alice@home.example', callee: '1170', end: 'phone: hung up' },
    ]);
  });

  it('rings the phone with the caller ID when the line rings, and joins both', async () => {
    const since = events.all.length;
    // The number called before rings back.
    const incoming = await phone.nextCall();
    expect(incoming.assertedIdentity).toContain('5551170');
    expect(incoming.fromName).toBe('CALLBACK TEST');
    incoming.ring();
    const call = await incoming.answer();
    const sink = await talk(call, 770, 900);
    expect(heardHz(sink)).toBeDefined();
    await call.hangUp();
    await events.until(
      (event) => event.event === 'call' && event.direction === 'from-line' && event.state === 'ended',
      since,
    );
  });

  it('tells busy, denied and unusable numbers apart', async () => {
    await expect(phone.call('5550000')).rejects.toMatchObject({ fault: { status: 486 } });
    await expect(phone.call('+4930123456')).rejects.toMatchObject({ fault: { status: 403 } });
    await expect(phone.call('911')).rejects.toMatchObject({ fault: { status: 403 } });
    await expect(phone.call('12')).rejects.toMatchObject({ fault: { status: 484 } });
    await expect(phone.call('sip:bob@home.example')).rejects.toMatchObject({ fault: { status: 480 } });
  });

  it('hangs up, withdraws its records and leaves when it is stopped, and keeps its identity over a restart', async () => {
    const before = application.status().node?.nodeId;
    const call = await phone.call('1170');
    const stopping = application.stop();
    expect((await call.ended).by).toBe('remote');
    await stopping;
    // Its registrar is gone: unregistering would take half a minute to fail.
    await phone.stack.stop();
    expect(events.all.at(-1)).toEqual({ event: 'stopped' });
    expect(events.all.some(({ event }) => event === 'withdrawn')).toBe(true);
    await start();
    expect(application.status().node?.nodeId).toBe(before);
  });
});

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '#config/load.ts';
import { Application } from '#gateway/application.ts';
import { embeddedDefaults } from '#gateway/defaults.ts';
import { ownOverlay } from '#gateway/own-overlay.ts';
import { MqttReporter } from '#mqtt/reporter.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import { Broker, mosquittoMissing, Watcher } from '../support/mosquitto.ts';

let broker: Broker;
let directory: string;

function reporter(hangUp = () => {}, commands = false, told: string[] = []): MqttReporter {
  const onCommand = ({ command }: { readonly command: string }) => {
    told.push(command);
    if (command === 'hangup') hangUp();
  };
  return new MqttReporter(
    { logger: silentLogger, onCommand },
    {
      url: broker.url,
      username: undefined,
      password: undefined,
      prefix: 'copperring',
      id: 'gw1',
      discovery: true,
      discoveryPrefix: 'homeassistant',
      commands,
    },
  );
}

describe.skipIf(mosquittoMissing)('MQTT with a real mosquitto', () => {
  const open: { stop(): Promise<void> }[] = [];
  const watchers: Watcher[] = [];
  const watch = async () => {
    const watcher = await new Watcher(broker.url).ready();
    watchers.push(watcher);
    return watcher;
  };
  const make = async (...args: Parameters<typeof reporter>) => {
    const made = reporter(...args);
    open.push(made);
    await made.start();
    return made;
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'copperring-mqtt-'));
    broker = await Broker.start();
  });
  afterEach(async () => {
    for (const each of open.splice(0)) await each.stop();
    for (const { client } of watchers.splice(0)) await client.endAsync(true);
  });
  afterAll(async () => {
    await broker.remove();
    await rm(directory, { recursive: true });
  });

  it('reports availability, the line, calls and events, states retained and events not', async () => {
    const watcher = await watch();
    const mqtt = await make();
    mqtt.line({ state: 'idle', present: true, emulated: false, reason: null });
    await watcher.until('copperring/gw1/availability', (payload) => payload === 'online');
    mqtt.call({
      state: 'ringing',
      direction: 'from-line',
      caller: '+4930123456',
      caller_name: 'Ada',
      callee: null,
      last_end: null,
      last_cause: null,
      answer: null,
    });
    mqtt.event({ event_type: 'ring', caller: '+4930123456' });
    expect(JSON.parse(await watcher.until('copperring/gw1/line', () => true))).toMatchObject({
      state: 'idle',
      present: true,
    });
    expect(JSON.parse(await watcher.until('copperring/gw1/event', () => true))).toEqual({
      event_type: 'ring',
      caller: '+4930123456',
    });
    const later = await watch();
    expect(JSON.parse(await later.until('copperring/gw1/call', () => true))).toMatchObject({
      state: 'ringing',
      caller_name: 'Ada',
    });
    const description = JSON.parse(await later.until('homeassistant/device/copperring_gw1/config', () => true));
    expect(description.components.events.state_topic).toBe('copperring/gw1/event');
    expect(later.seen.map(({ topic }) => topic)).not.toContain('copperring/gw1/event');
  });

  it('says offline when it stops', async () => {
    const watcher = await watch();
    const mqtt = await make();
    await watcher.until('copperring/gw1/availability', (payload) => payload === 'online');
    await mqtt.stop();
    await watcher.until('copperring/gw1/availability', (payload) => payload === 'offline');
  });

  it('says offline in the name of a gateway process that was killed', async () => {
    const watcher = await watch();
    const state = join(directory, 'killed');
    await mkdir(state);
    const environment = {
      PATH: process.env.PATH,
      COPPERRING_STATE: state,
      COPPERRING_SIP__LISTEN: '127.0.0.1:0',
      COPPERRING_MQTT__URL: broker.url,
      COPPERRING_MQTT__ID: 'killed',
    };
    const gateway = spawn(process.execPath, [resolve('dist/copperring.mjs'), 'run'], {
      env: environment,
      stdio: 'ignore',
    });
    const availability = (wanted: string) => watcher.until('copperring/killed/availability', (said) => said === wanted);
    await availability('online');
    gateway.kill('SIGKILL');
    await availability('offline');
  });

  it('reconnects to a broker that was away and tells its states anew', async () => {
    const mqtt = await make();
    mqtt.line({ state: 'absent', present: false, emulated: false, reason: 'unplugged' });
    await broker.stop();
    mqtt.line({ state: 'idle', present: true, emulated: false, reason: null });
    await broker.start();
    const watcher = await watch();
    expect(JSON.parse(await watcher.until('copperring/gw1/line', () => true))).toMatchObject({
      state: 'idle',
      present: true,
    });
  });

  it('takes the hang-up command only when commands are on', async () => {
    const watcher = await watch();
    let hangUps = 0;
    const deaf = await make(() => {
      hangUps += 100;
    });
    await watcher.until('copperring/gw1/availability', (payload) => payload === 'online');
    await watcher.client.publishAsync('copperring/gw1/command', 'hangup');
    await deaf.stop();
    const heard = new Promise<void>((resolve) => {
      open.push(
        (() => {
          const mqtt = reporter(() => {
            hangUps++;
            resolve();
          }, true);
          void mqtt.start();
          return mqtt;
        })(),
      );
    });
    const again = setInterval(() => watcher.client.publish('copperring/gw1/command', 'hangup'), 100);
    await heard;
    clearInterval(again);
    expect(hangUps % 100).toBeGreaterThan(0);
    expect(hangUps).toBeLessThan(100);
  });

  it('takes no retained command, which the broker gives at every connection', async () => {
    const watcher = await watch();
    await watcher.client.publishAsync('copperring/gw1/command', 'block-last', { retain: true });
    const told: string[] = [];
    await new Promise<void>((heard) => {
      void make(heard, true, told);
      const again = setInterval(() => watcher.client.publish('copperring/gw1/command', 'hangup'), 100);
      open.push({ stop: async () => clearInterval(again) });
    });
    expect(told).not.toContain('block-last');
    await watcher.client.publishAsync('copperring/gw1/command', '', { retain: true });
  });

  it('tells what a running gateway sees: its line, a caller, a missed call, a modem that is pulled and put back', async () => {
    const program = resolve('dist/copperring.mjs');
    const deps = { clock: systemClock, random: systemRandom, log: silentLogger, program };
    const state = join(directory, 'gateway');
    const device = join(directory, 'modem');
    await mkdir(state);
    const emulator = await LineEmulator.start(deps, { program, link: device });
    const defaults = embeddedDefaults(await ownOverlay(deps, state));
    const config = await loadConfig(
      undefined,
      {},
      {
        ...defaults,
        line: { device, rings: ['alice@home.example'] },
        sip: { listen: '127.0.0.1:0' },
        mqtt: { url: broker.url, id: 'live' },
      },
    );
    const application = new Application(deps, { config, stateDirectory: state });
    const watcher = await watch();
    await application.start();
    const topic = (name: string) => `copperring/live/${name}`;
    await watcher.until(topic('line'), (payload) => JSON.parse(payload).state === 'idle');
    await watcher.until(topic('overlay'), (payload) => JSON.parse(payload).published === true);

    await emulator.send({ command: 'ring', callerId: { number: '2025550199', name: 'ADA' }, ringForMs: 3000 });
    const rings = (payload: string) => JSON.parse(payload).event_type === 'ring';
    expect(JSON.parse(await watcher.until(topic('event'), rings))).toMatchObject({
      caller: '+12025550199',
      caller_name: 'ADA',
    });
    await watcher.until(topic('event'), (payload) => JSON.parse(payload).event_type === 'missed');
    await watcher.until(topic('line'), (payload) => JSON.parse(payload).state === 'ringing');

    await emulator.send({ command: 'unplug' });
    const gone = await watcher.until(
      topic('line'),
      (payload) => JSON.parse(payload).present === false && JSON.parse(payload).state === 'absent',
    );
    expect(JSON.parse(gone).reason).toBeTruthy();
    await watcher.until(topic('overlay'), (payload) => JSON.parse(payload).joined && !JSON.parse(payload).published);
    watcher.seen.length = 0;
    await emulator.send({ command: 'replug' });
    await watcher.until(topic('overlay'), (payload) => JSON.parse(payload).published === true);

    await application.stop();
    await watcher.until(topic('availability'), (payload) => payload === 'offline');
    await emulator.stop();
  });

  it('says that a modem is missing from the start while the gateway is in the overlay, and that it is there once it came', async () => {
    const program = resolve('dist/copperring.mjs');
    const deps = { clock: systemClock, random: systemRandom, log: silentLogger, program };
    const state = join(directory, 'missing');
    const device = join(directory, 'late-modem');
    await mkdir(state);
    const defaults = embeddedDefaults(await ownOverlay(deps, state));
    const config = await loadConfig(
      undefined,
      {},
      {
        ...defaults,
        line: { device, rings: ['alice@home.example'] },
        sip: { listen: '127.0.0.1:0' },
        mqtt: { url: broker.url, id: 'late' },
      },
    );
    const application = new Application(deps, { config, stateDirectory: state });
    const watcher = await watch();
    await application.start();
    const topic = (name: string) => `copperring/late/${name}`;
    const says = (name: string, matches: (state: Record<string, unknown>) => boolean) =>
      watcher.until(topic(name), (payload) => matches(JSON.parse(payload)));
    await says('line', ({ present, state: line }) => present === false && line === 'absent');
    await says('overlay', ({ joined, published }) => joined === true && published === false);
    expect(application.status()).toMatchObject({
      lines: [{ state: 'absent', published: false }],
      node: { joined: true },
    });
    const emulator = await LineEmulator.start(deps, { program, link: device });
    await says('line', ({ present, state: line }) => present === true && line === 'idle');
    await says('overlay', ({ published }) => published === true);
    expect(application.status()).toMatchObject({ lines: [{ state: 'idle', published: true }] });
    await application.stop();
    await emulator.stop();
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GatewayEvent } from '#gateway/events.ts';
import type { LineEmulator } from '#pstn/emulator/client.ts';
import { type TestOverlay as Overlay, PASSWORD, TestOverlay } from '../../gateway/overlay.ts';
import { TestPhone } from '../../gateway/phone.ts';
import { Broker, mosquittoMissing, Watcher } from '../../support/mosquitto.ts';

const GATEWAY = 'gw1@pstn.screen.example';
const ALICE = 'alice@screen.example';
const NUISANCE = '+4930555013';

describe.skipIf(mosquittoMissing)('who may call, changed while the gateway runs', () => {
  const overlay = new TestOverlay('screen.example');
  let gateway: Awaited<ReturnType<Overlay['run']>>;
  let emulator: LineEmulator;
  let broker: Broker;
  let watcher: Watcher;
  let phone: TestPhone;

  beforeAll(async () => {
    broker = await Broker.start();
    watcher = await new Watcher(broker.url).ready();
    await overlay.create([GATEWAY, ALICE]);
    emulator = await overlay.emulator('modem');
    gateway = await overlay.run('gateway', GATEWAY, {
      roles: ['peer', 'gateway', 'proxy'],
      line: { device: emulator.path, country: 'DE', area_code: '30', rings: [ALICE] },
      phones: [{ user: ALICE, password: PASSWORD }],
      sip: { listen: '127.0.0.1:0' },
      mqtt: { url: broker.url, id: 'screen', commands: true },
    });
    phone = new TestPhone({ user: ALICE, password: PASSWORD, proxy: gateway.application.status().sip ?? '' });
    await phone.register();
  });
  afterAll(async () => {
    await phone.stop();
    await overlay.stop();
    await watcher.client.endAsync(true);
    await broker.remove();
  });

  /** What the command prints. The gateway runs in this process, which so has to go on meanwhile. */
  async function screening(...args: string[]): Promise<string> {
    const state = join(overlay.directory, 'gateway');
    const program = resolve('dist/copperring.mjs');
    const command = spawn(process.execPath, [program, 'screening', ...args, '--state', state]);
    let printed = '';
    for (const stream of [command.stdout, command.stderr]) stream.on('data', (text: Buffer) => (printed += text));
    await once(command, 'close');
    return printed;
  }

  /** The exchange rings with this caller ID; resolves with what the gateway tells of the call in the end. */
  async function ring(number: string, ringForMs = 4500) {
    const since = gateway.events.all.length;
    const callEvent = (states: readonly string[]) => (event: GatewayEvent) =>
      event.event === 'call' && states.includes(event.state);
    await emulator.send({ command: 'ring', callerId: { number, name: 'FRIEND' }, ringForMs });
    const end = await gateway.events.until(callEvent(['missed', 'blocked', 'ended']), since);
    await gateway.events.until((event) => event.event === 'line' && event.state === 'idle', since);
    return end;
  }

  it('by command: a caller who rang is blocked, listed, tested, and let in again', async () => {
    expect(await ring('030555013')).toMatchObject({ state: 'missed', caller: NUISANCE });
    expect(await screening('test', '030 555013')).toBe('ring: on no list\n');
    expect(await screening('block', '030 555013', '--note', 'sells solar panels')).toBe(
      `${NUISANCE} is on the block list\n`,
    );
    expect(await screening('test', NUISANCE)).toBe(`hang-up: blocked as ${NUISANCE}\n`);
    expect(await ring('030555013')).toMatchObject({ state: 'blocked', caller: NUISANCE });
    expect(await screening('list')).toMatch(
      /^allow: 0 entries\nblock: 1 entry\n {2}\+4930555013 {2}2\d{3}-.* {2}sells solar panels\n$/,
    );
    expect(await screening('unblock', NUISANCE)).toBe(`${NUISANCE} is off the block list\n`);
    expect(await screening('unblock', NUISANCE)).toBe(`${NUISANCE} was not on the block list\n`);
    expect(await screening('block', 'grandma')).toMatch(/^copperring: a caller is given as a number/);
  });

  it('by MQTT: the last caller and others, with the lengths of the lists as state', async () => {
    const command = (payload: string) => watcher.client.publishAsync('copperring/screen/command', payload);
    const lists = (allow: number, block: number) =>
      watcher.until('copperring/screen/screening', (said) => said === JSON.stringify({ allow, block, passed: 0 }));
    expect(await ring('030555013')).toMatchObject({ state: 'missed' });
    await command('block-last');
    await lists(0, 1);
    expect(await ring('030555013')).toMatchObject({ state: 'blocked' });
    await command('{"command":"allow","caller":"+49*"}');
    await lists(1, 1);
    expect(await ring('030555013')).toMatchObject({ state: 'missed' });
    watcher.seen.length = 0;
    await command('{"command":"block","caller":"no such thing"}');
    await command('{"command":"dial","caller":"+4930555013"}');
    await command('{"command":"unallow","caller":"+49*"}');
    await lists(0, 1);
    await command('{"command":"unblock","caller":"+4930555013"}');
    await lists(0, 0);
    const description = watcher.client.publishAsync('homeassistant/status', 'online');
    const device = await watcher.until('homeassistant/device/copperring_screen/config', () => true);
    await description;
    expect(JSON.parse(device).components).toMatchObject({
      block_last_caller: { platform: 'button', payload_press: 'block-last' },
      blocked_callers: { platform: 'sensor', state_topic: 'copperring/screen/screening' },
    });
  });

  it('no number of a caller is in what another peer of the overlay stores', async () => {
    await ring('030555013');
    const peer = join(overlay.directory, 'peer', 'db');
    const stored = readdirSync(peer).map((file) => readFileSync(join(peer, file)));
    const holds = (text: string) => stored.some((bytes) => bytes.includes(text));
    // What it does store shows that the search would find it.
    expect([holds('alice@screen.example') || holds('gw1@pstn.screen.example'), holds('555013')]).toEqual([true, false]);
  });
});

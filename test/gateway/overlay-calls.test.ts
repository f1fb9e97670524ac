import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrollMember } from '#cli/enroll.ts';
import { createOverlay } from '#cli/overlay-create.ts';
import { addOverlayUser } from '#cli/overlay-user.ts';
import { loadConfig } from '#config/load.ts';
import type { ConfigInput } from '#config/schema.ts';
import { Application } from '#gateway/application.ts';
import { accountsDirectory } from '#gateway/own-overlay.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import { Events, heardHz, talk } from './events.ts';
import { TestPhone } from './phone.ts';

const program = resolve('dist/copperring.mjs');
const deps = { clock: systemClock, random: systemRandom, log: silentLogger, program };

const OVERLAY = 'ring.example';
const GATEWAY = `gw1@pstn.${OVERLAY}`;
const ALICE = `alice@${OVERLAY}`;
const BOB = `bob@${OVERLAY}`;
const PASSWORD = 'correct horse';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address ? address.port : 0;
}

describe('an overlay of several nodes: enrollment server, peers, gateway, proxies', () => {
  let directory: string;
  let invitation = '';
  let emulator: LineEmulator;
  let alice: TestPhone;
  let bob: TestPhone;
  const running: { application: Application; events: Events }[] = [];

  async function run(name: string, config: ConfigInput) {
    const state = join(directory, name);
    const application = new Application(deps, {
      config: await loadConfig(undefined, {}, config),
      stateDirectory: state,
    });
    const events = new Events();
    application.events.on(events.listen);
    await application.start();
    const started = { application, events };
    running.push(started);
    return started;
  }

  async function enroll(name: string, user: string) {
    const out = join(directory, name, 'identity');
    const print = () => {};
    const resolveSrv = async () => [];
    await enrollMember({ ...deps, print, resolveSrv }, { user, password: PASSWORD, invitation, out });
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'copperring-overlay-'));
    const authority = join(directory, 'authority');
    const [enrollmentPort, bootstrapPort] = [await freePort(), await freePort()];
    await createOverlay(
      {
        ...deps,
        print: (line) => {
          invitation = line;
        },
      },
      {
        name: OVERLAY,
        out: authority,
        hosts: ['127.0.0.1'],
        port: enrollmentPort,
        bootstrap: [`127.0.0.1:${bootstrapPort}`],
      },
    );
    const store = await openLmdbStore(accountsDirectory(authority));
    for (const user of [GATEWAY, ALICE, BOB, `peer@${OVERLAY}`, `p1@${OVERLAY}`, `p2@${OVERLAY}`, `c@${OVERLAY}`]) {
      await addOverlayUser({ store, random: systemRandom, print: () => {} }, { user, password: PASSWORD });
    }
    await store.close();
    await run('enrollment', {
      roles: ['enrollment'],
      enrollment: { listen: `127.0.0.1:${enrollmentPort}`, directory: authority },
    });
    const overlay = { loopback: true, listen: '127.0.0.1:0' };
    for (const [name, user] of [
      ['peer', `peer@${OVERLAY}`],
      ['gateway', GATEWAY],
      ['p1', `p1@${OVERLAY}`],
      ['p2', `p2@${OVERLAY}`],
      ['client', `c@${OVERLAY}`],
    ] as const) {
      await enroll(name, user);
    }
    await run('peer', {
      roles: ['peer', 'bootstrap'],
      overlay: { ...overlay, listen: `127.0.0.1:${bootstrapPort}`, found: true },
    });
    emulator = await LineEmulator.start(deps, { program, country: 'DE', link: join(directory, 'modem') });
    await run('gateway', {
      roles: ['peer', 'gateway'],
      overlay,
      line: { device: join(directory, 'modem'), country: 'DE', serves: ['+49'], rings: [BOB] },
      dial_plan: { allow: [{ callers: [ALICE, `c@${OVERLAY}`], prefixes: ['+4930'] }] },
    });
    const proxies = await Promise.all(
      [ALICE, BOB].map(async (user, i) => {
        const proxy = await run(`p${i + 1}`, {
          roles: ['peer', 'proxy'],
          overlay,
          phones: [{ user, password: PASSWORD }],
          sip: { listen: '127.0.0.1:0' },
        });
        const ready = await proxy.events.until(({ event }) => event === 'ready');
        const phone = new TestPhone({ user, password: PASSWORD, proxy: 'sip' in ready ? (ready.sip ?? '') : '' });
        await phone.register();
        await proxy.events.until((event) => event.event === 'registration' && event.state === 'published');
        return phone;
      }),
    );
    [alice, bob] = proxies as [TestPhone, TestPhone];
    await run('client', { roles: ['client'], overlay });
  }, 60_000);

  afterAll(async () => {
    await alice?.stop();
    await bob?.stop();
    for (const { application } of running.reverse()) await application.stop();
    await emulator?.stop();
    await rm(directory, { recursive: true });
  }, 60_000);

  const member = (role: string) =>
    running.find(({ application }) => application.status().roles.includes(role))?.application.member;

  it('finds the gateway by number from a client', async () => {
    const found = await member('client')?.discover('+4930123456', AbortSignal.timeout(10_000));
    expect(found).toMatchObject({ userName: GATEWAY, namespace: 'x-pstn-gateway:+49', prefix: '+49', capacity: 1 });
    expect(await member('client')?.discover('+33123456789', AbortSignal.timeout(10_000))).toBeUndefined();
  });

  it('carries a call from a phone at a proxy over the overlay to the line, and tells digits', async () => {
    await emulator.send({ command: 'plan', number: '030123456', sendHz: 1234, answerAfterMs: 200 });
    const since = emulator.events.length;
    const call = await alice.call('+4930123456');
    const sink = await talk(call, 777, 1500);
    expect(heardHz(sink)).toBeCloseTo(1234, -1);
    call.media.sendDigits('17');
    await talk(call, 777, 800);
    await call.hangUp();
    const ended = await emulator.event('call-ended', { since, timeoutMs: 10_000 });
    expect(JSON.stringify(ended)).toContain('17');
  });

  it('calls a user at another proxy', async () => {
    const calling = alice.call(`sip:${BOB}`);
    const incoming = await bob.nextCall();
    expect(incoming.assertedIdentity).toContain(ALICE);
    const [call, answered] = await Promise.all([calling, incoming.answer()]);
    const [heardByAlice, heardByBob] = await Promise.all([talk(call, 600, 1200), talk(answered, 1500, 1200)]);
    expect(heardHz(heardByAlice)).toBeCloseTo(1500, -1);
    expect(heardHz(heardByBob)).toBeCloseTo(600, -1);
    await call.hangUp();
    expect((await answered.ended).by).toBe('remote');
  });

  it('rings the user of the line at its proxy, with the number in the asserted identity, until the exchange hangs up', async () => {
    await emulator.send({ command: 'ring', callerId: { number: '0401234567', name: 'Grace' }, sendHz: 980 });
    const incoming = await bob.nextCall();
    expect(incoming.assertedIdentity).toBe(`sip:0401234567@pstn.${OVERLAY}`);
    expect(incoming.fromName).toBe('Grace');
    const call = await incoming.answer();
    expect(heardHz(await talk(call, 700, 1500))).toBeCloseTo(980, -1);
    await emulator.send({ command: 'hang-up', how: 'busy-tone' });
    expect((await call.ended).by).toBe('remote');
  });

  it('stops ringing the phone when the caller on the line gives up, and keeps a withheld number to itself', async () => {
    const gateway = running.find(({ application }) => application.status().roles.includes('gateway'));
    const since = gateway?.events.all.length ?? 0;
    await emulator.send({ command: 'ring', callerId: { number: 'P' }, ringForMs: 4000 });
    const incoming = await bob.nextCall();
    expect([incoming.withheld, incoming.assertedIdentity, incoming.from]).toEqual([
      true,
      undefined,
      expect.stringContaining('anonymous@'),
    ]);
    incoming.ring();
    await new Promise((given) => incoming.abandoned.addEventListener('abort', given, { once: true }));
    await gateway?.events.until((event) => event.event === 'call' && event.state === 'missed', since);
  });

  it('gives the line back when the phone gives up while it is dialling', async () => {
    await emulator.send({ command: 'plan', number: '030999', behaviour: 'no-answer' });
    const gateway = running.find(({ application }) => application.status().roles.includes('gateway'));
    const since = gateway?.events.all.length ?? 0;
    const giveUp = new AbortController();
    const calling = alice.call('+4930999', { signal: giveUp.signal });
    calling.catch(() => {});
    await gateway?.events.until((event) => event.event === 'line' && event.state === 'dialling', since);
    giveUp.abort();
    await expect(calling).rejects.toMatchObject({ fault: { code: 'aborted' } });
    await gateway?.events.until((event) => event.event === 'line' && event.state === 'idle', since);
  });

  it('refuses callers and numbers that the dial plan does not allow', async () => {
    await expect(bob.call('+4930123456')).rejects.toMatchObject({ fault: { status: 403 } });
    await expect(alice.call('+4940123456')).rejects.toMatchObject({ fault: { status: 403 } });
    await expect(alice.call('+33123456789')).rejects.toMatchObject({ fault: { status: 404 } });
  });

  it('places a call from a node without phones', async () => {
    const placed = await member('client')?.placeCall(
      { to: '+4930123456', seconds: 1, tone: 500, digits: '' },
      AbortSignal.timeout(15_000),
    );
    expect(placed).toMatchObject({ answered: true });
    expect(placed?.heardHz).toBeCloseTo(1234, -1);
  });

  it('tells of each member that it joined', () => {
    const joined = running.flatMap(({ events }) => events.all.filter(({ event }) => event === 'joined'));
    expect(joined).toHaveLength(5);
  });

  it('takes a phone that unregisters out of the overlay', async () => {
    const proxy = running.find(({ application }) => application.status().phones.some(({ user }) => user === BOB));
    expect(proxy?.application.status().phones).toEqual([{ user: BOB, registered: true, published: true }]);
    await bob.unregister();
    await proxy?.events.until((event) => event.event === 'registration' && event.state === 'gone');
    await expect(alice.call(`sip:${BOB}`)).rejects.toMatchObject({ fault: { status: 480 } });
    expect(proxy?.application.status().phones).toEqual([{ user: BOB, registered: false, published: false }]);
  });

  it('withdraws the gateway while the modem is gone, says so, and recovers', async () => {
    const gateway = running.find(({ application }) => application.status().roles.includes('gateway'));
    const since = gateway?.events.all.length ?? 0;
    await emulator.send({ command: 'unplug' });
    await gateway?.events.until(({ event }) => event === 'withdrawn', since);
    expect(gateway?.application.status()).toMatchObject({
      line: { state: 'absent', published: false },
      node: { joined: true },
    });
    expect(await member('client')?.discover('+4930123456', AbortSignal.timeout(10_000))).toBeUndefined();
    await emulator.send({ command: 'replug' });
    await gateway?.events.until(({ event }) => event === 'published', since);
    expect(await member('client')?.discover('+4930123456', AbortSignal.timeout(10_000))).toMatchObject({
      userName: GATEWAY,
    });
  });
});

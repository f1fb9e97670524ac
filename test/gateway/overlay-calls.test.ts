import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sameTone } from '#demo/report.ts';
import type { LineEmulator } from '#pstn/emulator/client.ts';
import { heardHz, talk } from './events.ts';
import { TestOverlay } from './overlay.ts';
import type { TestPhone } from './phone.ts';

const OVERLAY = 'ring.example';
const GATEWAY = `gw1@pstn.${OVERLAY}`;
const ALICE = `alice@${OVERLAY}`;
const BOB = `bob@${OVERLAY}`;

describe('an overlay of several nodes: enrollment server, peers, gateway, proxies', () => {
  const overlay = new TestOverlay(OVERLAY);
  const { running } = overlay;
  let emulator: LineEmulator;
  let alice: TestPhone;
  let bob: TestPhone;

  beforeAll(async () => {
    await overlay.create([GATEWAY, ALICE, BOB, `p1@${OVERLAY}`, `p2@${OVERLAY}`, `c@${OVERLAY}`]);
    emulator = await overlay.emulator('modem');
    await overlay.run('gateway', GATEWAY, {
      roles: ['peer', 'gateway'],
      line: { device: emulator.path, country: 'DE', serves: ['+49'], rings: [BOB] },
      dial_plan: { allow: [{ callers: [ALICE, `c@${OVERLAY}`], prefixes: ['+4930'] }] },
    });
    alice = await overlay.phone('p1', `p1@${OVERLAY}`, ALICE);
    bob = await overlay.phone('p2', `p2@${OVERLAY}`, BOB);
    await overlay.run('client', `c@${OVERLAY}`, { roles: ['client'] });
  }, 60_000);

  afterAll(() => overlay.stop(), 60_000);

  const member = (role: string) =>
    running.find(({ application }) => application.status().roles.includes(role))?.application.member;

  it('finds the gateway by number from a client', async () => {
    const found = await member('client')?.discover('+4930123456', AbortSignal.timeout(10_000));
    expect(found).toMatchObject({ userName: GATEWAY, namespace: 'x-pstn-gateway:+49', prefix: '+49', capacity: 1 });
    expect(await member('client')?.discover('+33123456789', AbortSignal.timeout(10_000))).toBeUndefined();
  });

  it('R7890-3-09 carries a call from a phone at a proxy over the overlay to the line, and tells digits both ways', async () => {
    await emulator.send({ command: 'plan', number: '030123456', sendHz: 1234, answerAfterMs: 200 });
    const since = emulator.events.length;
    const call = await alice.call('+4930123456');
    const sink = await talk(call, 777, 900);
    expect(heardHz(sink)).toBeCloseTo(1234, -1);
    let heard = '';
    call.media.onDigit((digit) => {
      heard += digit;
    });
    call.media.sendDigits('17');
    await emulator.send({ command: 'send-digits', digits: '5#' });
    await talk(call, 777, 1000);
    expect(heard).toBe('5#');
    await call.hangUp();
    const ended = await emulator.event('call-ended', { since, timeoutMs: 10_000 });
    expect(JSON.stringify(ended)).toContain('17');
  });

  it('R7890-3-04 R7890-3-05 calls a user at another proxy', async () => {
    const calling = alice.call(`sip:${BOB}`);
    const incoming = await bob.nextCall();
    expect(incoming.assertedIdentity).toContain(ALICE);
    const [call, answered] = await Promise.all([calling, incoming.answer()]);
    const [heardByAlice, heardByBob] = await Promise.all([talk(call, 600, 900), talk(answered, 1500, 900)]);
    expect(heardHz(heardByAlice)).toBeCloseTo(1500, -1);
    expect(heardHz(heardByBob)).toBeCloseTo(600, -1);
    await call.hangUp();
    expect((await answered.ended).by).toBe('remote');
  });

  it('R7890-3-10 rings the user of the line at its proxy, with the number in the asserted identity, until the exchange hangs up', async () => {
    await emulator.send({ command: 'ring', callerId: { number: '0401234567', name: 'Grace' }, sendHz: 980 });
    const incoming = await bob.nextCall();
    expect(incoming.assertedIdentity).toBe(`sip:+49401234567@pstn.${OVERLAY}`);
    expect(incoming.fromName).toBe('Grace');
    const call = await incoming.answer();
    expect(heardHz(await talk(call, 700, 900))).toBeCloseTo(980, -1);
    await emulator.send({ command: 'hang-up', how: 'busy-tone' });
    expect((await call.ended).by).toBe('remote');
  });

  it('stops ringing the phone when the caller on the line gives up, and keeps a withheld number to itself', async () => {
    const gateway = running.find(({ application }) => application.status().roles.includes('gateway'));
    const since = gateway?.events.all.length ?? 0;
    await emulator.send({ command: 'ring', callerId: { number: 'P' }, ringForMs: 2500 });
    const incoming = await bob.nextCall();
    expect([incoming.withheld, incoming.assertedIdentity, incoming.from]).toEqual([
      true,
      undefined,
      expect.stringContaining('anonymous@'),
    ]);
    incoming.ring();
    await new Promise((given) => incoming.abandoned.addEventListener('abort', given, { once: true }));
    // The reason comes all the way, through the proxy of the phone.
    expect(incoming.abandoned.reason.fault.reason).toBe('Q.850;cause=16;text="Normal call clearing"');
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
    expect(sameTone(placed?.heardHz ?? 0, 1234), `${placed?.heardHz} Hz`).toBe(true);
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
      lines: [{ state: 'absent', published: false }],
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

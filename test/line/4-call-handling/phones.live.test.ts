import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BaresipProcess, baresipInstalled } from '#demo/baresip-process.ts';
import { hashPin } from '#gateway/calls/pin-hash.ts';
import { systemRandom } from '#platform/random.ts';
import type { LineEmulator } from '#pstn/emulator/client.ts';
import { PASSWORD, TestOverlay } from '../../gateway/overlay.ts';
import { eventually } from '../../support/eventually.ts';

const OVERLAY = 'calls.example';
const GATEWAY = `gw1@pstn.${OVERLAY}`;
const [ALICE, BOB] = [`alice@${OVERLAY}`, `bob@${OVERLAY}`];
const PIN = '271828';
const WAIT = { timeoutMs: 15_000 };

const present = baresipInstalled();
if (!present) {
  if (process.env.CI === 'true')
    throw new Error('baresip is not installed; CI needs it (apt-get install baresip-core)');
  console.warn('SKIPPED: baresip is not installed (apt-get install baresip-core)');
}

/** ASCII 4: as baresip's menu has it. */
const KEY_UP = String.fromCharCode(4);

/** Presses keys as a person does. */
async function press(phone: BaresipProcess, digits: string): Promise<void> {
  for (const digit of digits) {
    phone.command('sndcode', digit);
    await new Promise((resolve) => setTimeout(resolve, 120));
    phone.command('sndcode', KEY_UP);
    await new Promise((resolve) => setTimeout(resolve, 80));
  }
}

describe.skipIf(!present)('calls on a telephone line with phones of others, in processes of their own', () => {
  const overlay = new TestOverlay(OVERLAY);
  let emulator: LineEmulator;
  let gateway: Awaited<ReturnType<TestOverlay['run']>>;
  let alice: BaresipProcess;
  let bob: BaresipProcess;

  const phone = (user: string) => {
    const folder = join(overlay.directory, `phone-${user}`);
    mkdirSync(folder);
    const proxy = gateway.application.status().sip ?? '';
    return BaresipProcess.start(folder, { user, domain: OVERLAY, password: PASSWORD, proxy }, 440);
  };
  const latest = async () => (await gateway.application.member?.findCalls({ count: 1 }))?.calls[0];

  beforeAll(async () => {
    await overlay.create([GATEWAY, ALICE, BOB]);
    emulator = await overlay.emulator('modem');
    gateway = await overlay.run('gateway', GATEWAY, {
      roles: ['peer', 'gateway', 'proxy'],
      line: { device: emulator.path, country: 'DE', rings: [ALICE, BOB], access_number: '900' },
      pins: [{ name: 'family', hash: await hashPin(PIN, systemRandom), from: ['members'] }],
      dial_plan: {
        allow: [
          { callers: [ALICE], prefixes: ['+49'] },
          { callers: ['pin:family'], prefixes: ['+49'] },
        ],
      },
      phones: [ALICE, BOB].map((user) => ({ user, password: PASSWORD })),
      sip: { listen: '127.0.0.1:0' },
    });
    [alice, bob] = [await phone('alice'), await phone('bob')];
    await Promise.all([alice.said('200 OK', 15_000), bob.said('200 OK', 15_000)]);
    await eventually(() => gateway.application.status().lines[0]?.state === 'idle');
  }, 90_000);

  afterAll(async () => {
    await alice?.stop();
    await bob?.stop();
    await overlay.stop();
  }, 60_000);

  it('both phones ring; one answers, and the other stops at once', async () => {
    const since = emulator.events.length;
    await emulator.send({ command: 'ring', callerId: { number: '0401234567', name: 'Grace' }, sendHz: 523 });
    const atAlice = await alice.event('CALL_INCOMING', WAIT);
    await bob.event('CALL_INCOMING', WAIT);
    expect(atAlice.peeruri).toContain('+49401234567@');
    bob.command('accept');
    await bob.event('CALL_ESTABLISHED', WAIT);
    await alice.event('CALL_CLOSED', WAIT);
    bob.command('hangup');
    await emulator.event('call-ended', { since, ...WAIT });
    await eventually(async () => (await latest())?.end === 'phone: hung up');
    expect(await latest()).toMatchObject({ outcome: 'answered', answer: 'real', cause: 16, callerName: 'Grace' });
  }, 60_000);

  it('a phone hears the dial tone of the line behind the access number, and dials by its keys', async () => {
    const since = emulator.events.length;
    const told = alice.events.length;
    const from = gateway.events.all.length;
    alice.command('dial', `sip:900@${OVERLAY}`);
    await alice.event('CALL_ESTABLISHED', { ...WAIT, since: told, fatal: 'CALL_CLOSED' });
    await press(alice, '0305551234#');
    const dialled = await emulator.event('dialled', { since, ...WAIT });
    expect(dialled).toMatchObject({ number: '0305551234' });
    await gateway.events.until((event) => event.event === 'call' && event.state === 'answered', from);
    alice.command('hangup');
    await eventually(async () => (await latest())?.callee === '+49305551234');
    expect(await latest()).toMatchObject({ caller: ALICE, outcome: 'answered' });
  }, 60_000);

  it('a member that no rule names calls by PIN, which no event tells', async () => {
    const since = emulator.events.length;
    const told = bob.events.length;
    const from = gateway.events.all.length;
    bob.command('dial', `sip:+49305559876@${OVERLAY}`);
    await bob.event('CALL_ESTABLISHED', { ...WAIT, since: told, fatal: 'CALL_CLOSED' });
    await press(bob, `${PIN}#`);
    expect(await emulator.event('dialled', { since, ...WAIT })).toMatchObject({ number: '0305559876' });
    await gateway.events.until((event) => event.event === 'call' && event.state === 'answered', from);
    bob.command('hangup');
    await eventually(async () => (await latest())?.callee === '+49305559876');
    expect(await latest()).toMatchObject({ caller: 'pin:family', callerName: BOB, outcome: 'answered' });
    expect(gateway.events.all.slice(from).filter(({ event }) => event === 'digit')).toEqual([]);
  }, 60_000);
});

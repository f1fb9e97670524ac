import { describe, expect, it } from 'vitest';
import { checkConfig } from '#config/check.ts';
import { dialledContext } from '#gateway/accounting.ts';
import { readDialled } from '#gateway/dialled.ts';
import { LinePool } from '#gateway/line-pool.ts';
import { GatewayRouter, type OverlayCalls } from '#gateway/router.ts';
import { silentLogger } from '#platform/log.ts';
import { ALICE, BOB, dialling, outboundGateway, placed } from './outbound.ts';

const OVERLAY = { overlay: 'home.example', pstnDomain: 'pstn.home.example' };
const ON = { emergency: true } as const;

function contextOf(line: object, dialPlan: object = {}) {
  const checked = checkConfig({ line: { device: '/dev/0', ...line }, dial_plan: dialPlan });
  if (!('config' in checked)) throw new Error(JSON.stringify(checked.problems));
  return dialledContext(checked.config, OVERLAY);
}

describe('emergency numbers', () => {
  it.each([
    ['DE', ['112', '110', '0112', '0110', '030112', '+49112', '+4930110', '0049112', '911', '999', '9112']],
    ['US', ['911', '112', '1911', '+1911', '212911', '1212911', '9911', '011 1 911'.replaceAll(' ', '')]],
    ['GB', ['999', '112', '0999', '+44999', '911', '9999']],
    ['FR', ['15', '17', '18', '112', '114', '196', '+3315', '911']],
    ['AU', ['000', '112', '106', '+61000', '0000']],
    ['JP', ['110', '119', '+81119']],
  ])('of %s are recognised in all the forms that people and phones give them', async (country, written) => {
    const area = { DE: '30', US: '212' }[country];
    const line = { country, dial: { access: '9,' }, ...(area === undefined ? {} : { area_code: area }) };
    const context = contextOf(line);
    for (const digits of written) {
      for (const uri of [`sip:${digits}@home.example`, `tel:${digits}`]) {
        const dialled = await readDialled(uri, context);
        expect(dialled, uri).toMatchObject({ kind: 'emergency', isTest: false });
        expect(context.plan.emergency, uri).toContain('digits' in dialled ? dialled.digits : '');
      }
    }
  });

  it('of other countries, and the service sos, lead to the country’s own', async () => {
    const context = contextOf({ country: 'GB' });
    for (const uri of [
      'sip:911@home.example',
      'urn:service:sos',
      'urn:service:sos.fire',
      'tel:911;phone-context=+44',
    ]) {
      expect(await readDialled(uri, context), uri).toMatchObject({ kind: 'emergency', digits: '999' });
    }
  });

  it('are not seen in numbers that only begin like them', async () => {
    const context = contextOf({ country: 'DE', area_code: '30' });
    for (const digits of ['030110123', '+4930112345', '0301101', '115', '1100000']) {
      expect(await readDialled(`sip:${digits}@home.example`, context), digits).not.toMatchObject({ kind: 'emergency' });
    }
  });
});

describe('emergency calls', () => {
  it('are refused by default, in words that say what to do, and that is kept', async () => {
    const gw = outboundGateway([{}]);
    const attempt = placed(gw, gw.phone(ALICE), '112');
    expect(await attempt.outcome()).toBe(403);
    await expect(attempt.call).rejects.toThrow(/Use Another Telephone/);
    expect(gw.line.diallings).toEqual([]);
    expect(await gw.over()).toMatchObject({ outcome: 'refused', callee: '112', caller: ALICE });
  });

  it('are refused on an emulated line, whatever the settings', async () => {
    const gw = outboundGateway([{ device: undefined, emulated: true }], ON);
    expect(await placed(gw, gw.phone(ALICE), '112').outcome()).toBe(403);
  });

  it('go out for any member, without rule, budget or carrier, and are told and kept as what they are', async () => {
    const dial = { access: '0,', carrier: '01013', withhold: '*31#' };
    const gw = outboundGateway([{ dial }], {
      ...ON,
      allow: [],
      calls_per_hour: 0,
      minutes_per_day: 0,
      minutes_per_call: 1,
    });
    const attempt = placed(gw, gw.phone('nobody@elsewhere.example'), '110', { withheld: true });
    const request = await dialling(gw, gw.line);
    expect(request.digits).toBe('0,110');
    expect(gw.events).toContainEqual(
      expect.objectContaining({ event: 'emergency', caller: 'nobody@elsewhere.example', callee: '110', isTest: false }),
    );
    const line = request.answer();
    const call = await gw.clock.run(attempt.call);
    await gw.clock.advance(5 * 60_000);
    expect(line.isOver).toBe(false);
    await gw.clock.run(call.hangUp());
    expect(await gw.over()).toMatchObject({ callee: '110', emergency: true, outcome: 'answered', line: 'line0' });
  });

  it('may be tried out with a number of one’s own', async () => {
    const gw = outboundGateway([{}], { ...ON, allow: [], emergency_test_numbers: ['0301234567'] });
    placed(gw, gw.phone(ALICE), '0301234567');
    expect((await dialling(gw, gw.line)).digits).toBe('0301234567');
    expect(gw.events).toContainEqual(expect.objectContaining({ event: 'emergency', isTest: true }));
  });

  it('end an ordinary call when no line is free: one that was not answered yet, else the latest', async () => {
    const gw = outboundGateway([{}, {}], ON);
    const talking = placed(gw, gw.phone(ALICE), '+4930123456');
    const far = (await dialling(gw, gw.lines[0])).answer();
    const spoken = await gw.clock.run(talking.call);
    const waiting = placed(gw, gw.phone(BOB), '+4930123457');
    await dialling(gw, gw.lines[1]);
    placed(gw, gw.phone('carol@home.example'), '112');
    expect((await dialling(gw, gw.lines[1], 1)).digits).toBe('112');
    expect(await waiting.outcome()).toBe(503);
    expect(far.isOver).toBe(false);
    placed(gw, gw.phone('dave@home.example'), '110');
    expect((await dialling(gw, gw.lines[0], 1)).digits).toBe('110');
    expect(await gw.clock.run(spoken.ended)).toMatchObject({ by: 'remote' });
    const { calls } = await gw.records.find({ count: 9 });
    expect(calls.map(({ end }) => end)).toEqual([
      'stopped: the line is needed for an emergency call',
      'stopped: the line is needed for an emergency call',
    ]);
  });

  it('end no other emergency call, and no call at all where the owner says so', async () => {
    const gw = outboundGateway([{}], ON);
    placed(gw, gw.phone(ALICE), '112');
    const first = await dialling(gw, gw.line);
    expect(await placed(gw, gw.phone(BOB), '110').outcome()).toBe(503);
    expect(gw.line.diallings).toEqual([first]);

    const mild = outboundGateway([{}], { ...ON, emergency_clears_line: false });
    placed(mild, mild.phone(ALICE), '+4930123456');
    await dialling(mild, mild.line);
    expect(await placed(mild, mild.phone(BOB), '112').outcome()).toBe(503);
    expect(mild.line.diallings).toHaveLength(1);
  });

  it('get the line that becomes free before anybody else does', async () => {
    const gw = outboundGateway([{}], { ...ON, emergency_clears_line: false });
    placed(gw, gw.phone(ALICE), '+4930123456');
    const first = await dialling(gw, gw.line);
    placed(gw, gw.phone(BOB), '112');
    await gw.clock.advance(500);
    first.fail({ code: 'busy' });
    expect(await placed(gw, gw.phone(ALICE), '+4930123457').outcome()).toBe(503);
    expect((await dialling(gw, gw.line, 1)).digits).toBe('112');
  });

  it('free a line also when they are dialled behind the gateway’s own dial tone', async () => {
    const gw = outboundGateway([{ access_number: '900' }], ON);
    const atDialTone = await gw.clock.run(gw.phone(BOB).call('900'));
    await gw.clock.advance(100);
    const talking = placed(gw, gw.phone(ALICE), '+4930123456');
    const far = (await dialling(gw, gw.line)).answer();
    const spoken = await gw.clock.run(talking.call);
    gw.medias[0]?.press('112#');
    const urgent = await dialling(gw, gw.line, 1);
    expect(urgent.digits).toBe('112');
    expect(far.isOver).toBe(true);
    expect(await gw.clock.run(spoken.ended)).toMatchObject({ by: 'remote' });
    urgent.answer();
    await gw.clock.advance(1000);
    await gw.clock.run(atDialTone.hangUp());
    expect(await gw.over()).toMatchObject({ callee: '112', emergency: true, end: 'phone: hung up' });
    expect((await gw.ended())[1]).toMatchObject({
      callee: '+4930123456',
      end: 'stopped: the line is needed for an emergency call',
    });
  });

  it('are not ended by a command to hang up, which ends all others', async () => {
    const gw = outboundGateway([{}, {}], ON);
    const urgent = placed(gw, gw.phone(ALICE), '112');
    const help = (await dialling(gw, gw.lines[0])).answer();
    await gw.clock.run(urgent.call);
    const usual = placed(gw, gw.phone(BOB), '+4930123456');
    const talk = (await dialling(gw, gw.lines[1])).answer();
    await gw.clock.run(usual.call);
    gw.calls.hangUpOrdinary('hung up by MQTT');
    await gw.clock.advance(1000);
    expect([help.isOver, talk.isOver]).toEqual([false, true]);
  });

  it('are tried over every line, whatever goes wrong on one', async () => {
    const gw = outboundGateway([{}, {}, {}], ON);
    const attempt = placed(gw, gw.phone(ALICE), '112');
    (await dialling(gw, gw.lines[0])).fail({ code: 'busy' });
    (await dialling(gw, gw.lines[1])).fail({ code: 'modem', detail: 'stuck' });
    (await dialling(gw, gw.lines[2])).answer();
    expect(await attempt.outcome()).toBe('answered');
  });

  it('never leave for another gateway, and are refused where there is no line', async () => {
    const asked: string[] = [];
    const overlay: OverlayCalls = {
      locate: async () => [],
      gateways: async (e164) => {
        asked.push(e164);
        return [{ requestUri: 'sip:elsewhere', open: () => Promise.reject(new Error('not opened')) }];
      },
    };
    const gw = outboundGateway([{}], ON);
    gw.line.status = { state: 'absent', reason: 'unplugged' };
    for (const lines of [new LinePool(gw.desks), new LinePool(outboundGateway([{}]).desks), undefined]) {
      const deps = { overlay, lines, isRegistered: () => false, log: silentLogger };
      const router = new GatewayRouter(deps, contextOf({ country: 'DE', area_code: '30' }));
      for (const digits of ['112', '+49112', '030112']) {
        const question = {
          method: 'INVITE',
          requestUri: `sip:${digits}@home.example`,
          caller: ALICE,
          fromOverlay: false,
        };
        const answer = await router.route(question, AbortSignal.timeout(5000));
        expect(answer.kind === 'local' || (answer.kind === 'reject' && answer.status === 403), digits).toBe(true);
      }
    }
    expect(asked).toEqual([]);
  });
});

import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { checkConfig } from '#config/check.ts';
import type { LineConfig } from '#config/line.ts';
import { dialledContext } from '#gateway/accounting.ts';
import type { Diallable } from '#gateway/dial-plan.ts';
import { readDialled } from '#gateway/dialled.ts';
import { type LineNumbering, lineDigits } from '#gateway/line-digits.ts';
import { isAbroad, numberPlan } from '#gateway/number-plan.ts';
import { readToldNumber } from '#gateway/told-number.ts';
import { countryCodes } from '#platform/country-code.ts';
import { ALICE, dialling, outboundGateway, placed } from './outbound.ts';

function lineOf(settings: object): LineConfig {
  const checked = checkConfig({ line: { device: '/dev/0', ...settings } });
  const line = 'config' in checked ? checked.config.lines[0] : undefined;
  if (line === undefined) throw new Error(JSON.stringify(checked));
  return line;
}

function numberingOf(settings: object): LineNumbering {
  const { country, dial, area_code: areaCode } = lineOf(settings);
  return { plan: numberPlan(country), dial, areaCode };
}

/** What a modem on such a line dials for the number; undefined when it can't. */
function dials(settings: object, e164: string, withheld = false): string | undefined {
  const written = lineDigits({ kind: 'number', e164 }, numberingOf(settings), withheld);
  return 'digits' in written ? written.digits : undefined;
}

function contextOf(settings: object) {
  const checked = checkConfig({ line: { device: '/dev/0', ...settings } });
  if (!('config' in checked)) throw new Error(JSON.stringify(checked.problems));
  return dialledContext(checked.config, { overlay: 'home.example', pstnDomain: 'pstn.home.example' });
}

async function read(settings: object, digits: string): Promise<string> {
  const dialled = await readDialled(`sip:${digits}@home.example`, contextOf(settings));
  return dialled.kind === 'number' ? dialled.e164 : dialled.kind;
}

const DE = { country: 'DE' };
const PBX = { country: 'DE', dial: { access: '0,', caller_access: '0' } };

describe('what is dialled on a line', () => {
  it.each<[string, object, string, string | undefined]>([
    ['at home with the national prefix', DE, '+4930123456', '030123456'],
    ['abroad with the international one', DE, '+12025550123', '0012025550123'],
    ['in France', { country: 'FR' }, '+33142345678', '0142345678'],
    ['in Italy, where numbers keep their zero', { country: 'IT' }, '+390612345678', '0612345678'],
    ['in Hungary', { country: 'HU' }, '+3612345678', '0612345678'],
    ['in Russia', { country: 'RU' }, '+74951234567', '84951234567'],
    ['from Russia', { country: 'RU' }, '+4930123456', '8104930123456'],
    ['from Japan', { country: 'JP' }, '+4930123456', '0104930123456'],
    ['from Australia', { country: 'AU' }, '+4930123456', '00114930123456'],
    ['from Canada to the United States', { country: 'CA' }, '+12025550123', '12025550123'],
    ['through a PBX', PBX, '+4930123456', '0,030123456'],
    [
      'through a PBX that gives a second dial tone',
      { country: 'US', dial: { access: '9w' } },
      '+12025550123',
      '9W12025550123',
    ],
    ['by another carrier', { country: 'DE', dial: { carrier: '01013' } }, '+4930123456', '01013030123456'],
    ['by another carrier abroad', { country: 'DE', dial: { carrier: '01013' } }, '+33142345678', '010130033142345678'],
    ['in the own area', { country: 'DE', area_code: '30', dial: { local: true } }, '+4930123456', '123456'],
    ['in another area', { country: 'DE', area_code: '30', dial: { local: true } }, '+4989123456', '089123456'],
    ['with seven digits', { country: 'US', area_code: '202', dial: { local: true } }, '+12025550123', '5550123'],
  ])('%s', (_, settings, e164, expected) => {
    expect(dials(settings, e164)).toBe(expected);
  });

  it('goes by the first rule that fits, by prefix and length', () => {
    const rules = [
      { match: '+49800', strip: 2, insert: '0' },
      { match: '+55', strip: 2, insert: '015' },
      { match: '+4930', strip: 4, max_digits: 9, insert: '77' },
      { match: '+4930', strip: 2, insert: '010010' },
      { match: '+', insert: '00' },
    ];
    const line = { country: 'DE', dial: { access: '0,', carrier: '01013', rules } };
    expect(dials(line, '+498001234567')).toBe('0,08001234567');
    expect(dials(line, '+551123456789')).toBe('0,0151123456789');
    expect(dials(line, '+493012345')).toBe('0,7712345');
    expect(dials(line, '+4930123456')).toBe('0,01001030123456');
    expect(dials(line, '+4989123456')).toBe('0,004989123456');
  });

  it('leaves short numbers alone, and puts nothing but the way out before an emergency number', () => {
    const numbering = numberingOf({ country: 'DE', dial: { access: '0,', carrier: '01013', emergency_access: '9,' } });
    const digits = (dialled: Diallable) => lineDigits(dialled, numbering, true);
    expect(digits({ kind: 'short', digits: '23' })).toEqual({ digits: '23' });
    expect(digits({ kind: 'emergency', digits: '112', isTest: false })).toEqual({ digits: '9,112' });
  });

  it('withholds the own number by the country’s code or the owner’s, and else not at all', async () => {
    expect(dials(DE, '+4930123456', true)).toBe('*31#030123456');
    expect(dials({ country: 'US' }, '+12025550123', true)).toBe('*6712025550123');
    expect(dials(PBX, '+4930123456', true)).toBe('0,*31#030123456');
    expect(dials({ country: 'DE', dial: { withhold: '*77' } }, '+4930123456', true)).toBe('*77030123456');
    expect(dials({ country: 'DE', dial: { withhold: '' } }, '+4930123456', true)).toBeUndefined();

    const gw = outboundGateway([{ dial: { withhold: '' } }, {}]);
    placed(gw, gw.phone(ALICE), '+4930123456', { withheld: true });
    expect((await dialling(gw, gw.lines[1])).digits).toBe('*31#030123456');
    expect(gw.lines[0]?.diallings).toEqual([]);
    const none = outboundGateway([{ dial: { withhold: '' } }]);
    expect(await placed(none, none.phone(ALICE), '+4930123456', { withheld: true }).outcome()).toBe(403);
  });
});

describe('digits that would mean another number to the exchange', () => {
  it('are not dialled: a home number never leads abroad', async () => {
    for (const [country, written] of [
      ['DE', '+4901876555012'],
      ['DE', '+490900123456'],
      ['IT', '+3900187655501'],
      ['RU', '+710187655501'],
      ['FR', '+33033142345678'],
    ] as const) {
      expect(await read({ country }, written), written).toBe('unusable');
      expect(dials({ country }, written), written).toBeUndefined();
    }
    const gw = outboundGateway([DE]);
    expect(await placed(gw, gw.phone(ALICE), '+4900187655501').outcome()).toBe(484);
    expect(await gw.over()).toMatchObject({ outcome: 'refused', callee: '+4900187655501' });
  });

  it('are dialled with their area code: local numbers that begin like national or emergency numbers', () => {
    const local = { country: 'DE', area_code: '30', dial: { local: true } };
    expect(dials(local, '+493011234567')).toBe('03011234567'.replace('030', '030'));
    expect(dials(local, '+49301121234')).toBe('0301121234');
    expect(dials(local, '+49300900123')).toBe('0300900123');
  });

  it('whatever comes: what a home number makes the modem dial begins like a home number', () => {
    const digits = fc.stringMatching(/^\d{0,14}$/);
    fc.assert(
      fc.property(fc.constantFrom(...countryCodes), digits, fc.boolean(), (country, rest, local) => {
        const { plan } = numberingOf({ country });
        const settings = { country, area_code: rest.slice(0, 2) || '1', dial: { local, withhold: '' } };
        const dialled = dials(settings, `+${plan.callingCode}${rest}`);
        if (dialled === undefined) return;
        expect(dialled).toMatch(/^\d{0,64}$/);
        expect(dialled.startsWith(plan.internationalPrefix)).toBe(false);
      }),
      { numRuns: 2000, seed: 20261123 },
    );
  });
});

describe('numbers that people dial', () => {
  it.each<[object, string, string]>([
    [DE, '030123456', '+4930123456'],
    [DE, '0049301234567', '+49301234567'],
    [DE, '123456', 'unusable'],
    [{ ...DE, area_code: '30' }, '1234567', '+49301234567'],
    [{ country: 'US', area_code: '202' }, '5550123', '+12025550123'],
    [{ country: 'US' }, '2025550123', '+12025550123'],
    [{ country: 'US' }, '5550123', 'unusable'],
    [{ country: 'GB' }, '02079460000', '+442079460000'],
    [{ country: 'HU' }, '0612345678', '+3612345678'],
    [{ country: 'RU' }, '84951234567', '+74951234567'],
    [{ country: 'ES' }, '912345678', '+34912345678'],
    [{ country: 'IT' }, '0612345678', '+390612345678'],
    [{ country: 'JP' }, '0312345678', '+81312345678'],
  ])('%j %s', async (settings, digits, expected) => {
    expect(await read(settings, digits)).toBe(expected);
  });

  it('lead home again: what is read from what would be dialled is the number itself', async () => {
    for (const [country, e164] of [
      ['DE', '+4930123456'],
      ['US', '+12025550123'],
      ['GB', '+442079460000'],
      ['IT', '+390612345678'],
      ['HU', '+3612345678'],
      ['RU', '+74951234567'],
      ['JP', '+81312345678'],
      ['BR', '+551123456789'],
      ['AU', '+61212345678'],
    ] as const) {
      for (const abroad of ['+4989123456', '+12025550199']) {
        for (const number of [e164, abroad]) {
          const digits = dials({ country }, number);
          expect(await read({ country }, digits ?? ''), `${country} ${digits}`).toBe(number);
        }
      }
    }
  });

  it('are abroad also where the calling code is the same', () => {
    const us = numberPlan('US');
    for (const number of ['+18765550123', '+12425550123', '+14165550123', '+4930123456'])
      expect(isAbroad(number, us), number).toBe(true);
    for (const number of ['+12125550123', '+17875550123', '+18005550123'])
      expect(isAbroad(number, us), number).toBe(false);
    expect(isAbroad('+14165550123', numberPlan('CA'))).toBe(false);
    expect(isAbroad('+12125550123', numberPlan('CA'))).toBe(true);
    expect(isAbroad('+77012345678', numberPlan('RU'))).toBe(true);
  });
});

describe('docs/DIALPLAN.md', () => {
  it('has examples that are valid configurations', async () => {
    const blocks = Array.from((await readFile('docs/DIALPLAN.md', 'utf8')).matchAll(/```toml\n([\s\S]*?)```/g));
    expect(blocks.length).toBeGreaterThanOrEqual(6);
    for (const [, toml = ''] of blocks) expect(checkConfig(parse(toml)), toml).toHaveProperty('config');
  });

  it('says what is dialled', () => {
    const rules = [{ match: '+49800', strip: 2, insert: '0' }];
    const berlin = { country: 'DE', area_code: '30', dial: { carrier: '01013', rules } };
    expect(dials(berlin, '+498001234567')).toBe('08001234567');
    expect(dials(berlin, '+4989123456')).toBe('01013089123456');
    expect(dials({ country: 'GB' }, '+442079460000', true)).toBe('14102079460000');
    expect(dials({ country: 'FR' }, '+33142345678', true)).toBe('36510142345678');
    expect(
      dials({ country: 'BR', dial: { rules: [{ match: '+55', strip: 2, insert: '015' }] } }, '+551123456789'),
    ).toBe('0151123456789');
  });
});

describe('numbers that a line tells', () => {
  it.each<[object, string, string]>([
    [DE, '030123456', '+4930123456'],
    [DE, '004420 7946 0000', '+442079460000'],
    [DE, '+442079460000', '+442079460000'],
    [{ ...DE, area_code: '30' }, '123456', '+4930123456'],
    [DE, '123456', '123456'],
    [PBX, '0030123456', '+4930123456'],
    [PBX, '23', '23'],
    [{ country: 'US' }, '2025550123', '+12025550123'],
    [{ country: 'US' }, '12025550123', '+12025550123'],
    [{ country: 'US', area_code: '202' }, '5550123', '+12025550123'],
    [{ country: 'GB' }, '02079460000', '+442079460000'],
    [{ country: 'ES' }, '912345678', '+34912345678'],
    [{ country: 'US' }, '0114930123456', '+4930123456'],
    [DE, 'A1B2', 'A1B2'],
    [DE, '9'.repeat(40), '9'.repeat(40)],
  ])('%j %s', async (settings, told, expected) => {
    const callerId = { number: told, name: undefined, presentation: 'available' } as const;
    expect((await readToldNumber(callerId, numberingOf(settings))).number).toBe(expected);
  });

  it('are shown to the phones and kept as E.164', async () => {
    const gw = outboundGateway([{ rings: [ALICE] }]);
    const alice = gw.phone(ALICE);
    gw.line.ring({ number: '030123456', name: undefined, presentation: 'available' }).stop;
    const incoming = await gw.until(() => alice.incoming[0]);
    expect(incoming.assertedIdentity).toBe('sip:+4930123456@pstn.home.example');
    expect(gw.lastCall()).toMatchObject({ caller: '+4930123456' });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configSchema } from '#config/schema.ts';
import { type Diallable, decide, policyOf } from '#gateway/dial-plan.ts';
import { readDialled } from '#gateway/dialled.ts';
import { lineDigits } from '#gateway/line-digits.ts';
import { numberPlan } from '#gateway/number-plan.ts';

const context = {
  overlay: 'home.example',
  pstnDomain: 'pstn.home.example',
  plan: numberPlan('DE'),
  shortNumbers: ['1170'],
};
const number = (e164: string) => ({ kind: 'number', e164 });

describe('what was dialled', () => {
  it.each<[string, object]>([
    ['tel:+49-30-123456', number('+4930123456')],
    ['TEL:+49(30)12.34-56', number('+4930123456')],
    ['tel:123456;phone-context=+49-30', number('+4930123456')],
    ['tel:030123456;phone-context=home.example', number('+4930123456')],
    ['sip:+4930123456@home.example;user=phone', number('+4930123456')],
    ['sip:+4930123456;ext=7@home.example;user=phone', number('+4930123456')],
    ['sip:030-123456@192.0.2.1:5060', number('+4930123456')],
    ['sip:%2B4930123456@home.example', number('+4930123456')],
    ['sip:004420 7946 0000@home.example', { kind: 'unusable' }],
    ['sip:00442079460000@home.example', number('+442079460000')],
    ['sip:112@home.example', { kind: 'emergency', digits: '112' }],
    ['tel:110;phone-context=+49', { kind: 'emergency', digits: '110' }],
    ['sip:+49112@home.example', { kind: 'emergency', digits: '112' }],
    ['sip:1170@home.example', { kind: 'short', digits: '1170' }],
    ['sip:*21*0301234%23@home.example', { kind: 'unusable' }],
    ['sip:1@home.example', { kind: 'unusable' }],
    ['tel:', { kind: 'unusable' }],
    ['tel:+0', { kind: 'unusable' }],
    ['mailto:alice@home.example', { kind: 'unusable' }],
    ['sip:alice@Home.Example:5060;transport=udp', { kind: 'user', aor: 'alice@home.example' }],
    ['sips:a%6Cice@home.example?Subject=x', { kind: 'user', aor: 'alice@home.example' }],
    ['sip:alice%40x@home.example', { kind: 'unusable' }],
    ['sip:home.example', { kind: 'unusable' }],
  ])('reads %s', async (uri, expected) => {
    expect(await readDialled(uri, context)).toMatchObject(expected);
  });

  it('reads any text without an exception', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('tel:', 'sip:', 'sip:+49', ''), fc.string(), async (scheme, text) => {
        expect(['user', 'number', 'emergency', 'unusable']).toContain((await readDialled(scheme + text, context)).kind);
      }),
    );
  });

  it('dials home numbers nationally and others internationally', () => {
    const [line] = configSchema.parse({ line: [{}] }).line;
    const dialled = (e164: string, country: 'DE' | 'US') =>
      lineDigits({ kind: 'number', e164 }, { plan: numberPlan(country), dial: line!.dial, areaCode: undefined });
    expect(dialled('+4930123456', 'DE')).toEqual({ digits: '030123456' });
    expect(dialled('+12025550123', 'DE')).toEqual({ digits: '0012025550123' });
    expect(dialled('+12025550123', 'US')).toEqual({ digits: '12025550123' });
    expect(dialled('+4930123456', 'US')).toEqual({ digits: '0114930123456' });
  });
});

describe('the dial plan', () => {
  const allowAll = [{ callers: ['*'], prefixes: ['+'] }];
  const ask = (dialled: Diallable, dialPlan: object, caller = 'alice@home.example') => {
    const [line] = configSchema.parse({ line: [{}] }).line;
    const policy = policyOf(configSchema.parse({ dial_plan: dialPlan }).dial_plan, line!.dial_plan);
    const decision = decide({ caller, dialled }, policy, numberPlan('DE'));
    return decision.allowed ? 'allowed' : decision.phrase;
  };
  const home = { kind: 'number', e164: '+4930123456' } as const;

  it('denies everything to everyone until a rule allows it', () => {
    expect(ask(home, {})).toBe('Not Allowed');
    expect(ask(home, { allow: [{ callers: ['bob@home.example'], prefixes: ['+49'] }] })).toBe('Not Allowed');
    expect(ask(home, { allow: [{ callers: ['*@home.example'], prefixes: ['+4940'] }] })).toBe('Not Allowed');
    expect(ask(home, { allow: [{ callers: ['*@home.example'], prefixes: ['+4930'] }] })).toBe('allowed');
    expect(ask(home, { allow: [{ callers: ['*@home.example'], prefixes: ['+4930'] }] }, 'alice@evilhome.example')).toBe(
      'Not Allowed',
    );
  });

  it('keeps international and premium numbers off until enabled', () => {
    const abroad = { kind: 'number', e164: '+12025550123' } as const;
    const premium = { kind: 'number', e164: '+49900123456' } as const;
    expect(ask(abroad, { allow: allowAll })).toBe('International Calls Not Allowed');
    expect(ask(abroad, { allow: allowAll, international: true })).toBe('allowed');
    expect(ask(premium, { allow: allowAll })).toBe('Premium Numbers Not Allowed');
    expect(ask(premium, { allow: allowAll, premium: true })).toBe('allowed');
  });

  it('refuses emergency numbers unless enabled', () => {
    const emergency = { kind: 'emergency', digits: '112', isTest: false } as const;
    expect(ask(emergency, { allow: allowAll })).toBe('Emergency Calls Not Served, Use Another Telephone');
    expect(ask(emergency, { emergency: true })).toBe('allowed');
  });

  it('lets whoever may use the line dial its short numbers', () => {
    const short = { kind: 'short', digits: '1170' } as const;
    expect(ask(short, {})).toBe('Not Allowed');
    expect(ask(short, { allow: [{ callers: ['alice@home.example'], prefixes: ['+49'] }] })).toBe('allowed');
  });
});

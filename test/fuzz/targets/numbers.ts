import { checkConfig } from '#config/check.ts';
import { dialledContext } from '#gateway/accounting.ts';
import { readDialled } from '#gateway/dialled.ts';
import { lineDigits } from '#gateway/line-digits.ts';
import { nationalPart, numberPlan } from '#gateway/number-plan.ts';
import { readToldNumber } from '#gateway/told-number.ts';
import { countryCodes } from '#platform/country-code.ts';
import { BrokenPromise, type Target, textTarget } from '../target.ts';

const SAMPLES = [
  'sip:+4930123456@home.example;user=phone',
  'tel:030-123456;phone-context=+49',
  'sip:0011490301234567@home.example',
  'urn:service:sos.fire',
  'sip:112@home.example',
  'sip:+97215187655501@home.example',
  'sip:%2B4900187655501@home.example',
];

/** What members dial and what lines tell, on lines of every country. */
export function numberTargets(): readonly Target[] {
  return [
    textTarget('numbers dialled and told', {
      words: ['tel:', 'sip:+', '00', '0011', '112', '*', '#', ';phone-context=', '@', '%2B', ...countryCodes],
      sample: (dice) => `${dice.pick(countryCodes)} ${dice.pick(SAMPLES)}`,
      run: useNumber,
    }),
  ];
}

async function useNumber(text: string): Promise<unknown> {
  const country = countryCodes.find((code) => text.startsWith(code)) ?? 'DE';
  const settings = { country, area_code: '30', dial: { access: '0,', local: true }, device: '/dev/0' };
  const checked = checkConfig({ line: settings });
  const line = 'config' in checked ? checked.config.lines[0] : undefined;
  if (!('config' in checked) || line === undefined) throw new BrokenPromise('the settings are not valid');
  const context = dialledContext(checked.config, { overlay: 'home.example', pstnDomain: 'pstn.home.example' });
  const numbering = { plan: numberPlan(country), dial: line.dial, areaCode: line.area_code };
  const written = text.slice(country.length).trim();
  const told = await readToldNumber({ number: written, name: undefined, presentation: 'available' }, numbering);
  const dialled = await readDialled(written, context);
  if (dialled.kind === 'user' || dialled.kind === 'unusable') return [told, dialled];
  const dialing = lineDigits(dialled, numbering);
  if (!('digits' in dialing)) return [told, dialled];
  if (!/^0,[0-9*#]{1,62}$/.test(dialing.digits) && dialled.kind !== 'short') {
    throw new BrokenPromise(`the modem would get ${JSON.stringify(dialing.digits)}`);
  }
  const isHome = dialled.kind === 'number' && nationalPart(dialled.e164, numbering.plan) !== undefined;
  if (isHome && numbering.plan.leadsAbroad(dialing.digits.slice(2))) {
    throw new BrokenPromise(`${JSON.stringify(dialled)} would be dialled abroad as ${dialing.digits}`);
  }
  return [told, dialled, dialing];
}

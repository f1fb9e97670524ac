import { describe, expect, it } from 'vitest';
import { countryCodes } from '#platform/country-code.ts';
import { countries } from '#pstn/countries.ts';
import { conversation, endOf, mute } from './calls.ts';

/** Every way in which an exchange can tell, or a line can show, that the far end has hung up. */
const byTone = ['busy-tone', 'congestion-tone', 'special-information', 'dial-tone'] as const;

describe.each(countryCodes)('in %s a modem that reports nothing still has the call end', (code) => {
  const country = countries[code];
  it.each(byTone)('within two seconds by %s', async (how) => {
    const talk = await conversation({ country: code }, { country: code, ...mute });
    await talk.clock.advance(1500);
    expect(talk.line.status.state).toBe('busy');
    const { why, after } = await endOf(talk, () => talk.emulated.exchange.hangUp(how));
    const same = how === 'congestion-tone' && country.congestion === country.busy;
    expect(why).toBe(same ? 'busy-tone' : how);
    // Turkish dial tone begins as a ringing tone does, which is no end of a call: that has to be over first.
    expect(after).toBeLessThanOrEqual(how === 'dial-tone' && code === 'TR' ? 2500 : 2000);
    expect(talk.find('on-hook')).toBeDefined();
  });
});

describe('with a modem that reports what it knows', () => {
  it.each(countryCodes)('a call in %s ends by what its exchange gives first', async (code) => {
    const talk = await conversation({ country: code }, { country: code });
    await talk.clock.advance(1500);
    const { why, after } = await endOf(talk, () => talk.emulated.exchange.hangUp('national'));
    expect(why).toBe(countries[code].clearing === 'loop-drop' ? 'loop-drop' : 'busy-tone');
    expect(after).toBeLessThanOrEqual(2000);
  });
});

describe('the line itself', () => {
  it('ends the call by an interruption of the loop', async () => {
    const talk = await conversation();
    await talk.clock.advance(1500);
    const { why, after } = await endOf(talk, () => talk.emulated.exchange.hangUp('loop-drop'));
    expect(why).toBe('loop-drop');
    expect(after).toBeLessThan(500);
  });
});

import { describe, expect, it } from 'vitest';
import { callerOf } from '#gateway/voice-mail/sip-caller.ts';

const DOMAINS = { overlay: 'home.example', pstnDomain: 'pstn.home.example' };
const CALL = { assertedIdentity: undefined, fromName: undefined, peer: undefined, withheld: false };
const peer = (name: string) => ({ name, node: 'aa' });

describe('what a message by SIP says of its caller', () => {
  it('is the certificate’s name, whatever the caller asserts; only gateways speak for numbers', () => {
    const assertedIdentity = 'sip:+49110@pstn.home.example';
    const bob = callerOf({ ...CALL, assertedIdentity, peer: peer('bob@home.example') }, DOMAINS);
    expect(bob).toMatchObject({ authenticated: 'bob@home.example', facts: { caller: 'bob@home.example' } });
    const gateway = callerOf({ ...CALL, assertedIdentity, peer: peer('gw@pstn.home.example') }, DOMAINS);
    expect(gateway.facts.caller).toBe('+49110');
    expect(callerOf({ ...CALL, assertedIdentity: 'sip:alice@HOME.example' }, DOMAINS)).toMatchObject({
      authenticated: 'alice@home.example',
    });
    expect(callerOf(CALL, DOMAINS)).toMatchObject({ authenticated: undefined, facts: { caller: 'unavailable' } });
  });

  it('is nothing when the caller asks for privacy, the name neither', () => {
    for (const from of ['bob@home.example', 'gw@pstn.home.example']) {
      const call = { assertedIdentity: 'sip:+4930123456@pstn.home.example', fromName: 'Bob Secret', withheld: true };
      const { facts } = callerOf({ ...call, peer: peer(from) }, DOMAINS);
      expect(facts).toEqual({ caller: 'withheld', callerName: undefined, line: undefined });
    }
  });

  it('is short, however long the names are', () => {
    const { facts } = callerOf({ ...CALL, fromName: 'x'.repeat(60_000), peer: peer('b@home.example') }, DOMAINS);
    expect(facts.callerName).toHaveLength(64);
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leaveAddress, readMailboxAddress } from '#gateway/voice-mail/mailbox-address.ts';
import { MailboxRoutes } from '#gateway/voice-mail/mailbox-routes.ts';
import type { RouteQuestion, RouteTarget } from '#sip/adapter/call-router.ts';
import { ALICE } from './mailboxes.ts';

const BOB = 'bob@home.example';
const OPTIONS = { overlay: 'home.example', number: '*98' };
const signal = new AbortController().signal;

function routes(elsewhere: number) {
  const asked: string[] = [];
  const target: RouteTarget = { requestUri: 'x', open: () => Promise.reject(new Error('not opened')) };
  const mailboxes = new MailboxRoutes(
    {
      serves: (user) => user === ALICE,
      answersItself: (caller) => caller.endsWith('@pstn.home.example'),
      elsewhere: async (uri) => {
        asked.push(uri);
        return Array.from({ length: elsewhere }, () => target);
      },
    },
    { ...OPTIONS, answerAfterSeconds: 20 },
  );
  return { asked, mailboxes };
}

function question(requestUri: string, more: Partial<RouteQuestion> = {}): RouteQuestion {
  return { method: 'INVITE', requestUri, caller: BOB, fromOverlay: false, ...more };
}

describe('the address of voice mail', () => {
  it('is voicemail in the overlay, or the number that phones dial, escaped or not', () => {
    const read = (uri: string) => readMailboxAddress(uri, OPTIONS);
    for (const uri of [
      'sip:voicemail@home.example',
      'sips:VoiceMail@HOME.example:5060',
      'sip:*98@10.0.0.1',
      'sip:%2A98@x;user=phone',
    ])
      expect(read(uri), uri).toEqual({ want: 'listen' });
    for (const uri of ['sip:voicemail@other.example', 'sip:98@home.example', 'tel:*98', 'sip:home.example', ''])
      expect(read(uri), uri).toBeUndefined();
  });

  it('RFC 4458 §2: names the user for whom a message is', () => {
    const uri = leaveAddress(ALICE, 'home.example');
    expect(uri).toBe('sip:voicemail@home.example;target=sip%3Aalice%40home.example;cause=404');
    expect(readMailboxAddress(uri, OPTIONS)).toEqual({ want: 'leave', user: ALICE });
    expect(readMailboxAddress('sip:voicemail@home.example;target=%', OPTIONS)).toBeUndefined();
  });

  it('is read in any text without an exception', () => {
    fc.assert(
      fc.property(fc.string(), (text) => void readMailboxAddress(`sip:${text}@home.example;target=${text}`, OPTIONS)),
    );
  });
});

describe('ways to mailboxes', () => {
  it('an owner’s call is taken here, or led to other nodes, never on and on', async () => {
    const { mailboxes, asked } = routes(2);
    const listen = 'sip:voicemail@home.example';
    expect(await mailboxes.called(question(listen, { caller: ALICE }), signal)).toEqual({ kind: 'local' });
    expect(await mailboxes.called(question(listen), signal)).toMatchObject({ kind: 'targets', targets: [{}, {}] });
    expect(asked).toEqual([listen]);
    expect(await mailboxes.called(question(listen, { fromOverlay: true }), signal)).toMatchObject({ status: 503 });
    expect(await routes(0).mailboxes.called(question(listen), signal)).toMatchObject({ status: 404 });
    expect(await mailboxes.called(question('sip:carol@home.example'), signal)).toBeUndefined();
  });

  it('phones of a user with a mailbox here ring for so long, but for gateways, which have their own plan', () => {
    const { mailboxes } = routes(0);
    expect(mailboxes.afterMs(ALICE, question(`sip:${ALICE}`))).toBe(20_000);
    expect(mailboxes.afterMs(ALICE, question(`sip:${ALICE}`, { caller: 'gw1@pstn.home.example' }))).toBeUndefined();
    expect(mailboxes.afterMs(ALICE, question(`sip:${ALICE}`, { method: 'MESSAGE' }))).toBeUndefined();
    expect(mailboxes.afterMs(BOB, question(`sip:${BOB}`))).toBeUndefined();
  });

  it('a caller of a user who is away is taken here, or led to nodes that may have the mailbox', async () => {
    const { mailboxes, asked } = routes(1);
    expect(await mailboxes.instead(ALICE, question(`sip:${ALICE}`), signal)).toEqual({ kind: 'local' });
    expect(await mailboxes.instead(BOB, question(`sip:${BOB}`), signal)).toMatchObject({ kind: 'targets' });
    expect(asked).toEqual([leaveAddress(BOB, 'home.example')]);
    expect(await mailboxes.instead(BOB, question(`sip:${BOB}`, { fromOverlay: true }), signal)).toBeUndefined();
    expect(await mailboxes.instead(ALICE, question(`sip:${ALICE}`, { method: 'MESSAGE' }), signal)).toBeUndefined();
    expect(await routes(0).mailboxes.instead(BOB, question(`sip:${BOB}`), signal)).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import {
  acknowledgement,
  calledDialog,
  callerDialog,
  nextRequest,
  receivedRequest,
  refreshedTarget,
} from '#sip/dialog/dialog.ts';
import { Headers, type NewField } from '#sip/message/headers.ts';
import { SipRequest } from '#sip/message/message.ts';
import { replyTo } from '#sip/message/reply.ts';

const invite = (more: readonly NewField[] = []) =>
  new SipRequest({
    method: 'INVITE',
    uri: 'sip:bob@home.example',
    headers: Headers.of([
      ['Via', 'SIP/2.0/UDP a;branch=z9hG4bK1'],
      ['From', '"A" <sip:alice@home.example>;tag=a'],
      ['To', '<sip:bob@home.example>'],
      ['Call-ID', 'x'],
      ['CSeq', '5 INVITE'],
      ['Contact', '<sip:alice@192.0.2.1>'],
      ...more,
    ]),
  });
const answer = (routes: readonly string[]) =>
  replyTo(invite(), 200, {
    toTag: 'b',
    fields: [...routes.map((route): NewField => ['Record-Route', route]), ['Contact', '<sip:bob@192.0.2.2;x=1>']],
  });

describe('Dialogs (RFC 3261 §12)', () => {
  it('have the routes of the answer in reverse order at the caller, and its Contact as target', () => {
    const dialog = callerDialog(invite(), answer(['<sip:p2;lr>, <sip:p1;lr>']));
    const { request } = nextRequest(dialog, 'BYE');
    expect(request.uri).toBe('sip:bob@192.0.2.2;x=1');
    expect(request.headers.list('Route')).toEqual(['<sip:p1;lr>', '<sip:p2;lr>']);
    expect(request.cseq).toEqual({ number: 6, method: 'BYE' });
    expect(request.headers.value('From')).toBe('"A" <sip:alice@home.example>;tag=a');
    expect(request.headers.value('To')).toBe('<sip:bob@home.example>;tag=b');
  });

  it('have the routes of the INVITE in order at the called side', () => {
    const dialog = calledDialog(invite([['Record-Route', '<sip:p2;lr>, <sip:p1;lr>']]), 'b');
    const { request } = nextRequest(dialog, 'BYE');
    expect(request.uri).toBe('sip:alice@192.0.2.1');
    expect(request.headers.list('Route')).toEqual(['<sip:p2;lr>', '<sip:p1;lr>']);
    expect(request.headers.value('From')).toBe('<sip:bob@home.example>;tag=b');
  });

  it('put a strict router into the Request-URI and the target at the end of the routes', () => {
    const { request } = nextRequest(callerDialog(invite(), answer(['<sip:p2;lr>', '<sip:strict>'])), 'BYE');
    expect(request.uri).toBe('sip:strict');
    expect(request.headers.list('Route')).toEqual(['<sip:p2;lr>', '<sip:bob@192.0.2.2;x=1>']);
  });

  it('acknowledge with the number of the INVITE', () => {
    expect(acknowledgement(callerDialog(invite(), answer([])), 5).cseq).toEqual({ number: 5, method: 'ACK' });
  });

  it('refuse requests older than the last one, and follow a new Contact', () => {
    const dialog = calledDialog(invite(), 'b');
    expect(receivedRequest(dialog, invite())).toBeUndefined();
    const newer = invite().with({
      headers: invite().headers.set('CSeq', '9 INVITE').set('Contact', '<sip:alice@192.0.2.9>'),
    });
    expect(receivedRequest(dialog, newer)?.remoteSequence).toBe(9);
    expect(refreshedTarget(dialog, newer).remoteTarget).toBe('sip:alice@192.0.2.9');
  });
});

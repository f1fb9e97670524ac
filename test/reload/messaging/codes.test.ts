import { describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import { seal } from '#reload/messaging/sealing.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { createSigner } from '#reload/security/signer.ts';
import { isRequestCode, MessageCode } from '#reload/wire/codes.ts';
import { decodeHeader, encodeWithPayload } from '#reload/wire/forwarding-header.ts';
import { documentOf } from '../overlay-config/documents.ts';
import { ask, body, CODE, echo, failureOf, pair } from './conversation.ts';
import { connect, createTestNetwork } from './network.ts';

describe('message codes', () => {
  it('R6940-6.3.3-02 are odd for requests and one more for their answers; invalid and reserved ones are discarded', async () => {
    const replaced = new Map<bigint, number>();
    let code: number = CODE;
    let [sent, answered] = [0, 0];
    const net = await createTestNetwork();
    const [alice, bob] = [await net.node('alice'), await net.node('bob')];
    const signer = createSigner(alice.identity);
    connect(alice, bob, (bytes, from) => {
      // Answers to answers would never end.
      if (sent + answered > 100) return undefined;
      if (from !== alice.nodeId) {
        answered++;
        return bytes;
      }
      sent++;
      const { header } = decodeHeader(bytes);
      replaced.set(header.transactionId, code);
      return encodeWithPayload(header, seal(signer, header, { code, body, extensions: [] }, []));
    });
    const seen = echo(bob);
    await net.clock.run(ask(alice, bob));
    expect([sent, answered, seen.calls]).toEqual([1, 1, 1]);
    for (code of [0, 0x8001, 0xfffd, CODE + 1]) {
      const before = { answered, calls: seen.calls, dropped: bob.messenger.counters.dropped['unexpected-answer'] ?? 0 };
      const failure = await failureOf(net, ask(alice, bob));
      expect(failure.fault.code).toBe('timeout');
      expect({ answered, calls: seen.calls }).toEqual({ answered: before.answered, calls: before.calls });
      expect(bob.messenger.counters.dropped['unexpected-answer']).toBeGreaterThan(before.dropped);
    }
    for (const [name, value] of Object.entries(MessageCode)) expect(isRequestCode(value)).toBe(name.endsWith('Req'));
    for (const [name, value] of Object.entries(MessageCode)) {
      if (name.endsWith('Req')) expect(MessageCode[name.replace(/Req$/, 'Ans') as 'pingAns']).toBe(value + 1);
    }
  });
});

describe('error codes', () => {
  it('R6940-14.9-01 reach the requester as numbers where nothing is known of them', async () => {
    const { net, alice, bob } = await pair();
    bob.messenger.handle(CODE, () => {
      throw refuse(0x1234, 'something new');
    });
    const failure = await failureOf(net, ask(alice, bob));
    expect(failure.fault).toMatchObject({ code: 'remote', errorCode: 0x1234, info: utf8('something new') });
  });
});

describe('the first ttl', () => {
  it.each([
    ['', 100],
    ['<initial-ttl>30</initial-ttl>', 30],
  ])('R6940-6.3.2-09 is what the document says, else 100: %s', async (element, expected) => {
    const { initialTtl } = readDocument(documentOf(element)).configuration;
    const net = await createTestNetwork({ configuration: { initialTtl } });
    const [alice, bob] = [await net.node('alice'), await net.node('bob')];
    const seen: number[] = [];
    connect(alice, bob, (bytes) => {
      seen.push(decodeHeader(bytes).header.ttl);
      return bytes;
    });
    echo(bob);
    await net.clock.run(ask(alice, bob));
    expect(seen).toEqual([expected, expected]);
  });
});

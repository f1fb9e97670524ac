import { randomInt } from 'node:crypto';
import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { Logger } from '#platform/log.ts';
import { silentLogger } from '#platform/log.ts';
import type { SipStack } from '#sip/sip-stack.ts';
import { INVITE_FIELDS, text } from './message/texts.ts';
import { RawPeer } from './raw-peer.ts';
import { QUICK_TIMERS, stack } from './support.ts';

const METHODS = ['INVITE', 'REGISTER', 'BYE', 'CANCEL', 'ACK', 'OPTIONS', 'UPDATE', 'SUBSCRIBE'];
const EXTRA = [
  'Route: <sip:127.0.0.1;lr>, <sip:x@home.example;lr>',
  'Route: <sip:a.b@home.example>',
  'Record-Route: <sip:evil.example;lr>',
  'Authorization: Digest username="alice", realm="home.example", nonce="x", uri="sip:home.example", response="y", qop=auth, nc=00000001, cnonce="z"',
  'Authorization: Digest username="alice',
  'Proxy-Authorization: Digest ,,,',
  'Contact: *',
  'Contact: <sip:a@[::1]:99999>',
  'Expires: 99999999999999999999',
  'Require: a, b',
  'Privacy: id',
  `Require: ${'a,'.repeat(300)}`,
  'P-Asserted-Identity: <sip:"@',
  'Content-Type: application/sdp',
  'To: <sip:bob@home.example>;tag=x',
];

/** Registrar, proxy and user agent in one, with everything on. Gathers what its logger calls an error. */
async function victim(): Promise<{ server: SipStack; errors: unknown[]; at: { host: string; port: number } }> {
  const errors: unknown[] = [];
  const log: Logger = { ...silentLogger, child: () => log, error: (message, fields) => errors.push([message, fields]) };
  const server = stack(
    {
      transactions: { timers: QUICK_TIMERS },
      transport: { overlayDomain: 'home.example', udpPerSecond: 100_000, udpBurst: 100_000 },
    },
    {
      log,
      adapter: {
        accounts: async () => ({ aors: ['alice@home.example'], secret: { password: 'x' } }),
        router: { route: async () => ({ kind: 'local' }) },
        observer: { registration: () => {} },
        options: { realm: 'home.example' },
      },
    },
  );
  server.engine.onIncoming((call) => void call.answer().catch(() => {}));
  const at = await server.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
  return { server, errors, at };
}

describe('A stack under thousands of broken and nonsensical messages', () => {
  const open: (SipStack | RawPeer)[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await (each instanceof RawPeer ? each.close() : each.stop());
  });

  for (const way of ['over UDP', 'over an overlay connection'] as const) {
    it(`has no error of its own and goes on answering ${way}`, async () => {
      const { server, errors, at } = await victim();
      const peer = await RawPeer.udp(at);
      open.push(server, peer);
      for (let round = 0; round < 20; round++) {
        const [near, far] = duplexPair();
        near.on('error', () => {}).resume();
        if (way !== 'over UDP') server.attachStream({ duplex: far, peerName: 'peer@home.example', peerNode: 'aa' });
        for (let i = 0; i < 75; i++) {
          const octets = nonsense(round * 1000 + i);
          if (way === 'over UDP') peer.send(octets);
          else if (!near.destroyed) near.write(octets);
        }
        peer.messages.length = 0;
        peer.send(
          text(
            [
              `Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKlive${round};rport`,
              ...INVITE_FIELDS.slice(1, 5),
              'CSeq: 1 OPTIONS',
            ],
            '',
            'OPTIONS sip:home.example SIP/2.0',
          ),
        );
        await peer.until(() =>
          peer.messages.find((m) => m.kind === 'response' && m.via.parameters.get('branch') === `z9hG4bKlive${round}`),
        );
        near.destroy();
      }
      expect(errors).toEqual([]);
    });
  }
});

function nonsense(seed: number): Uint8Array {
  const method = METHODS[randomInt(METHODS.length)] ?? '';
  const fields = [
    `Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK${seed}.${randomInt(1e9)};rport`,
    ...INVITE_FIELDS.slice(1, 5).map((field) => field.replace('3848276298220188511', String(randomInt(5)))),
    `CSeq: ${randomInt(20)} ${method}`,
    ...Array.from({ length: randomInt(4) }, () => EXTRA[randomInt(EXTRA.length)] ?? ''),
  ];
  const octets = Buffer.from(
    text(fields, randomInt(2) === 0 ? '' : 'v=0\r\n', `${method} sip:bob@home.example SIP/2.0`),
    'latin1',
  );
  for (let i = randomInt(4); i > 0; i--) octets[randomInt(octets.length)] = randomInt(256);
  return octets;
}

import { afterEach, describe, expect, it } from 'vitest';
import { systemRandom } from '#platform/random.ts';
import { Nonces } from '#sip/adapter/nonces.ts';
import { type DigestAlgorithm, digestResponse, digestSecret, parseAuthentication } from '#sip/message/digest.ts';
import type { SipResponse } from '#sip/message/message.ts';
import { SipStack } from '#sip/sip-stack.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { RawPeer } from '../raw-peer.ts';
import { createMedia, logger } from '../support.ts';

describe('Digest computation', () => {
  // The example of RFC 7616 §3.9.1.
  const quality = { count: '00000001', clientNonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' };
  const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v';
  it.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const)('gives the value of RFC 7616 for %s', (algorithm, expected) => {
    const secret = digestSecret(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life');
    expect(digestResponse({ algorithm, secret, method: 'GET', uri: '/dir/index.html', nonce, quality })).toBe(expected);
  });
});

describe('Nonces', () => {
  const book = (clock: VirtualClock, remembered = 10) =>
    new Nonces({ clock, random: systemRandom }, { lifetimeMs: 60_000, remembered });

  it('are good for rising counts only, and stale after their lifetime', async () => {
    const clock = new VirtualClock();
    const nonces = book(clock);
    const nonce = nonces.issue();
    expect([1, 2, 2, 1, 5].map((count) => nonces.use(nonce, count))).toEqual([
      'good',
      'good',
      'stale',
      'stale',
      'good',
    ]);
    await clock.advance(60_001);
    expect(nonces.use(nonce, 6)).toBe('stale');
  });

  it('cannot be made up, nor brought from another registrar', () => {
    const clock = new VirtualClock();
    expect(book(clock).use(book(clock).issue(), 1)).toBe('forged');
    expect(book(clock).use('abc', 1)).toBe('forged');
  });

  it('are stale rather than replayable when their count was forgotten for want of room', async () => {
    const clock = new VirtualClock();
    const nonces = book(clock, 2);
    const first = nonces.issue();
    nonces.use(first, 1);
    for (let i = 0; i < 3; i++) {
      await clock.advance(10);
      nonces.use(nonces.issue(), 1);
    }
    expect(nonces.use(first, 1)).toBe('stale');
  });
});

describe('The registrar', () => {
  const open: (SipStack | RawPeer)[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await (each instanceof RawPeer ? each.close() : each.stop());
  });

  const setup = async (algorithms?: readonly DigestAlgorithm[]) => {
    const clock = new VirtualClock();
    const seen: [string, number][] = [];
    const server = new SipStack(
      {
        clock,
        random: systemRandom,
        log: logger,
        createMedia,
        adapter: {
          accounts: async (user) =>
            user === 'alice' ? { aors: ['alice@home.example'], secret: { password: 'secret' } } : undefined,
          router: { route: async () => ({ kind: 'reject', status: 404, phrase: 'Not Found' }) },
          observer: { registration: (aor, expiresMs) => seen.push([aor, expiresMs]) },
          options: { realm: 'home.example', ...(algorithms === undefined ? {} : { algorithms: () => algorithms }) },
        },
      },
      { transport: { overlayDomain: 'home.example' } },
    );
    const at = await server.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
    const peer = await RawPeer.udp(at);
    open.push(server, peer);
    let sequence = 0;
    const send = async (fields: readonly string[], { to = 'alice', callId = 'reg', number = ++sequence } = {}) => {
      const before = peer.messages.length;
      peer.send(
        [
          'REGISTER sip:home.example SIP/2.0',
          `Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK${Math.random()};rport`,
          'From: <sip:alice@home.example>;tag=1',
          `To: <sip:${to}@home.example>`,
          `Call-ID: ${callId}`,
          `CSeq: ${number} REGISTER`,
          ...fields,
          '',
          '',
        ].join('\r\n'),
      );
      return peer.until(() =>
        peer.messages.slice(before).find((message): message is SipResponse => message.kind === 'response'),
      );
    };
    let nonce = '';
    let count = 0;
    const authorization = (
      algorithm: DigestAlgorithm = 'SHA-256',
      { user = 'alice', password = 'secret', reuse = false } = {},
    ) => {
      const nc = (reuse ? count : ++count).toString(16).padStart(8, '0');
      const quality = { count: nc, clientNonce: 'abcd' };
      const secret = digestSecret(algorithm, user, 'home.example', password);
      const uri = 'sip:home.example';
      const response = digestResponse({ algorithm, secret, method: 'REGISTER', uri, nonce, quality });
      return `Authorization: Digest username="${user}", realm="home.example", nonce="${nonce}", uri="${uri}", response="${response}", algorithm=${algorithm}, qop=auth, nc=${nc}, cnonce="abcd"`;
    };
    const challenge = async () => {
      const response = await send([]);
      expect(response.status).toBe(401);
      count = 0;
      nonce = parseAuthentication(response.headers.value('WWW-Authenticate') ?? '', 'x').parameters.get('nonce') ?? '';
      return response;
    };
    const register = (...fields: string[]) => send([authorization(), ...fields]);
    return { clock, seen, send, challenge, authorization, register, server };
  };

  it('offers SHA-256 before MD5 and takes both', async () => {
    const { challenge, send, authorization } = await setup();
    const offered = (await challenge()).headers
      .list('WWW-Authenticate')
      .map((text) => parseAuthentication(text, 'x').parameters.get('algorithm'));
    expect(offered).toEqual(['SHA-256', 'MD5']);
    for (const algorithm of ['SHA-256', 'MD5'] as const) {
      expect((await send([authorization(algorithm), 'Contact: <sip:a@127.0.0.1:9>'])).status).toBe(200);
    }
  });

  it('offers MD5 alone to a phone known to give up at another challenge', async () => {
    const { send } = await setup();
    const response = await send(['User-Agent: baresip v1.0.0 (x86_64/linux)']);
    const offered = response.headers
      .list('WWW-Authenticate')
      .map((text) => parseAuthentication(text, 'x').parameters.get('algorithm'));
    expect(offered).toEqual(['MD5']);
  });

  it('does not take an algorithm it did not offer to that phone', async () => {
    const { challenge, send, authorization } = await setup(['SHA-256']);
    await challenge();
    expect((await send([authorization('MD5')])).status).toBe(401);
  });

  it('answers a replayed count with stale=true, and a wrong password or user with 403', async () => {
    const { challenge, send, authorization } = await setup();
    await challenge();
    expect((await send([authorization()])).status).toBe(200);
    const replayed = await send([authorization('SHA-256', { reuse: true })]);
    expect(replayed.status).toBe(401);
    expect(replayed.headers.value('WWW-Authenticate')).toContain('stale=true');
    expect((await send([authorization('SHA-256', { password: 'wrong' })])).status).toBe(403);
    expect((await send([authorization('SHA-256', { user: 'eve' })])).status).toBe(403);
  });

  it('stops looking at passwords of a source that guessed too often', async () => {
    const { challenge, send, authorization, clock } = await setup();
    await challenge();
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++)
      statuses.push((await send([authorization('SHA-256', { password: `guess${i}` })])).status);
    expect(statuses).toEqual([...Array(10).fill(403), 503, 503]);
    await clock.advance(11_000);
    expect((await send([authorization()])).status).toBe(200);
  });

  it('R7904-A-01 refuses to register someone else with 403', async () => {
    const { challenge, send, authorization, seen } = await setup();
    await challenge();
    expect((await send([authorization(), 'Contact: <sip:a@127.0.0.1:9>'], { to: 'bob' })).status).toBe(403);
    expect(seen).toEqual([]);
  });

  it('R7890-5.5-02 adds, refreshes, lists and removes bindings, and tells its observer of each change', async () => {
    const { challenge, register, seen, clock } = await setup();
    await challenge();
    await register('Contact: <sip:a@127.0.0.1:9>;expires=100');
    const listed = await register('Contact: <sip:b@127.0.0.1:9>', 'Expires: 200');
    expect(listed.headers.list('Contact').toSorted()).toEqual([
      '<sip:a@127.0.0.1:9>;expires=100',
      '<sip:b@127.0.0.1:9>;expires=200',
    ]);
    await clock.advance(50_000);
    expect((await register()).headers.list('Contact').toSorted()).toEqual([
      '<sip:a@127.0.0.1:9>;expires=50',
      '<sip:b@127.0.0.1:9>;expires=150',
    ]);
    await register('Contact: <sip:b@127.0.0.1:9>;expires=0');
    await register('Contact: *', 'Expires: 0');
    const aor = 'alice@home.example';
    expect(seen).toEqual([
      [aor, 100_000],
      [aor, 200_000],
      [aor, 50_000],
      [aor, 0],
    ]);
  });

  it('tells its observer when the last binding has run out', async () => {
    const { challenge, register, seen, clock, server } = await setup();
    await challenge();
    await register('Contact: <sip:a@127.0.0.1:9>;expires=40');
    await clock.advance(40_001);
    expect(seen.at(-1)).toEqual(['alice@home.example', 0]);
    expect(server.registeredAors).toEqual([]);
  });

  it('takes equivalent Contacts for one, cuts long times and refuses short ones with 423', async () => {
    const { challenge, register } = await setup();
    await challenge();
    await register('Contact: <sip:%61@127.0.0.1:9;Transport=UDP>;expires=999999');
    const listed = await register('Contact: <sip:a@127.0.0.1:9;transport=udp>;expires=9999999999999');
    expect(listed.headers.list('Contact')).toEqual(['<sip:a@127.0.0.1:9;transport=udp>;expires=3600']);
    const brief = await register('Contact: <sip:a@127.0.0.1:9>;expires=5');
    expect([brief.status, brief.headers.value('Min-Expires')]).toEqual([423, '30']);
  });

  it('lets no older request of the same registration undo a newer one', async () => {
    const { challenge, send, authorization } = await setup();
    await challenge();
    expect((await send([authorization(), 'Contact: <sip:a@127.0.0.1:9>'], { number: 50 })).status).toBe(200);
    expect((await send([authorization(), 'Contact: <sip:a@127.0.0.1:9>;expires=0'], { number: 49 })).status).toBe(500);
    expect((await send([authorization(), 'Contact: *', 'Expires: 0'], { number: 48 })).status).toBe(500);
    expect((await send([authorization()], { number: 51 })).headers.list('Contact')).toHaveLength(1);
  });

  it('keeps at most ten contacts of one address', async () => {
    const { challenge, register } = await setup();
    await challenge();
    const contacts = Array.from({ length: 11 }, (_, i) => `Contact: <sip:a${i}@127.0.0.1:9>`);
    expect((await register(...contacts)).status).toBe(503);
    expect((await register(...contacts.slice(1))).status).toBe(200);
  });

  it('refuses "*" with another Contact or a lifetime', async () => {
    const { challenge, register } = await setup();
    await challenge();
    expect((await register('Contact: *', 'Expires: 60')).status).toBe(400);
    expect((await register('Contact: *, <sip:a@b>', 'Expires: 0')).status).toBe(400);
  });
});

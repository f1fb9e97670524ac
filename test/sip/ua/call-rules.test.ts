import { afterEach, describe, expect, it } from 'vitest';
import type { SipRequest, SipResponse } from '#sip/message/message.ts';
import { printMessage } from '#sip/message/printer.ts';
import { replyTo } from '#sip/message/reply.ts';
import type { SipStack, SipStackOptions } from '#sip/sip-stack.ts';
import { RawPeer } from '../raw-peer.ts';
import { nextCall, stack, streamPair, within } from '../support.ts';

const sdp = (direction = 'sendrecv', port = 40_000, codec = '0') =>
  `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP ${codec}\r\na=${direction}\r\n`;

describe('A user agent within its calls', () => {
  const open: (SipStack | RawPeer)[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await (each instanceof RawPeer ? each.close() : each.stop());
  });
  const setup = async (options: SipStackOptions['ua'] = {}) => {
    const ua = stack({
      ua: options,
      transactions: { timers: { t1: 20, t2: 80, t4: 40, d: 200, trying: 10 } },
      transport: { overlayDomain: 'home.example' },
    });
    const at = await ua.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
    const peer = await RawPeer.udp(at);
    open.push(ua, peer);
    return { ua, peer, at };
  };
  let branch = 0;
  const request = (peer: RawPeer, method: string, { number = 1, to = '', more = [] as string[], body = '' } = {}) =>
    [
      `${method} sip:bob@home.example SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bKrules${branch++};rport`,
      'From: <sip:alice@home.example>;tag=a',
      `To: <sip:bob@home.example>${to === '' ? '' : `;tag=${to}`}`,
      'Call-ID: rules',
      `CSeq: ${number} ${method}`,
      `Contact: <sip:alice@127.0.0.1:${peer.port}>`,
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      ...more,
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');

  /** The raw peer calls and the user agent answers. */
  const established = async (offer = sdp()) => {
    const { ua, peer } = await setup();
    const incoming = nextCall(ua);
    peer.send(request(peer, 'INVITE', { body: offer }));
    const answering = within(incoming).then((call) => call.answer());
    const answer = await peer.response(200);
    const to = answer.toTag ?? '';
    return { ua, peer, answering, answer, to };
  };

  it('repeat a 2xx until its ACK comes', async () => {
    const { peer, answering, to } = await established();
    await peer.until(() =>
      peer.messages.filter((m) => m.kind === 'response' && m.status === 200).length >= 3 ? true : undefined,
    );
    peer.send(request(peer, 'ACK', { to }));
    await within(answering);
  });

  it('hang up when no ACK comes, and say so to the one who answered', async () => {
    const { peer, answering } = await established();
    const outcome = expect(answering).rejects.toMatchObject({ fault: { code: 'timeout', status: 408 } });
    const bye = await peer.until(
      () => peer.messages.find((m): m is SipRequest => m.kind === 'request' && m.method === 'BYE'),
      10_000,
    );
    expect(bye.uri).toBe(`sip:alice@127.0.0.1:${peer.port}`);
    await outcome;
  });

  it('tell a hook flash that comes by INFO, and refuse INFO they do not know', async () => {
    const { peer, answering, to } = await established();
    peer.send(request(peer, 'ACK', { to }));
    const call = await within(answering);
    let flashes = 0;
    call.onFlash(() => flashes++);
    const ask = async (number: number, type: string, body: string) => {
      const text = request(peer, 'INFO', { number, to, more: type === '' ? [] : [`Content-Type: ${type}`] });
      peer.send(text.replace('Content-Length: 0\r\n\r\n', `Content-Length: ${body.length}\r\n\r\n${body}`));
      const response = await peer.until(() =>
        peer.messages.find((m): m is SipResponse => m.kind === 'response' && m.cseq.number === number),
      );
      return [response.status, flashes];
    };
    expect(await ask(2, 'application/hook-flash', '')).toEqual([200, 1]);
    expect(await ask(3, 'application/dtmf-relay', 'Signal=hf\r\nDuration=250\r\n')).toEqual([200, 2]);
    expect(await ask(4, 'application/dtmf-relay', 'Signal=5\r\nDuration=250\r\n')).toEqual([415, 2]);
    expect(await ask(5, '', '')).toEqual([200, 2]);
  });

  it('answer hold and resume by re-INVITE, and an offer in UPDATE', async () => {
    const { peer, answering, to } = await established();
    peer.send(request(peer, 'ACK', { to }));
    await within(answering);
    const ask = async (method: string, number: number, body: string) => {
      const before = peer.messages.length;
      peer.send(request(peer, method, { number, to, body }));
      const response = await peer.until(() =>
        peer.messages.slice(before).find((m): m is SipResponse => m.kind === 'response' && m.cseq.number === number),
      );
      if (method === 'INVITE') peer.send(request(peer, 'ACK', { number, to }));
      return { status: response.status, body: Buffer.from(response.body).toString() };
    };
    expect((await ask('INVITE', 2, sdp('sendonly'))).body).toContain('a=recvonly');
    expect((await ask('INVITE', 3, sdp('inactive'))).body).toContain('a=inactive');
    const resumed = await ask('UPDATE', 4, sdp('sendrecv', 41_000));
    expect(resumed.status).toBe(200);
    expect(resumed.body).not.toContain('inactive');
    expect((await ask('UPDATE', 5, '')).status).toBe(200);
    expect((await ask('INVITE', 6, sdp('sendrecv', 40_000, '96'))).status).toBe(488);
    expect((await ask('MESSAGE', 7, '')).status).toBe(405);
    expect((await ask('OPTIONS', 8, '')).status).toBe(200);
  });

  it('refuse a second re-INVITE while the first waits for its ACK, and a request older than the last', async () => {
    const { peer, answering, to } = await established();
    peer.send(request(peer, 'ACK', { to }));
    await within(answering);
    peer.send(request(peer, 'INVITE', { number: 10, to, body: sdp() }));
    await peer.until(() => peer.messages.find((m) => m.kind === 'response' && m.cseq.number === 10));
    peer.send(request(peer, 'INVITE', { number: 11, to, body: sdp() }));
    const refused = await peer.response(500);
    expect(refused.headers.value('Retry-After')).toBe('1');
    peer.send(request(peer, 'BYE', { number: 5, to }));
    await peer.until(() =>
      peer.messages.find((m) => m.kind === 'response' && m.cseq.method === 'BYE' && m.status === 500),
    );
  });

  it('make an offer when the INVITE brings none, and take the answer from the ACK', async () => {
    const { peer, answering, answer, to } = await established('');
    expect(Buffer.from(answer.body).toString()).toContain('m=audio');
    peer.send(request(peer, 'ACK', { to, body: sdp() }));
    await within(answering);
  });

  it('hang up when the ACK brings no answer to that offer', async () => {
    const { peer, answering, to } = await established('');
    const outcome = expect(answering).rejects.toMatchObject({ fault: { code: 'timeout' } });
    peer.send(request(peer, 'ACK', { to }));
    await peer.request('BYE');
    await outcome;
  });

  it('refuse what they cannot do: 420, 415, 488, 481, 405, and 480 when nobody takes calls', async () => {
    const { ua, peer } = await setup();
    peer.send(request(peer, 'INVITE', { more: ['Require: 100rel'] }));
    expect((await peer.response(420)).headers.value('Unsupported')).toBe('100rel');
    peer.send(
      request(peer, 'INVITE', { number: 2, more: ['Content-Type: text/plain'], body: '' }).replace(
        'Content-Length: 0\r\n\r\n',
        'Content-Length: 2\r\n\r\nhi',
      ),
    );
    await peer.response(415);
    peer.send(request(peer, 'INVITE', { number: 3 }));
    await peer.response(480);
    ua.engine.onIncoming((call) => void call.answer().catch(() => {}));
    peer.send(request(peer, 'INVITE', { number: 4, body: sdp('sendrecv', 40_000, '96') }));
    await peer.response(488);
    peer.send(request(peer, 'BYE', { number: 5, to: 'nobody' }));
    await peer.response(481);
    peer.send(request(peer, 'SUBSCRIBE', { number: 6 }));
    expect((await peer.response(405)).headers.value('Allow')).toContain('INVITE');
  });

  it('answer 503 beyond the calls that may be up, which has a caller try the next gateway', async () => {
    const { ua, peer } = await setup({ maxCalls: 1 });
    const incoming = nextCall(ua);
    peer.send(request(peer, 'INVITE', { body: sdp() }));
    const first = await within(incoming);
    peer.send(request(peer, 'INVITE', { number: 2, body: sdp() }));
    await peer.response(503);
    first.reject(486, 'Busy Here');
    await peer.response(486);
    const next = nextCall(ua);
    peer.send(request(peer, 'INVITE', { number: 3, body: sdp() }));
    (await within(next)).reject(486, 'Busy Here');
  });

  it('leave calls for others when one member has a quarter of all, and two in any case', async () => {
    const { ua } = await setup({ maxCalls: 4 });
    ua.engine.onIncoming((call) => call.ring());
    const member = (name: string) => {
      const [toUa, toMember] = streamPair({ name, node: name }, { name: 'gw1@pstn.home.example', node: 'gw1' });
      const phone = stack({ transport: { overlayDomain: 'home.example' } });
      open.push(phone);
      ua.attachStream(toMember);
      return (onRinging?: () => void) =>
        phone.engine.call(
          {
            target: { transport: 'stream', stream: toUa },
            requestUri: 'sip:+1@pstn.home.example',
            from: `sip:${name}`,
            to: 'sip:+1@pstn.home.example',
          },
          onRinging,
        );
    };
    const rings = (call: ReturnType<typeof member>) =>
      new Promise<void>((resolve, reject) => void call(resolve).catch(reject));
    const mallory = member('mallory@home.example');
    await within(rings(mallory));
    await within(rings(mallory));
    await expect(within(mallory())).rejects.toMatchObject({ fault: { code: 'rejected', status: 503 } });
    await within(rings(member('alice@home.example')));
  });

  it('end a call by its BYE with the reason of the far end', async () => {
    const { peer, answering, to } = await established();
    peer.send(request(peer, 'ACK', { to }));
    const call = await within(answering);
    peer.send(request(peer, 'BYE', { number: 2, to, more: ['Reason: Q.850;cause=16;text="Normal"'] }));
    expect(await within(call.ended)).toEqual({
      by: 'remote',
      status: undefined,
      reason: 'Q.850;cause=16;text="Normal"',
    });
  });

  it('hang up a second phone that answered the same INVITE, and repeat the ACK of the first', async () => {
    const { ua, peer } = await setup();
    const calling = ua.engine.call({
      target: { transport: 'udp', host: '127.0.0.1', port: peer.port },
      requestUri: 'sip:bob@home.example',
      from: 'sip:alice@home.example',
      to: 'sip:bob@home.example',
    });
    const invite = await peer.request('INVITE');
    const ok = (toTag: string) =>
      printMessage(
        replyTo(invite, 200, {
          toTag,
          fields: [
            ['Contact', `<sip:${toTag}@127.0.0.1:${peer.port}>`],
            ['Content-Type', 'application/sdp'],
          ],
          body: Buffer.from(sdp()),
        }),
      );
    peer.send(ok('first'));
    const call = await within(calling);
    peer.send(ok('second'));
    peer.send(ok('first'));
    const bye = await peer.request('BYE');
    expect([bye.toTag, bye.uri]).toEqual(['second', `sip:second@127.0.0.1:${peer.port}`]);
    await peer.until(() =>
      peer.messages.filter((m) => m.kind === 'request' && m.method === 'ACK').length === 3 ? true : undefined,
    );
    peer.send(printMessage(replyTo(bye, 200)));
    const hangingUp = call.hangUp();
    const own = await peer.until(() =>
      peer.messages.find((m): m is SipRequest => m.kind === 'request' && m.method === 'BYE' && m.toTag === 'first'),
    );
    peer.send(printMessage(replyTo(own, 200)));
    await within(hangingUp);
  });

  it('hang up when the answer crosses their CANCEL', async () => {
    const { ua, peer } = await setup();
    const giveUp = new AbortController();
    const calling = ua.engine.call({
      target: { transport: 'udp', host: '127.0.0.1', port: peer.port },
      requestUri: 'sip:bob@home.example',
      from: 'sip:alice@home.example',
      to: 'sip:bob@home.example',
      signal: giveUp.signal,
    });
    const outcome = expect(calling).rejects.toMatchObject({ fault: { code: 'aborted' } });
    const invite = await peer.request('INVITE');
    giveUp.abort();
    await outcome;
    const fields = [['Contact', `<sip:bob@127.0.0.1:${peer.port}>`] as const];
    peer.send(printMessage(replyTo(invite, 200, { toTag: 'b', fields })));
    await peer.request('ACK');
    await peer.request('BYE');
  });

  it('report a far end that does not answer, a connection that is refused, and a name that is unknown', async () => {
    const { ua, peer } = await setup();
    const call = (target: Parameters<typeof ua.engine.call>[0]['target']) =>
      ua.engine.call({
        target,
        requestUri: 'sip:bob@home.example',
        from: 'sip:alice@home.example',
        to: 'sip:bob@home.example',
      });
    const silent = expect(
      within(call({ transport: 'udp', host: '127.0.0.1', port: peer.port }), 10_000),
    ).rejects.toMatchObject({
      fault: { code: 'timeout', status: 408 },
    });
    await expect(call({ transport: 'tcp', host: '127.0.0.1', port: 1 })).rejects.toMatchObject({
      fault: { code: 'transport' },
    });
    await expect(call({ transport: 'udp', host: 'nowhere.invalid', port: 5060 })).rejects.toMatchObject({
      fault: { code: 'transport' },
    });
    await expect(call({ transport: 'udp', host: '::1', port: 5060 })).rejects.toMatchObject({
      fault: { code: 'transport' },
    });
    await silent;
  });

  it('refuse a request that only the user agent finds malformed, and a broken asserted identity counts as none', async () => {
    const { ua, peer } = await setup();
    peer.send(request(peer, 'OPTIONS', { more: [`Require: ${'a,'.repeat(300)}`] }));
    await peer.response(400);
    const incoming = nextCall(ua);
    peer.send(request(peer, 'INVITE', { number: 2, more: ['P-Asserted-Identity: <sip:"@'], body: sdp() }));
    const call = await within(incoming);
    expect(call.assertedIdentity).toBeUndefined();
    call.reject(603, 'Decline');
  });
});

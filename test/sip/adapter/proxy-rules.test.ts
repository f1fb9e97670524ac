import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { systemRandom } from '#platform/random.ts';
import { bestResponse } from '#sip/adapter/best-response.ts';
import type { RouteQuestion } from '#sip/adapter/call-router.ts';
import { FlowTokens } from '#sip/adapter/flow-tokens.ts';
import { Headers } from '#sip/message/headers.ts';
import { type SipRequest, SipResponse } from '#sip/message/message.ts';
import { parseNameAddress } from '#sip/message/name-address.ts';
import { printMessage } from '#sip/message/printer.ts';
import { replyTo } from '#sip/message/reply.ts';
import { SipStack } from '#sip/sip-stack.ts';
import { StreamFramer } from '#sip/transport/framer.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { RawPeer } from '../raw-peer.ts';
import { createMedia, logger, stack, streamPair } from '../support.ts';

interface Setup {
  readonly trusts?: (name: string) => boolean;
  readonly clock?: VirtualClock;
}

/** A proxy with an overlay connection on one side and UDP targets on the other, all spoken to octet by octet. */
describe('The proxy, message by message', () => {
  const open: (SipStack | RawPeer)[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await (each instanceof RawPeer ? each.close() : each.stop());
  });

  const setup = async ({ trusts = () => false, clock = new VirtualClock() }: Setup = {}) => {
    const questions: RouteQuestion[] = [];
    const targets: { host: string; port: number }[] = [];
    const server = new SipStack(
      {
        clock,
        random: systemRandom,
        log: logger,
        createMedia,
        adapter: {
          accounts: async () => undefined,
          router: {
            route: async (question) => {
              questions.push(question);
              return {
                kind: 'targets',
                targets: targets.map((at) => ({
                  requestUri: question.requestUri,
                  open: async () => ({ transport: 'udp', ...at }) as const,
                })),
              };
            },
          },
          observer: { registration: () => {} },
          options: { realm: 'home.example', trusts: ({ name }) => trusts(name) },
        },
      },
      { transport: { overlayDomain: 'home.example' } },
    );
    const at = await server.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
    const callee = await RawPeer.udp(at);
    targets.push({ host: '127.0.0.1', port: callee.port });
    const [near, far] = duplexPair();
    server.attachStream({ duplex: far, peerName: 'peer@home.example', peerNode: 'aa' });
    const caller = new RawPeer({ send: (octets) => near.write(octets), close: () => near.destroy(), port: 0 });
    const framer = new StreamFramer();
    near.on('data', (chunk) => {
      for (const frame of framer.push(chunk)) if (frame.type === 'message') caller.take(frame.bytes);
    });
    open.push(server, callee, caller);
    return { server, caller, callee, at, questions, clock, targets };
  };

  const invite = (more: readonly string[] = [], uri = 'sip:bob@home.example', method = 'INVITE') =>
    [
      `${method} ${uri} SIP/2.0`,
      'Via: SIP/2.0/TLS home.example;branch=z9hG4bKcaller',
      'From: <sip:alice@home.example>;tag=1',
      'To: <sip:bob@home.example>',
      'Call-ID: call',
      `CSeq: 1 ${method}`,
      'Contact: <sip:alice@home.example>',
      ...more,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');

  it('adds Via and Record-Route, counts Max-Forwards down and leaves every other octet, escapes of the Request-URI included', async () => {
    const { caller, callee } = await setup();
    caller.send(invite(['Max-Forwards: 17', 'X-Odd  :  kept   as it is'], 'sip:%62ob%40x@home.example;user=phone'));
    const got = await callee.request('INVITE');
    expect(got.uri).toBe('sip:%62ob%40x@home.example;user=phone');
    expect(got.headers.value('Max-Forwards')).toBe('16');
    expect(got.headers.copy('X-Odd').map(({ text }) => text)).toEqual(['X-Odd  :  kept   as it is']);
    expect(got.headers.list('Via')).toHaveLength(2);
    expect(got.via).toMatchObject({ transport: 'UDP', host: '127.0.0.1' });
    const [near, far] = got.headers.list('Record-Route');
    expect(near).toMatch(/^<sip:[\w.-]+@127\.0\.0\.1:\d+;lr>$/);
    expect(far).toMatch(/^<sip:[\w.-]+@home\.example;lr>$/);
  });

  it('does not believe what a peer asserts, nor shows credentials for its own realm', async () => {
    const { caller, callee, questions } = await setup();
    caller.send(invite(['P-Asserted-Identity: <sip:ceo@home.example>', 'P-Preferred-Identity: <sip:x@y>']));
    const got = await callee.request('INVITE');
    expect(got.headers.list('P-Asserted-Identity')).toEqual(['<sip:peer@home.example>']);
    expect(got.headers.has('P-Preferred-Identity')).toBe(false);
    expect(questions[0]).toMatchObject({ caller: 'peer@home.example', fromOverlay: true });
  });

  it('believes what a trusted peer asserts, and hides it from a phone when privacy is asked for', async () => {
    const trusted = await setup({ trusts: (name) => name === 'peer@home.example' });
    trusted.caller.send(invite(['P-Asserted-Identity: <sip:+4930@pstn.home.example>']));
    const shown = await trusted.callee.request('INVITE');
    expect(shown.headers.list('P-Asserted-Identity')).toEqual(['<sip:+4930@pstn.home.example>']);
    const again = await setup({ trusts: () => true });
    again.caller.send(invite(['P-Asserted-Identity: <sip:+4930@pstn.home.example>', 'Privacy: id']));
    expect((await again.callee.request('INVITE')).headers.has('P-Asserted-Identity')).toBe(false);
  });

  it('refuses a request whose forwards are used up with 483, an unknown Proxy-Require with 420, a REGISTER of a peer with 403', async () => {
    const { caller } = await setup();
    caller.send(invite(['Max-Forwards: 0']));
    await caller.response(483);
    caller.send(invite(['Proxy-Require: magic']).replaceAll('z9hG4bKcaller', 'z9hG4bKother'));
    expect((await caller.response(420)).headers.value('Unsupported')).toBe('magic');
    caller.send(invite([], 'sip:home.example', 'REGISTER'));
    await caller.response(403);
  });

  it('answers an OPTIONS for itself, even when its forwards are used up', async () => {
    const { caller } = await setup();
    caller.send(invite(['Max-Forwards: 0'], 'sip:home.example', 'OPTIONS'));
    await caller.response(200);
  });

  it('finds its own request again and ends the loop with 482', async () => {
    const { caller, targets, at } = await setup();
    targets.splice(0, 1, at);
    // The proxy challenges what comes back over UDP, unless the loop is found first.
    caller.send(invite());
    await caller.response(482);
  });

  it('passes 180 and 200 back without its own Via, and ACK and BYE by its Record-Route over the same connection', async () => {
    const { caller, callee } = await setup();
    caller.send(invite());
    const got = await callee.request('INVITE');
    const fields = got.headers.list('Record-Route').map((value) => ['Record-Route', value] as const);
    const contact = ['Contact', '<sip:bob@127.0.0.1:9>'] as const;
    callee.send(printMessage(replyTo(got, 180, { toTag: 'b', fields })));
    callee.send(printMessage(replyTo(got, 200, { toTag: 'b', fields: [...fields, contact] })));
    const answered = await caller.response(200);
    expect(answered.headers.list('Via')).toEqual(['SIP/2.0/TLS home.example;branch=z9hG4bKcaller']);
    const routes = answered.headers
      .list('Record-Route')
      .toReversed()
      .map((value) => `Route: ${value}`);
    const inDialog = (method: string) =>
      invite(routes, 'sip:bob@127.0.0.1:9', method)
        .replace('To: <sip:bob@home.example>', 'To: <sip:bob@home.example>;tag=b')
        .replace('z9hG4bKcaller', `z9hG4bK${method}`);
    caller.send(inDialog('ACK'));
    const ack = await callee.request('ACK');
    expect(ack.headers.has('Route')).toBe(false);
    expect(ack.uri).toBe('sip:bob@127.0.0.1:9');
    callee.send(hangUp(got, answered));
    const bye = await caller.request('BYE');
    expect(bye.headers.has('Route')).toBe(false);
    caller.send(printMessage(replyTo(bye, 200)));
    await callee.response(200);
  });

  it('follows a strict router that put the recorded URI into the Request-URI', async () => {
    const { caller, callee } = await setup();
    caller.send(invite());
    const got = await callee.request('INVITE');
    const [, far] = got.headers.list('Record-Route');
    const [near] = got.headers.list('Record-Route');
    const uri = parseNameAddress(near ?? '', 'x').uri;
    caller.send(
      invite(['Route: <sip:bob@127.0.0.1:9>'], uri, 'BYE')
        .replace('To: <sip:bob@home.example>', 'To: <sip:bob@home.example>;tag=b')
        .replace('z9hG4bKcaller', 'z9hG4bKstrict'),
    );
    expect((await callee.request('BYE')).uri).toBe('sip:bob@127.0.0.1:9');
    expect(far).toBeDefined();
  });

  it('answers 481 within a dialog it has no route for, and never takes such a request for a new call', async () => {
    const { caller, questions } = await setup();
    caller.send(invite().replace('To: <sip:bob@home.example>', 'To: <sip:bob@home.example>;tag=guess'));
    await caller.response(481);
    expect(questions).toEqual([]);
  });

  it('cancels a branch that rings longer than Timer C, and answers 408 or what the branch says', async () => {
    const clock = new VirtualClock();
    const { caller, callee } = await setup({ clock });
    caller.send(invite());
    const got = await callee.request('INVITE');
    callee.send(printMessage(replyTo(got, 180, { toTag: 'b' })));
    await caller.response(180);
    await clock.advance(185_001);
    const cancel = await callee.request('CANCEL');
    callee.send(printMessage(replyTo(cancel, 200)));
    callee.send(printMessage(replyTo(got, 487, { toTag: 'b' })));
    await caller.response(487);
  });

  it('tries nobody when the caller gives up while a target is being opened', async () => {
    let aborted = false;
    const net = stack(
      {},
      {
        adapter: {
          accounts: async () => undefined,
          router: {
            route: async () => ({
              kind: 'targets',
              targets: [
                {
                  requestUri: 'sip:x@y',
                  open: (signal) =>
                    new Promise((_, reject) => {
                      signal.addEventListener('abort', () => {
                        aborted = true;
                        reject(new Error('given up'));
                      });
                    }),
                },
              ],
            }),
          },
          observer: { registration: () => {} },
          options: { realm: 'home.example' },
        },
      },
    );
    const [toNet, toPeer] = streamPair({ name: 'a', node: 'aa' }, { name: 'b', node: 'bb' });
    net.attachStream(toPeer);
    const caller = new RawPeer({
      send: (octets) => toNet.duplex.write(octets),
      close: () => toNet.duplex.destroy(),
      port: 0,
    });
    const framer = new StreamFramer();
    toNet.duplex.on('data', (chunk) => {
      for (const frame of framer.push(chunk)) if (frame.type === 'message') caller.take(frame.bytes);
    });
    open.push(net, caller);
    caller.send(invite());
    await caller.response(100);
    caller.send(invite([], 'sip:bob@home.example', 'CANCEL'));
    await caller.response(487);
    expect(aborted).toBe(true);
  });
});

/** A BYE of the called side. */
function hangUp(invite: SipRequest, answer: SipResponse): string {
  return [
    'BYE sip:alice@home.example SIP/2.0',
    'Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKbye;rport',
    `From: ${answer.headers.value('To')}`,
    `To: ${invite.headers.value('From')}`,
    'Call-ID: call',
    'CSeq: 1 BYE',
    ...invite.headers.list('Record-Route').map((value) => `Route: ${value}`),
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

describe('Flow tokens', () => {
  it('give back the flow they name and refuse every change', () => {
    const tokens = new FlowTokens({ random: systemRandom });
    const token = tokens.seal('stream|aa|1');
    expect(tokens.open(token)).toBe('stream|aa|1');
    expect(tokens.open(token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')))).toBeUndefined();
    expect(tokens.open('alice')).toBeUndefined();
    expect(new FlowTokens({ random: systemRandom }).open(token)).toBeUndefined();
  });
});

describe('The best response', () => {
  const response = (status: number, fields: readonly (readonly [string, string])[] = []) =>
    new SipResponse({ status, phrase: '', headers: Headers.of(fields) });
  it.each([
    [[404, 603, 486], 603],
    [[500, 404], 404],
    [[486, 302], 302],
    [[404, 407], 407],
    [[408, 486], 486],
    [[503], 500],
  ])('of %j is %i', (statuses, best) => {
    expect(bestResponse(statuses.map((status) => response(status)))?.status).toBe(best);
  });

  it('gathers the challenges of all branches', () => {
    const challenge = (realm: string) => response(407, [['Proxy-Authenticate', `Digest realm="${realm}"`]]);
    expect(
      bestResponse([challenge('a'), response(404), challenge('b')])?.headers.list('Proxy-Authenticate'),
    ).toHaveLength(2);
  });
});

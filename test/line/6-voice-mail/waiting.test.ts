import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { Headers } from '#sip/message/headers.ts';
import { SipRequest } from '#sip/message/message.ts';
import { printSummary } from '#sip/mwi/summary.ts';
import { SipStack } from '#sip/sip-stack.ts';
import { answerChallenge } from '#sip/ua/client-auth.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { RawPeer } from '../../sip/raw-peer.ts';
import { createMedia } from '../../sip/support.ts';

const ACCOUNT = 'sip:voicemail@home.example';
const text = (body: Uint8Array) => Buffer.from(body).toString();

let stop: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const each of stop.splice(0)) await each();
});

/** A proxy with a mailbox for alice, and a phone of hers that says what a test wants. */
async function setup(options: { readonly unsolicited?: boolean } = {}) {
  const clock = new VirtualClock();
  const mail = { new: 2, old: 1 };
  const server = new SipStack(
    {
      clock,
      random: systemRandom,
      log: silentLogger,
      createMedia,
      adapter: {
        accounts: async (user) =>
          user === 'alice' || user === 'bob'
            ? { aors: [`${user}@home.example`], secret: { password: 'secret' } }
            : undefined,
        router: { route: async () => ({ kind: 'reject', status: 404, phrase: 'Not Found' }) },
        observer: { registration: () => {} },
        mailboxes: {
          summary: (aor) => (aor === 'alice@home.example' ? { ...mail } : undefined),
          account: ACCOUNT,
          unsolicited: options.unsolicited ?? false,
        },
        options: { realm: 'home.example' },
      },
    },
    { transport: { overlayDomain: 'home.example' } },
  );
  const at = await server.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
  const peer = await RawPeer.udp(at);
  stop = [async () => peer.close(), async () => void (await clock.run(server.stop()))];
  return { clock, mail, server, peer, phone: new Phone(peer) };
}

interface Ask {
  readonly user?: string;
  readonly method?: string;
  readonly mailbox?: string;
  readonly expires?: number;
  readonly toTag?: string;
  readonly fields?: readonly (readonly [string, string])[];
  readonly password?: string;
}

/** Sends SUBSCRIBE and REGISTER with digest, and answers each NOTIFY. */
class Phone {
  readonly peer: RawPeer;
  readonly callId = `call-${Math.random()}`;
  #sequence = 0;
  #answered = 0;
  status = 200;

  constructor(peer: RawPeer) {
    this.peer = peer;
  }

  /** The final answer, after the challenge. */
  async ask(ask: Ask = {}) {
    const { user = 'alice', method = 'SUBSCRIBE', mailbox = 'alice', expires = 600, toTag, fields = [] } = ask;
    const to = `<sip:${mailbox}@home.example>${toTag === undefined ? '' : `;tag=${toTag}`}`;
    let request = new SipRequest({
      method,
      uri: method === 'REGISTER' ? 'sip:home.example' : `sip:${mailbox}@home.example`,
      headers: Headers.of([
        ['Max-Forwards', '70'],
        ['From', `<sip:${user}@home.example>;tag=phone`],
        ['To', to],
        ['Call-ID', this.callId],
        ['CSeq', `${++this.#sequence} ${method}`],
        ['Contact', `<sip:${user}@127.0.0.1:${this.peer.port}>`],
        ['Expires', String(expires)],
        ...(method === 'SUBSCRIBE' ? ([['Event', 'message-summary']] as const) : []),
        ...fields,
      ]),
    });
    const first = await this.#exchange(request);
    if (first.status !== 401) return first;
    const credentials = { user, password: ask.password ?? 'secret' };
    const again = answerChallenge(request, first, { credentials, random: systemRandom });
    if (again === undefined) throw new Error('no challenge to answer');
    request = again;
    this.#sequence = request.cseq.number;
    return this.#exchange(request);
  }

  /** The next NOTIFY, answered. */
  async notified(ms?: number): Promise<SipRequest> {
    const notify = await this.peer.until(() => this.#notifies()[this.#answered], ms);
    this.#answered++;
    const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].flatMap((name) =>
      notify.headers.list(name).map((value) => `${name}: ${value}`),
    );
    this.peer.send([`SIP/2.0 ${this.status} Answer`, ...copied, 'Content-Length: 0', '', ''].join('\r\n'));
    return notify;
  }

  /** What was not awaited, given time to arrive: packets take real time. */
  async furtherNotifies(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 60));
    return this.#notifies().length - this.#answered;
  }

  /** Without repetitions. */
  #notifies(): readonly SipRequest[] {
    const all = this.peer.messages.filter((m): m is SipRequest => m.kind === 'request' && m.method === 'NOTIFY');
    const branch = (request: SipRequest) => request.via.parameters.get('branch');
    return all.filter((each, i) => all.findIndex((other) => branch(other) === branch(each)) === i);
  }

  async #exchange(request: SipRequest) {
    const branch = `z9hG4bK${Math.random()}`;
    const via = `SIP/2.0/UDP 127.0.0.1:${this.peer.port};branch=${branch};rport`;
    const lines = request.headers.prepend('Via', via).fields.map(({ text: line }) => line);
    this.peer.send([`${request.method} ${request.uri} SIP/2.0`, ...lines, 'Content-Length: 0', '', ''].join('\r\n'));
    return this.peer.until(() =>
      this.peer.messages.find(
        (m) => m.kind === 'response' && m.via.parameters.get('branch') === branch && m.status >= 200,
      ),
    ) as Promise<Extract<RawPeer['messages'][number], { kind: 'response' }>>;
  }
}

describe('RFC 3842: message waiting', () => {
  it('§3.5 says what waits, in the form of the RFC', () => {
    expect(text(printSummary({ new: 2, old: 8 }, ACCOUNT))).toBe(
      `Messages-Waiting: yes\r\nMessage-Account: ${ACCOUNT}\r\nVoice-Message: 2/8 (0/0)\r\n`,
    );
    expect(text(printSummary({ new: 0, old: 2 ** 40 }, ACCOUNT))).toContain('Messages-Waiting: no');
    expect(text(printSummary({ new: 0, old: 2 ** 40 }, ACCOUNT))).toContain('0/4294967295');
  });

  it('§3.8 a subscriber is told at once, and again when something changes', async () => {
    const { phone, mail, server, clock } = await setup();
    const accepted = await phone.ask();
    expect([accepted.status, accepted.headers.value('Expires')]).toEqual([200, '600']);
    const first = await phone.notified();
    expect(first.headers.value('Event')).toBe('message-summary');
    expect(first.headers.value('Subscription-State')).toBe('active;expires=600');
    expect(first.headers.value('Content-Type')).toBe('application/simple-message-summary');
    expect([first.callId, first.toTag, first.fromTag]).toEqual([accepted.callId, 'phone', accepted.toTag]);
    expect(text(first.body)).toContain('Voice-Message: 2/1 (0/0)');
    await clock.advance(100_000);
    mail.new = 3;
    server.mailChanged('alice@home.example');
    const second = await phone.notified();
    expect(text(second.body)).toContain('Voice-Message: 3/1');
    expect(second.headers.value('Subscription-State')).toBe('active;expires=500');
    expect(second.cseq.number).toBe(first.cseq.number + 1);
  });

  it('§3.11 one NOTIFY a second at most, the latest state in the end', async () => {
    const { phone, mail, server, clock } = await setup();
    await phone.ask();
    await phone.notified();
    for (const count of [3, 4, 5]) {
      mail.new = count;
      server.mailChanged('alice@home.example');
    }
    await clock.advance(900);
    expect(await phone.furtherNotifies()).toBe(0);
    await clock.advance(200);
    expect(text((await phone.notified()).body)).toContain('Voice-Message: 5/1');
    await clock.advance(5000);
    expect(await phone.furtherNotifies()).toBe(0);
  });

  it('RFC 6665 §4.2: lasts until its time, longer when refreshed, and ends when the phone ends it', async () => {
    const { phone, clock, server } = await setup();
    const { toTag = '' } = await phone.ask({ expires: 60 });
    await phone.notified();
    await clock.advance(50_000);
    expect((await phone.ask({ expires: 60, toTag })).status).toBe(200);
    expect((await phone.notified()).headers.value('Subscription-State')).toBe('active;expires=60');
    await clock.advance(50_000);
    server.mailChanged('alice@home.example');
    expect((await phone.notified()).headers.value('Subscription-State')).toBe('active;expires=10');
    expect((await phone.ask({ expires: 0, toTag })).status).toBe(200);
    expect((await phone.notified()).headers.value('Subscription-State')).toBe('terminated;reason=timeout');
    expect((await phone.ask({ expires: 60, toTag })).status).toBe(481);
    const other = await phone.ask({ expires: 60 });
    await phone.notified();
    await clock.advance(60_000);
    expect((await phone.notified()).headers.value('Subscription-State')).toBe('terminated;reason=timeout');
    server.mailChanged('alice@home.example');
    await clock.advance(2000);
    expect(await phone.furtherNotifies()).toBe(0);
    expect((await phone.ask({ toTag: other.toTag ?? '' })).status).toBe(481);
  });

  it('an expiry of nothing asks for the state once', async () => {
    const { phone } = await setup();
    expect((await phone.ask({ expires: 0 })).status).toBe(200);
    const only = await phone.notified();
    expect(only.headers.value('Subscription-State')).toBe('terminated;reason=timeout');
    expect(text(only.body)).toContain('2/1');
  });

  it('a phone that knows nothing of it is told no more', async () => {
    const { phone, server, clock } = await setup();
    phone.status = 481;
    await phone.ask();
    await phone.notified();
    await clock.advance(100);
    expect(await phone.furtherNotifies()).toBe(0);
    server.mailChanged('alice@home.example');
    await clock.advance(3000);
    expect(await phone.furtherNotifies()).toBe(0);
  });

  it('§3.7 refuses strangers, other people’s mailboxes, and what it cannot do', async () => {
    const { phone } = await setup();
    expect((await phone.ask({ password: 'wrong' })).status).toBe(403);
    expect((await phone.ask({ user: 'bob', mailbox: 'alice' })).status).toBe(404);
    expect((await phone.ask({ user: 'bob', mailbox: 'bob' })).status).toBe(404);
    const short = await phone.ask({ expires: 5 });
    expect([short.status, short.headers.value('Min-Expires')]).toEqual([423, '30']);
    expect((await phone.ask({ fields: [['Accept', 'application/pidf+xml']] })).status).toBe(406);
    expect(await phone.furtherNotifies()).toBe(0);
  });

  it('a phone that expects it is told without having asked, when it registers and at each change', async () => {
    const { phone, mail, server } = await setup({ unsolicited: true });
    expect((await phone.ask({ method: 'REGISTER' })).status).toBe(200);
    const first = await phone.notified();
    expect(text(first.body)).toContain('Voice-Message: 2/1');
    mail.new = 0;
    server.mailChanged('alice@home.example');
    expect(text((await phone.notified()).body)).toContain('Messages-Waiting: no');
    // One that subscribes is told by its subscription alone.
    await phone.ask();
    await phone.notified();
    await phone.ask({ method: 'REGISTER' });
    expect(await phone.furtherNotifies()).toBe(0);
  });

  it('not without that setting', async () => {
    const { phone, server } = await setup();
    await phone.ask({ method: 'REGISTER' });
    server.mailChanged('alice@home.example');
    expect(await phone.furtherNotifies()).toBe(0);
  });

  it('§3.8 subscribers are told when the node stops', async () => {
    const { phone, server, clock } = await setup();
    await phone.ask();
    await phone.notified();
    const stopping = clock.run(server.stop());
    expect((await phone.notified()).headers.value('Subscription-State')).toBe('terminated;reason=deactivated');
    await stopping;
  });
});

import { parseHostPort } from '#config/values.ts';
import { openRtpSession } from '#media/rtp-session.ts';
import type { MediaSession } from '#media/session.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { SipStack } from '#sip/sip-stack.ts';
import type { CallOptions, IncomingCall } from '#sip/ua/call-engine.ts';
import type { Registration } from '#sip/ua/registration.ts';

export interface PhoneAccount {
  readonly user: string;
  readonly password: string;
  /** `host:port` of the proxy. */
  readonly proxy: string;
}

/** A SIP phone of a test: registers, calls through its proxy, takes calls. */
export class TestPhone {
  readonly stack: SipStack;
  readonly #account: PhoneAccount;
  readonly #incoming: IncomingCall[] = [];
  #wake: () => void = () => {};
  #registration: Registration | undefined;

  /** `around` can put something between the phone and the network. */
  constructor(
    account: PhoneAccount,
    around: (session: MediaSession) => Promise<MediaSession> = async (session) => session,
  ) {
    this.#account = account;
    this.stack = new SipStack(
      {
        clock: systemClock,
        random: systemRandom,
        log: silentLogger,
        createMedia: async (options) =>
          around(await openRtpSession({ clock: systemClock, random: systemRandom, logger: silentLogger }, options)),
      },
      { transport: { overlayDomain: 'phone.invalid' }, ua: { mediaAddresses: { ipv4: '127.0.0.1', ipv6: '::1' } } },
    );
    this.stack.engine.onIncoming((call) => {
      this.#incoming.push(call);
      this.#wake();
    });
  }

  async register(): Promise<void> {
    await this.stack.listen({ transport: 'udp', host: this.#target.host, port: 0 });
    const { user, password } = this.#account;
    this.#registration = this.stack.registration({
      target: this.#target,
      aor: `sip:${user}`,
      credentials: { user: user.split('@')[0] ?? '', password },
    });
    await this.#registration.start();
  }

  unregister(): Promise<void> {
    return this.#registration?.stop() ?? Promise.resolve();
  }

  call(to: string, options: Partial<CallOptions> = {}) {
    const { user, password } = this.#account;
    const domain = user.split('@')[1];
    const requestUri = to.includes('@') || to.startsWith('tel:') ? to : `sip:${to}@${domain}`;
    return this.stack.engine.call({
      target: this.#target,
      requestUri,
      from: `sip:${user}`,
      to: requestUri,
      credentials: { user: user.split('@')[0] ?? '', password },
      ...options,
    });
  }

  async nextCall(): Promise<IncomingCall> {
    for (;;) {
      const call = this.#incoming.shift();
      if (call) return call;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    await this.#registration?.stop().catch(() => {});
    await this.stack.stop();
  }

  get #target() {
    const { host = '', port = 0 } = parseHostPort(this.#account.proxy) ?? {};
    return { transport: 'udp', host, port } as const;
  }
}

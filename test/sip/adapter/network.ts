import type { AdapterOptions } from '#sip/adapter/adapter.ts';
import type { CallRouter } from '#sip/adapter/call-router.ts';
import { addressOfRecord, parseUri } from '#sip/message/uri.ts';
import type { SipStack } from '#sip/sip-stack.ts';
import type { CallOptions } from '#sip/ua/call-engine.ts';
import type { Registration } from '#sip/ua/registration.ts';
import { QUICK_TIMERS, stack } from '../support.ts';

export const PASSWORD = 'correct-horse';

/** Phones of this domain are found where they registered; a test may route otherwise. */
const registeredOnly: CallRouter = {
  route: async ({ requestUri }) => {
    const uri = parseUri(requestUri, 'Request-URI');
    return uri === undefined
      ? { kind: 'reject', status: 416, phrase: 'Unsupported URI Scheme' }
      : { kind: 'registered', aor: addressOfRecord(uri) };
  },
};

export interface ProxySetup {
  readonly router?: CallRouter;
  readonly options?: Partial<AdapterOptions>;
  readonly transport?: 'udp' | 'tcp';
  readonly host?: string;
}

/** One proxy with phones around it, all with real sockets on loopback. */
export class TestNetwork {
  readonly registrations: [aor: string, expiresMs: number][] = [];
  readonly #stacks: SipStack[] = [];
  readonly #setup: ProxySetup;
  readonly proxy: SipStack;
  at = { host: '', port: 0 };

  constructor(setup: ProxySetup = {}) {
    this.#setup = setup;
    const accounts = async (user: string) =>
      ['alice', 'bob', 'carol'].includes(user)
        ? ({ aors: [`${user}@home.example`], secret: { password: PASSWORD } } as const)
        : undefined;
    this.proxy = this.stack({
      accounts,
      router: setup.router ?? registeredOnly,
      observer: { registration: (aor, expiresMs) => this.registrations.push([aor, expiresMs]) },
      options: { realm: 'home.example', minExpires: 1, ...setup.options },
    });
  }

  stack(
    adapter?: Parameters<typeof stack>[1] extends infer D ? (D extends { adapter?: infer A } ? A : never) : never,
  ): SipStack {
    const made = stack({ transactions: { timers: QUICK_TIMERS } }, adapter === undefined ? {} : { adapter });
    this.#stacks.push(made);
    return made;
  }

  get transport(): 'udp' | 'tcp' {
    return this.#setup.transport ?? 'udp';
  }

  async start(): Promise<this> {
    this.at = await this.proxy.listen({ transport: this.transport, host: this.#setup.host ?? '127.0.0.1', port: 0 });
    return this;
  }

  /** A user agent that is registered as `user`. */
  async phone(user: string, password = PASSWORD): Promise<{ ua: SipStack; registration: Registration }> {
    const ua = this.stack();
    await ua.listen({ transport: this.transport, host: this.#setup.host ?? '127.0.0.1', port: 0 });
    const registration = ua.registration({
      target: { transport: this.transport, ...this.at },
      aor: `sip:${user}@home.example`,
      credentials: { user, password },
      expires: 60,
    });
    await registration.start();
    return { ua, registration };
  }

  call(from: string, to: string, more: Partial<CallOptions> = {}): CallOptions {
    return {
      target: { transport: this.transport, ...this.at },
      requestUri: `sip:${to}@home.example`,
      from: `sip:${from}@home.example`,
      to: `sip:${to}@home.example`,
      credentials: { user: from, password: PASSWORD },
      ...more,
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stacks.splice(0).map((each) => each.stop()));
  }
}

import type { Credentials } from '#gateway/credentials.ts';
import type { EventHub } from '#gateway/events.ts';
import { enrollPhone, phoneDirectory, phoneMember } from '#gateway/members.ts';
import type { OverlaySide } from '#gateway/overlay-side.ts';
import type { PeerStreams } from '#gateway/peer-streams.ts';
import { type Clock, delay } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { OpenedNode } from '#reload/node/open-node.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import { AorRegistration } from '#reload/usages/sip/aor-registration.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import type { Account } from '#sip/adapter/authenticator.ts';
import type { RegistrationObserver } from '#sip/adapter/call-router.ts';

export interface PhoneAccount {
  readonly user: string;
  readonly password: string;
}

export interface PhoneHostsDeps {
  readonly opened: OpenedNode;
  readonly overlay: OverlaySide;
  readonly streams: PeerStreams;
  readonly events: EventHub;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Between two attempts to obtain a phone's certificate. */
const RETRY_MS = 15_000;
const LOOK_AGAIN_MS = 500;

interface Hosted {
  readonly account: PhoneAccount;
  node: ReloadNode | undefined;
  registration: AorRegistration | undefined;
  wanted: boolean;
  /** Changes of one phone happen one after the other. */
  work: Promise<void>;
}

/**
 * The phones of this proxy. Each user has a certificate of its own and a light node in this process, so that the overlay sees
 * the user and not the proxy (RFC 7904 §3.3: USER-NODE-MATCH). The overlay's registration follows the phone's.
 */
export class PhoneHosts implements RegistrationObserver {
  readonly #deps: PhoneHostsDeps;
  readonly #stateDirectory: string;
  readonly #phones: ReadonlyMap<string, Hosted>;
  readonly #stopping = new AbortController();

  constructor(
    deps: PhoneHostsDeps,
    options: { readonly phones: readonly PhoneAccount[]; readonly stateDirectory: string },
  ) {
    this.#deps = deps;
    this.#stateDirectory = options.stateDirectory;
    this.#phones = new Map(
      options.phones.map((account) => [
        account.user,
        { account, node: undefined, registration: undefined, wanted: false, work: Promise.resolve() },
      ]),
    );
  }

  /** The account of digest authentication: `alice` and `alice@home.example` name the same one. */
  readonly account = async (user: string): Promise<Account | undefined> => {
    const { instanceName } = this.#deps.opened.configuration.current;
    const phone = this.#phones.get(user) ?? this.#phones.get(`${user}@${instanceName}`);
    return phone && { aors: [phone.account.user], secret: { password: phone.account.password } };
  };

  /** Gives every phone's user a node; those whose certificate cannot be had now are tried again. */
  async start(): Promise<void> {
    // One by one: the enrollment server takes a few at a time.
    for (const phone of this.#phones.values()) await this.#host(phone);
  }

  registration(aor: string, expiresMs: number): void {
    const phone = this.#phones.get(aor);
    if (!phone) return;
    phone.wanted = expiresMs > 0;
    this.#deps.events.emit({ event: 'registration', aor, state: phone.wanted ? 'registered' : 'gone' });
    this.#follow(phone);
  }

  get status(): readonly { readonly user: string; readonly registered: boolean; readonly published: boolean }[] {
    return Array.from(this.#phones.values(), ({ account, wanted, registration }) => ({
      user: account.user,
      registered: wanted,
      published: registration?.isPublished ?? false,
    }));
  }

  /** Removes the registrations from the overlay. The nodes end with the proxy's. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    for (const phone of this.#phones.values()) {
      phone.wanted = false;
      this.#follow(phone);
    }
    await Promise.all(Array.from(this.#phones.values(), ({ work }) => work));
  }

  async #host(phone: Hosted): Promise<void> {
    const { opened, overlay, streams, log } = this.#deps;
    const { user } = phone.account;
    try {
      const directory = phoneDirectory(this.#stateDirectory, user);
      const account = { ...phone.account, overlay: opened.configuration };
      const member = await phoneMember(this.#deps, directory, account);
      const [identity] = member.identities;
      if (identity === undefined) throw new Error('its certificate holds no Node-ID');
      const node = await opened.node.hostClient(identity);
      phone.node = node;
      const enrollAnew = () => enrollPhone(this.#deps, directory, account);
      this.#deps.credentials.keep(node, opened, { directory, enrollAnew });
      overlay.addHosted(user, node);
      streams.serve(node);
      this.#follow(phone);
    } catch (thrown) {
      log.warn('a phone has no place in the overlay yet', { user, reason: messageOf(thrown) });
      this.#deps.events.emit({ event: 'registration', aor: user, state: 'failed' });
      const again = delay(this.#deps.clock, RETRY_MS, this.#stopping.signal).then(() => this.#host(phone));
      again.catch(() => log.debug('no further attempt', { user }));
    }
  }

  /** Tells of the registration once it is in the overlay; what failed at first is repeated. */
  async #announce(phone: Hosted, registration: AorRegistration): Promise<void> {
    while (!registration.isPublished) {
      if (phone.registration !== registration) return;
      await delay(this.#deps.clock, LOOK_AGAIN_MS);
    }
    this.#deps.events.emit({ event: 'registration', aor: phone.account.user, state: 'published' });
  }

  #follow(phone: Hosted): void {
    phone.work = phone.work
      .then(() => this.#match(phone))
      .catch((thrown) => {
        this.#deps.log.warn('registration not published', { user: phone.account.user, reason: messageOf(thrown) });
      });
  }

  async #match(phone: Hosted): Promise<void> {
    const { opened, events, clock, log } = this.#deps;
    const { node, registration, account } = phone;
    if (node === undefined) return;
    if (phone.wanted && registration === undefined) {
      const destinations = [nodeDestination(opened.node.nodeId), nodeDestination(node.nodeId)];
      const made = new AorRegistration(
        { records: node.records, configuration: opened.configuration, clock, log },
        { binding: { type: 'route', destinations } },
      );
      phone.registration = made;
      await made.start();
      if (!made.isPublished) events.emit({ event: 'registration', aor: account.user, state: 'failed' });
      this.#announce(phone, made).catch(() => {});
    } else if (!phone.wanted && registration !== undefined) {
      phone.registration = undefined;
      await registration.stop();
    }
  }
}

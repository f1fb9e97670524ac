import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '#config/schema.ts';
import type { EventHub } from '#gateway/events.ts';
import type { Status } from '#gateway/status.ts';
import { systemFiles } from '#gateway/voice-mail/mail-files.ts';
import { listenAddress, readMailboxAddress } from '#gateway/voice-mail/mailbox-address.ts';
import { MailboxDesk } from '#gateway/voice-mail/mailbox-desk.ts';
import { MailboxStore } from '#gateway/voice-mail/mailbox-store.ts';
import { greetingSound } from '#gateway/voice-mail/message-file.ts';
import { PinBook } from '#gateway/voice-mail/pin-book.ts';
import { type CallDomains, callerOf } from '#gateway/voice-mail/sip-caller.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { OpenedNode } from '#reload/node/open-node.ts';
import { RedirRegistration } from '#reload/usages/redir/redir-service.ts';
import { VOICE_MAIL_NAMESPACE } from '#reload/usages/voice-mail/voice-mail-directory.ts';
import type { MailboxWatch } from '#sip/mwi/notifier.ts';
import type { IncomingCall } from '#sip/ua/call-engine.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';

export interface VoiceMailSideDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly events: EventHub;
  readonly store: KeyValueStore;
}

export interface VoiceMailSideOptions {
  readonly config: Config['voice_mail'];
  readonly stateDirectory: string;
}

interface PinFileFault {
  readonly code: 'unreadable-pin';
}

const HOUR_MS = 3_600_000;

/** Voice mail of one process: mailboxes, who talks to callers, and the registration under RFC 7374's service name. */
export class VoiceMailSide {
  readonly store: MailboxStore;
  readonly #deps: VoiceMailSideDeps;
  readonly #options: VoiceMailSideOptions;
  #desk: MailboxDesk | undefined;
  #pins: PinBook | undefined;
  #registration: RedirRegistration | undefined;
  #timer: Timer | undefined;
  #changed: (user: string) => void = () => {};

  constructor(deps: VoiceMailSideDeps, options: VoiceMailSideOptions) {
    this.#deps = deps;
    this.#options = options;
    this.store = mailboxStore({ ...deps, changed: (user) => this.#tell(user) }, options);
  }

  /** Reads the mailboxes; from then on calls can be taken. Rejects when a PIN file can't be read. */
  async open(): Promise<void> {
    const { config } = this.#options;
    const pins = new PinBook(
      { ...this.#deps, records: this.#deps.store.namespace('voice-mail-pins') },
      await pinsOf(config),
    );
    await this.store.load();
    const greetings = await this.#configuredGreetings();
    this.#pins = pins;
    this.#desk = new MailboxDesk(
      { ...this.#deps, store: this.store, pins, defaultGreeting: (user) => greetings.get(user) },
      {
        answerAfterSeconds: config.answer_after_seconds,
        ownPhoneWithoutPin: config.own_phone_without_pin,
        minSeconds: config.min_seconds,
        recording: { maxSeconds: config.max_seconds, silenceSeconds: config.silence_seconds },
      },
    );
    await this.#expire();
    for (const user of this.store.users) this.#tell(user);
  }

  /** Registers this node as a provider; what fails is repeated. */
  publish({ node, configuration }: OpenedNode): void {
    if (!this.#options.config.publish) return;
    const { clock, log } = this.#deps;
    const registration = new RedirRegistration(
      { records: node.records, configuration, clock, log },
      { namespace: VOICE_MAIL_NAMESPACE },
    );
    this.#registration = registration;
    registration.start().catch((thrown) => log.warn('voice mail not published', { reason: messageOf(thrown) }));
  }

  /** Whoever takes calls from the line; only after `open`. */
  get desk(): MailboxDesk | undefined {
    return this.#desk;
  }

  get status(): Status['voiceMail'] {
    return {
      published: this.#registration?.isPublished ?? false,
      mailboxes: this.store.users.map((user) => ({ user, ...this.store.counts(user) })),
    };
  }

  /** Is told of each change of what a mailbox holds. */
  onChange(listener: (user: string) => void): void {
    this.#changed = listener;
  }

  /** What SIP asks when phones want to know of messages (RFC 3842). */
  watch(overlay: string): MailboxWatch {
    return {
      summary: (user) => (this.store.serves(user) ? this.store.counts(user) : undefined),
      account: listenAddress(overlay),
      unsolicited: this.#options.config.unsolicited_notify,
    };
  }

  async setPin(user: string, pin: string): Promise<void> {
    this.store.counts(user);
    await this.#pins?.set(user, pin);
  }

  /** Takes a call by SIP that is for voice mail. False when it is not. */
  incoming(call: IncomingCall, domains: CallDomains): boolean {
    const desk = this.#desk;
    if (desk === undefined) return false;
    const { overlay } = domains;
    const asked = readMailboxAddress(call.requestUri, { overlay, number: this.#options.config.number });
    const caller = callerOf(call, domains);
    const user =
      asked?.want === 'listen' ? caller.authenticated : (asked?.user ?? calledUser(call.requestUri, overlay));
    if (user === undefined || !desk.serves(user)) {
      if (asked !== undefined) call.reject(503, 'No Such Mailbox Here');
      return asked !== undefined;
    }
    if (asked?.want === 'listen') void desk.visitBySip(call, user);
    else void desk.takeBySip(call, user, caller.facts);
    return true;
  }

  /** Takes the registration back and ends what goes on; recordings are kept. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#desk?.stop();
    await this.#registration?.stop();
  }

  /** Read once: to convert a long one takes a moment, which a call in progress would hear. One that can't be read is left out. */
  async #configuredGreetings(): Promise<ReadonlyMap<string, Uint8Array>> {
    const greetings = new Map<string, Uint8Array>();
    for (const { user, greeting: file } of this.#options.config.mailbox) {
      if (file === undefined) continue;
      try {
        greetings.set(user, greetingSound(await readFile(file)));
      } catch (thrown) {
        this.#deps.log.warn('greeting not read; tones are played', { user, reason: messageOf(thrown) });
      }
    }
    return greetings;
  }

  #tell(user: string): void {
    const counts = this.store.counts(user);
    this.#deps.events.emit({ event: 'voice-mail', user, ...counts });
    this.#changed(user);
  }

  /** Every hour: messages may be kept a little longer than told, never shorter. */
  async #expire(): Promise<void> {
    try {
      await this.store.expire();
    } catch (thrown) {
      this.#deps.log.warn('old messages not removed', { reason: messageOf(thrown) });
    }
    this.#timer = this.#deps.clock.after(HOUR_MS, () => void this.#expire());
  }
}

/** The mailboxes of a state directory. */
export function mailboxStore(
  deps: Omit<VoiceMailSideDeps, 'events'> & { readonly changed: (user: string) => void },
  { config, stateDirectory }: VoiceMailSideOptions,
): MailboxStore {
  return new MailboxStore(
    { ...deps, index: deps.store.namespace('voice-mail'), files: systemFiles },
    {
      directory: join(stateDirectory, 'voice-mail'),
      users: config.mailbox.map(({ user }) => user),
      limits: {
        maxMessages: config.max_messages,
        maxBytes: config.max_megabytes * 1_000_000,
        maxSeconds: config.max_seconds,
        keepDays: config.keep_days,
      },
    },
  );
}

async function pinsOf(config: Config['voice_mail']): Promise<ReadonlyMap<string, string>> {
  const pins = new Map<string, string>();
  for (const { user, pin, pin_file: file } of config.mailbox) {
    const known = pin ?? (file === undefined ? undefined : await readPin(file));
    if (known !== undefined) pins.set(user, known);
  }
  return pins;
}

async function readPin(file: string): Promise<string> {
  const [first = ''] = (await readFile(file, 'utf8').catch(() => '')).slice(0, 64).split('\n', 1);
  if (/^\d{4,12}$/.test(first.trim())) return first.trim();
  throw new Failure<PinFileFault>({ code: 'unreadable-pin' }, `${file} holds no PIN: its first line is 4 to 12 digits`);
}

/** The user who was called and is away. */
function calledUser(requestUri: string, overlay: string): string | undefined {
  const [, user = '', host = ''] = /^sips?:([^@;?:]{1,64})@([^;?:]+)/i.exec(requestUri) ?? [];
  return host.toLowerCase() === overlay ? `${user}@${overlay}` : undefined;
}

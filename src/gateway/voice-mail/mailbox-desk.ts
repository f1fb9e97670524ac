import { type LeaveMessageOptions, leaveMessage } from '#gateway/voice-mail/leave-message.ts';
import type { MailboxStore } from '#gateway/voice-mail/mailbox-store.ts';
import type { MessageFacts } from '#gateway/voice-mail/message-file.ts';
import type { PinBook } from '#gateway/voice-mail/pin-book.ts';
import type { RecordingOptions } from '#gateway/voice-mail/record-message.ts';
import { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import { MailboxVisit } from '#gateway/voice-mail/visit.ts';
import type { MissedCaller, VoiceMail, VoiceMailEnd } from '#gateway/voice-mail/voice-mail.ts';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { LineCall } from '#pstn/line.ts';
import type { Call, IncomingCall } from '#sip/ua/call-engine.ts';

export interface MailboxDeskDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: MailboxStore;
  readonly pins: PinBook;
  readonly defaultGreeting: (user: string) => Uint8Array | undefined;
}

export interface MailboxDeskOptions {
  readonly answerAfterSeconds: number;
  readonly ownPhoneWithoutPin: boolean;
  readonly minSeconds: number;
  readonly recording: RecordingOptions;
}

/** Normal call clearing (ITU-T Q.850), as Reason header value (RFC 3326). */
const CLEARED = 'Q.850;cause=16';

/** Who talks to callers that nobody answered, and to owners who listen. */
export class MailboxDesk implements VoiceMail {
  readonly #deps: MailboxDeskDeps;
  readonly #options: MailboxDeskOptions;
  readonly #stopping = new AbortController();
  readonly #visits = new Set<Promise<unknown>>();

  constructor(deps: MailboxDeskDeps, options: MailboxDeskOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get answerAfterSeconds(): number {
    return this.#options.answerAfterSeconds;
  }

  serves(user: string): boolean {
    return this.#deps.store.serves(user);
  }

  take(call: LineCall, caller: MissedCaller, signal: AbortSignal): Promise<VoiceMailEnd> {
    const { callerId, line, user } = caller;
    const facts = { caller: callerId.number ?? callerId.presentation, callerName: callerId.name, line };
    return this.#during(this.#converse(SoundCall.onLine(call), { user, facts }, signal));
  }

  /** Answers a call by SIP, takes a message for `user`, and hangs up. Never rejects. */
  takeBySip(incoming: IncomingCall, user: string, facts: MessageFacts): Promise<void> {
    return this.#answer(incoming, async (call) => {
      const end = await this.#converse(SoundCall.onPhone(this.#deps.clock, call), { user, facts }, NEVER);
      this.#deps.log.info('call taken by voice mail', { user, ...end });
    });
  }

  /** Answers a call by SIP of the owner, authenticated as `user`, who listens. Never rejects. */
  visitBySip(incoming: IncomingCall, user: string): Promise<void> {
    const needsPin = !this.#options.ownPhoneWithoutPin;
    if (needsPin && !this.#deps.pins.hasPin(user)) {
      incoming.reject(403, 'Mailbox Without PIN');
      return Promise.resolve();
    }
    return this.#answer(incoming, (call) =>
      this.#visit(SoundCall.onPhone(this.#deps.clock, call), { user, needsPin }, this.#stopping.signal),
    );
  }

  /** Ends all visits and recordings, keeps what was recorded, and resolves when it is done. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    await Promise.all(this.#visits);
  }

  #answer(incoming: IncomingCall, talk: (call: Call) => Promise<void>): Promise<void> {
    const answered = async () => {
      try {
        const call = await incoming.answer();
        await talk(call);
        await call.hangUp(CLEARED);
      } catch (thrown) {
        this.#deps.log.info('voice mail by SIP', { reason: messageOf(thrown) });
        incoming.reject(480, 'Temporarily Unavailable');
      }
    };
    return this.#during(answered());
  }

  async #converse(
    call: SoundCall,
    whom: Pick<LeaveMessageOptions, 'user' | 'facts'>,
    signal: AbortSignal,
  ): Promise<VoiceMailEnd> {
    const { recording, minSeconds } = this.#options;
    const { user } = whom;
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    try {
      const end = await leaveMessage(this.#deps, call, { ...whom, recording, minSeconds }, either);
      if (end !== 'owner') return end;
      if (!this.#deps.pins.hasPin(user)) return { left: false, why: 'the mailbox has no PIN' };
      await this.#visit(call, { user, needsPin: true }, either);
      return { left: false, why: 'the owner called' };
    } catch (thrown) {
      this.#deps.log.error('voice mail failed', { user, reason: messageOf(thrown) });
      return { left: false, why: messageOf(thrown) };
    }
  }

  #visit(
    call: SoundCall,
    { user, needsPin }: { readonly user: string; readonly needsPin: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    return new MailboxVisit(this.#deps, call, { user, needsPin, recording: this.#options.recording }).run(signal);
  }

  #during<T>(visit: Promise<T>): Promise<T> {
    this.#visits.add(visit);
    return visit.finally(() => this.#visits.delete(visit));
  }
}

const NEVER = new AbortController().signal;

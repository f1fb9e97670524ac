import type { MailboxCounts, StoredMessage } from '#gateway/voice-mail/mailbox-store.ts';
import { greetingSound } from '#gateway/voice-mail/message-file.ts';
import type { VoiceMailSide } from '#gateway/voice-mail/voice-mail-side.ts';
import { Failure } from '#platform/failure.ts';

interface VoiceMailCommandFault {
  readonly code: 'bad-command' | 'no-voice-mail';
}

/** What `copperring voicemail list` shows. */
export interface MailboxReport extends MailboxCounts {
  readonly user: string;
  readonly messages: readonly StoredMessage[];
}

/** Answers one `voicemail` request of the control socket; throws with what is wrong about it. */
export async function answerVoiceMail(
  side: VoiceMailSide | undefined,
  request: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  if (side === undefined) {
    throw new Failure<VoiceMailCommandFault>(
      { code: 'no-voice-mail' },
      'this node has no mailboxes; add one under [[voice_mail.mailbox]]',
    );
  }
  const { store } = side;
  switch (request.action) {
    case 'list':
      return reportOf(store, request.user === undefined ? store.users : [textIn(request.user, 'user')]);
    case 'path': {
      const { user, id } = messageIn(request);
      await store.sound(user, id);
      return store.pathOf(user, id);
    }
    case 'delete': {
      const { user, id } = messageIn(request);
      await store.remove(user, id);
      return {};
    }
    case 'greeting': {
      const file = request.file === undefined ? undefined : bytesIn(request.file);
      await store.setGreeting(textIn(request.user, 'user'), file && greetingSound(file));
      return {};
    }
    case 'pin':
      await side.setPin(textIn(request.user, 'user'), textIn(request.pin, 'pin'));
      return {};
    default:
      throw bad('the actions are list, path, delete, greeting and pin');
  }
}

export function reportOf(
  store: Pick<VoiceMailSide['store'], 'list' | 'counts'>,
  users: readonly string[],
): readonly MailboxReport[] {
  return users.map((user) => ({ user, ...store.counts(user), messages: store.list(user) }));
}

function messageIn(request: Readonly<Record<string, unknown>>) {
  return { user: textIn(request.user, 'user'), id: textIn(request.id, 'id') };
}

function textIn(value: unknown, name: string): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= 254) return value;
  throw bad(`${name} is a text of 1 to 254 characters`);
}

function bytesIn(value: unknown): Uint8Array {
  if (typeof value === 'string' && /^[0-9A-Za-z+/]+={0,2}$/.test(value))
    return new Uint8Array(Buffer.from(value, 'base64'));
  throw bad('a file is given in base64');
}

function bad(message: string): Failure<VoiceMailCommandFault> {
  return new Failure<VoiceMailCommandFault>({ code: 'bad-command' }, message);
}

import { join } from 'node:path';
import { isTemporary, type MailFileSystem, storeFile } from '#gateway/voice-mail/mail-files.ts';
import { factsOf, type MessageFacts, messageFile, soundOf } from '#gateway/voice-mail/message-file.ts';
import { SAMPLE_RATE } from '#media/tones.ts';
import { toHex, utf8 } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

/** A message in a mailbox. */
export interface StoredMessage extends MessageFacts {
  /** Sorts by time as text. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly seconds: number;
  /** Of its file. */
  readonly bytes: number;
  readonly heard: boolean;
}

export interface MailboxCounts {
  readonly new: number;
  readonly old: number;
}

export interface MailboxLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxSeconds: number;
  readonly keepDays: number;
}

type MailboxFault =
  | { readonly code: 'full'; readonly by: 'messages' | 'bytes' | 'disk' }
  | { readonly code: 'no-such-message'; readonly id: string }
  | { readonly code: 'no-such-mailbox'; readonly user: string };

export interface MailboxStoreDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly index: KeyValueNamespace;
  readonly files: MailFileSystem;
  /** Told of each change of what a mailbox holds. */
  readonly changed: (user: string) => void;
}

export interface MailboxStoreOptions {
  /** One folder for each user lies in it. */
  readonly directory: string;
  readonly users: readonly string[];
  readonly limits: MailboxLimits;
}

const DAY_MS = 86_400_000;
/** Left free on the disk for everything else. */
const DISK_RESERVE = 32_000_000;
const GREETING = 'greeting.wav';
const MESSAGE_NAME = /^(\d{15}-[0-9a-f]{8})\.wav$/;

/**
 * The mailboxes: a WAV file for each message, and an index of them. A message counts from the moment its whole file is on
 * the disk under its own name; what the index lacks then is made from the file at the next start.
 */
export class MailboxStore {
  readonly #deps: MailboxStoreDeps;
  readonly #options: MailboxStoreOptions;
  readonly #boxes: ReadonlyMap<string, Map<string, StoredMessage>>;
  /** Changes happen one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(deps: MailboxStoreDeps, options: MailboxStoreOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#boxes = new Map(options.users.map((user) => [user, new Map()]));
  }

  get users(): readonly string[] {
    return this.#options.users;
  }

  serves(user: string): boolean {
    return this.#boxes.has(user);
  }

  /** Reads the index and makes it and the folders agree: half-written files go, whole ones that it lacks are entered. */
  async load(): Promise<void> {
    for (const user of this.users) await this.#loadBox(user);
  }

  /** The oldest first. Throws `Failure<MailboxFault>` `no-such-mailbox`, as everything here does. */
  list(user: string): readonly StoredMessage[] {
    return [...this.#box(user).values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  counts(user: string): MailboxCounts {
    const all = [...this.#box(user).values()];
    const heard = all.filter((message) => message.heard).length;
    return { new: all.length - heard, old: heard };
  }

  /** Why no further message fits, with one of the greatest length in mind; undefined while one does. */
  async fullness(user: string): Promise<'messages' | 'bytes' | 'disk' | undefined> {
    const box = this.#box(user);
    const { maxMessages, maxBytes, maxSeconds } = this.#options.limits;
    const held = [...box.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    const most = maxSeconds * SAMPLE_RATE;
    if (box.size >= maxMessages) return 'messages';
    if (held + most > maxBytes) return 'bytes';
    const folder = await this.#folder(user);
    const free = await this.#deps.files.freeBytes(folder).catch(() => Number.POSITIVE_INFINITY);
    return free < DISK_RESERVE + most ? 'disk' : undefined;
  }

  /** Keeps a message (sound in mu-law). Rejects with `Failure<MailboxFault>` `full`, or with what the disk said. */
  add(user: string, sound: Uint8Array, facts: MessageFacts): Promise<StoredMessage> {
    return this.#inTurn(async () => {
      if (this.#box(user).size >= this.#options.limits.maxMessages) throw full('messages');
      const receivedAt = this.#deps.clock.now();
      const id = `${String(receivedAt).padStart(15, '0')}-${toHex(this.#deps.random.bytes(4))}`;
      const file = messageFile(sound, facts);
      await this.#folder(user);
      await storeFile(this.#deps.files, this.pathOf(user, id), file).catch((thrown) => {
        throw isFullDisk(thrown) ? full('disk', thrown) : thrown;
      });
      const message = entry(id, file, sound.length, facts);
      await this.#enter(user, message).catch((thrown) => {
        // The file is there: the next start enters it.
        this.#deps.log.warn('message not in the index', { user, id, reason: messageOf(thrown) });
      });
      this.#box(user).set(id, message);
      this.#deps.changed(user);
      return message;
    });
  }

  /** In mu-law. */
  async sound(user: string, id: string): Promise<Uint8Array> {
    this.#message(user, id);
    return soundOf(await this.#deps.files.read(this.pathOf(user, id)));
  }

  markHeard(user: string, id: string): Promise<void> {
    return this.#inTurn(async () => {
      const message = this.#message(user, id);
      if (message.heard) return;
      const heard = { ...message, heard: true };
      await this.#enter(user, heard);
      this.#box(user).set(id, heard);
      this.#deps.changed(user);
    });
  }

  /** The file goes first: what the index has too much is taken out at the next start, and nothing comes back. */
  remove(user: string, id: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#message(user, id);
      await this.#deps.files.remove(this.pathOf(user, id));
      this.#box(user).delete(id);
      this.#deps.changed(user);
      await this.#deps.index.update((transaction) => transaction.remove(keyOf(user, id)));
    });
  }

  /** Removes what is older than the limit. Resolves with how many went. */
  async expire(): Promise<number> {
    const oldest = this.#deps.clock.now() - this.#options.limits.keepDays * DAY_MS;
    let gone = 0;
    for (const user of this.users) {
      for (const { id } of this.list(user).filter(({ receivedAt }) => receivedAt <= oldest)) {
        await this.remove(user, id);
        gone++;
      }
    }
    if (gone > 0) this.#deps.log.info('old messages removed', { count: gone });
    return gone;
  }

  /** The user's own greeting in mu-law; undefined when there is none. */
  async greeting(user: string): Promise<Uint8Array | undefined> {
    this.#box(user);
    const path = join(this.#options.directory, user, GREETING);
    const names = await this.#deps.files.list(join(this.#options.directory, user));
    return names.includes(GREETING) ? soundOf(await this.#deps.files.read(path)) : undefined;
  }

  /** In mu-law; undefined removes it. */
  setGreeting(user: string, sound: Uint8Array | undefined): Promise<void> {
    return this.#inTurn(async () => {
      this.#box(user);
      const path = join(await this.#folder(user), GREETING);
      if (sound === undefined) return this.#deps.files.remove(path);
      await storeFile(
        this.#deps.files,
        path,
        messageFile(sound, { caller: user, callerName: undefined, line: undefined }),
      );
    });
  }

  pathOf(user: string, id: string): string {
    return join(this.#options.directory, user, `${id}.wav`);
  }

  async #loadBox(user: string): Promise<void> {
    const { files, index, log } = this.#deps;
    const folder = join(this.#options.directory, user);
    const names = new Set(await files.list(folder));
    for (const name of names) if (isTemporary(name)) await files.remove(join(folder, name));
    const box = this.#box(user);
    const missing: string[] = [];
    for (const key of index.keys(`${user}/`)) {
      const message = parseEntry(index.get(key));
      if (message !== undefined && names.has(`${message.id}.wav`)) box.set(message.id, message);
      else missing.push(key);
    }
    await index.update((transaction) => {
      for (const key of missing) transaction.remove(key);
    });
    for (const name of names) {
      const id = MESSAGE_NAME.exec(name)?.[1];
      if (id !== undefined && !box.has(id)) await this.#adopt(user, id);
    }
    if (missing.length > 0) log.info('entries without a message removed', { user, count: missing.length });
  }

  /** Enters a message whose file is whole and which the index lacks: the process ended between the two. */
  async #adopt(user: string, id: string): Promise<void> {
    const { files, log } = this.#deps;
    try {
      const file = await files.read(this.pathOf(user, id));
      const message = entry(id, file, soundOf(file).length, factsOf(file));
      await this.#enter(user, message);
      this.#box(user).set(id, message);
      log.info('a message was entered into the index again', { user, id });
    } catch (thrown) {
      log.warn('a file in a mailbox is no message', { user, id, reason: printable(messageOf(thrown)) });
    }
  }

  async #folder(user: string): Promise<string> {
    const folder = join(this.#options.directory, user);
    await this.#deps.files.makeDirectory(folder);
    return folder;
  }

  async #enter(user: string, message: StoredMessage): Promise<void> {
    await this.#deps.index.update((transaction) =>
      transaction.put(keyOf(user, message.id), utf8(JSON.stringify(message))),
    );
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#work.then(change);
    this.#work = done.catch(() => {});
    return done;
  }

  #box(user: string): Map<string, StoredMessage> {
    const box = this.#boxes.get(user);
    if (box !== undefined) return box;
    throw new Failure<MailboxFault>(
      { code: 'no-such-mailbox', user },
      `${printable(user)} has no mailbox here; add one under [[voice_mail.mailbox]]`,
    );
  }

  #message(user: string, id: string): StoredMessage {
    const message = this.#box(user).get(id);
    if (message !== undefined) return message;
    throw new Failure<MailboxFault>({ code: 'no-such-message', id }, `there is no message ${printable(id)}; list them`);
  }
}

function keyOf(user: string, id: string): string {
  return `${user}/${id}`;
}

function entry(id: string, file: Uint8Array, samples: number, facts: MessageFacts): StoredMessage {
  const seconds = Math.round((samples * 10) / SAMPLE_RATE) / 10;
  return { id, receivedAt: Number(id.slice(0, 15)), seconds, bytes: file.length, heard: false, ...facts };
}

function parseEntry(bytes: Uint8Array | undefined): StoredMessage | undefined {
  return bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes));
}

function isFullDisk(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT');
}

function full(by: 'messages' | 'disk', cause?: unknown): Failure<MailboxFault> {
  const what = by === 'disk' ? 'the disk has no room for the message' : 'the mailbox is full';
  return new Failure<MailboxFault>({ code: 'full', by }, `${what}; delete messages`, cause);
}

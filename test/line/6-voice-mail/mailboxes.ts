import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MailFileSystem, systemFiles } from '#gateway/voice-mail/mail-files.ts';
import { type MailboxLimits, MailboxStore } from '#gateway/voice-mail/mailbox-store.ts';
import { silentLogger } from '#platform/log.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';

export const ALICE = 'alice@home.example';
const LIMITS: MailboxLimits = { maxMessages: 5, maxBytes: 1_000_000, maxSeconds: 10, keepDays: 30 };
export const FACTS = { caller: '+4930123456', callerName: 'Ada', line: 'line' };

/** Mailboxes on real files and a real database, which can be opened again as after a crash. */
export class TestMailboxes {
  readonly clock = new VirtualClock();
  readonly changes: string[] = [];
  readonly directory: string;
  readonly #random = new SeededRandom('mailboxes');
  #database: KeyValueStore | undefined;

  static async create(): Promise<TestMailboxes> {
    return new TestMailboxes(await mkdtemp(join(tmpdir(), 'copperring-mail-')));
  }

  private constructor(directory: string) {
    this.directory = directory;
  }

  get mail(): string {
    return join(this.directory, 'voice-mail', ALICE);
  }

  async database(): Promise<KeyValueStore> {
    this.#database ??= await openLmdbStore(join(this.directory, 'db'));
    return this.#database;
  }

  /** As the next start of the process finds it. */
  async open(
    options: {
      readonly files?: MailFileSystem;
      readonly limits?: Partial<MailboxLimits>;
      readonly index?: 'broken';
    } = {},
  ): Promise<MailboxStore> {
    const index = (await this.database()).namespace('voice-mail');
    const broken = { ...index, update: () => Promise.reject(new Error('killed')) };
    const store = new MailboxStore(
      {
        clock: this.clock,
        random: this.#random,
        log: silentLogger,
        index:
          options.index === 'broken'
            ? { ...broken, get: index.get.bind(index), keys: () => [] }
            : timeless(this.clock, index),
        files: timeless(this.clock, options.files ?? systemFiles),
        changed: (user) => this.changes.push(user),
      },
      {
        directory: join(this.directory, 'voice-mail'),
        users: [ALICE, 'bob@home.example'],
        limits: { ...LIMITS, ...options.limits },
      },
    );
    if (options.index !== 'broken') await store.load();
    return store;
  }

  async remove(): Promise<void> {
    await this.#database?.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The same object, for which the clock stands still while it works: disks and hashes take real time. */
export function timeless<T extends object>(clock: VirtualClock, object: T): T {
  return new Proxy(object, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, args);
        return result instanceof Promise ? clock.hold(result) : result;
      };
    },
  });
}

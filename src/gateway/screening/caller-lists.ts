import {
  type CallerPattern,
  type CallerPatternFault,
  nameFits,
  parseCallerPattern,
  printCallerPattern,
} from '#gateway/screening/caller-pattern.ts';
import { utf8 } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { CallerId } from '#pstn/line.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

export const LIST_NAMES = ['allow', 'block'] as const;
export type ListName = (typeof LIST_NAMES)[number];

export interface ListEntry {
  /** As `printCallerPattern` writes it. */
  readonly pattern: string;
  /** An entry of the configuration file can be changed only there. */
  readonly source: 'file' | 'command';
  /** Milliseconds since 1970, of entries made by command. */
  readonly addedAt: number | undefined;
  readonly note: string | undefined;
}

type CallerListFault = CallerPatternFault | { readonly code: 'list-full' } | { readonly code: 'from-file' };

export interface CallerListsDeps {
  readonly clock: Clock;
  readonly entries: KeyValueNamespace;
  /** Told after each change. */
  readonly changed: () => void;
}

/** Entries made by command, in both lists together. */
const MAX_ENTRIES = 10_000;
const MAX_NOTE = 120;

/**
 * Who may call and who may not: entries of the configuration file, which only the file changes, and entries made by command, which are
 * kept in the store. Who stands in both lists may call.
 */
export class CallerLists {
  readonly #deps: CallerListsDeps;
  readonly #lists: Readonly<Record<ListName, CallerList>> = { allow: new CallerList(), block: new CallerList() };

  /** Throws `Failure<CallerPatternFault>` when the file's patterns are wrong; the configuration's check sees to it that they are not. */
  constructor(deps: CallerListsDeps, file: Readonly<Record<ListName, readonly string[]>>) {
    this.#deps = deps;
    for (const list of LIST_NAMES) {
      for (const written of file[list]) this.#lists[list].put(parseCallerPattern(written), { source: 'file' });
    }
  }

  /** Reads the entries made by command. */
  load(): void {
    for (const list of LIST_NAMES) {
      for (const key of this.#deps.entries.keys(`${list} `)) {
        const pattern = parseCallerPattern(key.slice(list.length + 1));
        const bytes = this.#deps.entries.get(key) ?? utf8('{}');
        const { addedAt, note }: { addedAt?: number; note?: string } = JSON.parse(new TextDecoder().decode(bytes));
        this.#lists[list].put(pattern, { source: 'command', addedAt, note });
      }
    }
  }

  list(name: ListName): readonly ListEntry[] {
    return this.#lists[name].entries;
  }

  /** The entry of a list that speaks of this caller; the most exact one. */
  find(name: ListName, callerId: CallerId): string | undefined {
    return this.#lists[name].find(callerId);
  }

  /** Adds an entry and takes the same one off the other list. Rejects with `Failure<CallerListFault>`; nothing is changed then. */
  async add(name: ListName, pattern: CallerPattern, note?: string): Promise<void> {
    const text = printCallerPattern(pattern);
    if (this.#lists[name].source(text) === 'file') return;
    const other = name === 'allow' ? 'block' : 'allow';
    if (this.#count() >= MAX_ENTRIES && this.#lists[name].source(text) === undefined) {
      throw new Failure<CallerListFault>(
        { code: 'list-full' },
        `the lists hold ${MAX_ENTRIES} entries, which is all they can; remove some, or use the start of numbers (+4990*)`,
      );
    }
    const addedAt = this.#deps.clock.now();
    const kept = note?.slice(0, MAX_NOTE);
    const isOnOther = this.#lists[other].source(text) === 'command';
    await this.#deps.entries.update((transaction) => {
      transaction.put(`${name} ${text}`, utf8(JSON.stringify({ addedAt, note: kept })));
      if (isOnOther) transaction.remove(`${other} ${text}`);
    });
    this.#lists[name].put(pattern, { source: 'command', addedAt, note: kept });
    if (isOnOther) this.#lists[other].remove(pattern);
    this.#deps.changed();
  }

  /** Resolves with whether there was such an entry. Rejects with `Failure<CallerListFault>` for one of the file. */
  async remove(name: ListName, pattern: CallerPattern): Promise<boolean> {
    const text = printCallerPattern(pattern);
    const source = this.#lists[name].source(text);
    if (source === undefined) return false;
    if (source === 'file') {
      throw new Failure<CallerListFault>(
        { code: 'from-file' },
        `${text} stands in the configuration file, screening.${name}: remove it there and start the node again`,
      );
    }
    await this.#deps.entries.update((transaction) => transaction.remove(`${name} ${text}`));
    this.#lists[name].remove(pattern);
    this.#deps.changed();
    return true;
  }

  #count(): number {
    const made = (name: ListName) => this.#lists[name].entries.filter(({ source }) => source === 'command').length;
    return made('allow') + made('block');
  }
}

type Origin = Omit<ListEntry, 'pattern' | 'addedAt' | 'note'> & {
  readonly addedAt?: number | undefined;
  readonly note?: string | undefined;
};

/** One list: finds a caller in as many steps as the number has digits, and through all names. */
class CallerList {
  readonly #entries = new Map<string, ListEntry>();
  readonly #names = new Map<string, string>();

  get entries(): readonly ListEntry[] {
    return [...this.#entries.values()];
  }

  source(text: string): ListEntry['source'] | undefined {
    return this.#entries.get(text)?.source;
  }

  put(pattern: CallerPattern, { source, addedAt, note }: Origin): void {
    const text = printCallerPattern(pattern);
    this.#entries.set(text, { pattern: text, source, addedAt, note });
    if (pattern.kind === 'name') this.#names.set(text, pattern.name);
  }

  remove(pattern: CallerPattern): void {
    const text = printCallerPattern(pattern);
    this.#entries.delete(text);
    this.#names.delete(text);
  }

  find({ number, name, presentation }: CallerId): string | undefined {
    const byNumber = number === undefined ? this.#has(presentation) : this.#byNumber(number);
    if (byNumber !== undefined || name === undefined) return byNumber;
    for (const [text, pattern] of this.#names) if (nameFits(name, pattern)) return text;
    return undefined;
  }

  #byNumber(number: string): string | undefined {
    for (let length = number.length; length > 0; length--) {
      const start = number.slice(0, length);
      const found = (length === number.length ? this.#has(start) : undefined) ?? this.#has(`${start}*`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #has(text: string): string | undefined {
    return this.#entries.has(text) ? text : undefined;
  }
}

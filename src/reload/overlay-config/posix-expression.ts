/** The parts of a POSIX extended regular expression (IEEE Std 1003.1, base definitions 9.4). */
export type Expression =
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'character'; readonly accepts: (code: number) => boolean }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'choice'; readonly options: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly body: Expression; readonly least: number; readonly most: number | undefined };

const MAX_REPEAT = 255;
const MAX_DEPTH = 32;

/** Named character classes as pairs of first and last character. */
const CLASSES: ReadonlyMap<string, string> = new Map([
  ['alpha', 'AZaz'],
  ['digit', '09'],
  ['alnum', 'AZaz09'],
  ['upper', 'AZ'],
  ['lower', 'az'],
  ['xdigit', '09AFaf'],
  ['space', '\t\r  '],
  ['blank', '\t\t  '],
  ['punct', '!/:@[`{~'],
  ['print', ' ~'],
  ['graph', '!~'],
  ['cntrl', '\u0000\u001f\u007f\u007f'],
]);

/** Undefined when `text` is no valid expression. What POSIX leaves undefined (a leading `*`, a lone `)`) is refused. */
export function readExpression(text: string): Expression | undefined {
  const reader = new Reader(text);
  const expression = reader.choice(0);
  return reader.failed || !reader.atEnd ? undefined : expression;
}

class Reader {
  readonly #text: string;
  #at = 0;
  failed = false;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  choice(depth: number): Expression {
    if (depth > MAX_DEPTH) this.failed = true;
    const options = [this.#sequence(depth)];
    while (!this.failed && this.#take('|')) options.push(this.#sequence(depth));
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'choice', options };
  }

  #sequence(depth: number): Expression {
    const parts: Expression[] = [];
    while (!this.failed && !this.atEnd && !this.#sees('|') && !this.#sees(')')) parts.push(this.#repeated(depth));
    if (parts.length === 0) this.failed = true;
    return { kind: 'sequence', parts };
  }

  #repeated(depth: number): Expression {
    const body = this.#atom(depth);
    const bounds = this.#bounds();
    if (bounds === undefined) return body;
    // POSIX does not define two repetition signs in a row, nor repeated anchors.
    if (this.#bounds() !== undefined || body.kind === 'start' || body.kind === 'end') this.failed = true;
    return { kind: 'repeat', body, ...bounds };
  }

  #atom(depth: number): Expression {
    const c = this.#text[this.#at] ?? '';
    this.#at += 1;
    if (c === '(') {
      const inner = this.choice(depth + 1);
      if (!this.#take(')')) this.failed = true;
      return inner;
    }
    if (c === '[') return this.#bracket();
    if (c === '.') return { kind: 'character', accepts: (code) => code !== 0 };
    if (c === '^') return { kind: 'start' };
    if (c === '$') return { kind: 'end' };
    if ('*+?{'.includes(c)) this.failed = true;
    return literal(c === '\\' ? this.#escaped() : c);
  }

  /** Only special characters may be escaped: `\d` and its like are not POSIX. */
  #escaped(): string {
    const c = this.#text[this.#at] ?? '';
    this.#at += 1;
    if (c === '' || !'^.[]$()|*+?{}\\/-'.includes(c)) this.failed = true;
    return c;
  }

  #bounds(): { least: number; most: number | undefined } | undefined {
    if (this.#take('*')) return { least: 0, most: undefined };
    if (this.#take('+')) return { least: 1, most: undefined };
    if (this.#take('?')) return { least: 0, most: 1 };
    if (!this.#sees('{')) return undefined;
    const found = /^\{(\d{1,3})(,(\d{1,3})?)?\}/.exec(this.#text.slice(this.#at, this.#at + 9));
    const least = Number(found?.[1]);
    const most = found?.[2] === undefined ? least : found[3] === undefined ? undefined : Number(found[3]);
    this.#at += found?.[0].length ?? 1;
    if (found === null || least > MAX_REPEAT || (most ?? least) > MAX_REPEAT || (most ?? least) < least)
      this.failed = true;
    return { least, most };
  }

  #bracket(): Expression {
    const negated = this.#take('^');
    const tests: ((code: number) => boolean)[] = [];
    do {
      if (this.atEnd) this.failed = true;
      else tests.push(this.#bracketItem());
    } while (!this.failed && !this.#take(']'));
    return { kind: 'character', accepts: (code) => code !== 0 && tests.some((test) => test(code)) !== negated };
  }

  #bracketItem(): (code: number) => boolean {
    const named = /^\[:([a-z]{1,8}):\]/.exec(this.#text.slice(this.#at, this.#at + 12));
    if (named !== null) {
      this.#at += named[0].length;
      const members = CLASSES.get(named[1] ?? '');
      if (members === undefined) this.failed = true;
      return (code) => members !== undefined && isMember(members, code);
    }
    // Collating symbols and equivalence classes depend on a locale; there is none here.
    if (this.#sees('[.') || this.#sees('[=')) this.failed = true;
    const first = this.#text.charCodeAt(this.#at);
    this.#at += 1;
    const isRange = this.#sees('-') && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length;
    if (!isRange) return (code) => code === first;
    const last = this.#text.charCodeAt(this.#at + 1);
    this.#at += 2;
    if (last < first) this.failed = true;
    return (code) => code >= first && code <= last;
  }

  #sees(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#at += text.length;
    return true;
  }
}

function literal(c: string): Expression {
  const wanted = c.charCodeAt(0);
  return { kind: 'character', accepts: (code) => code === wanted };
}

function isMember(pairs: string, code: number): boolean {
  for (let i = 0; i < pairs.length; i += 2) {
    if (code >= pairs.charCodeAt(i) && code <= pairs.charCodeAt(i + 1)) return true;
  }
  return false;
}

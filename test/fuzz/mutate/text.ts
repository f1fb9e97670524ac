import type { Dice } from '../dice.ts';

/** What parsers of text stumble over. */
const AWKWARD = [
  '',
  '0',
  '-1',
  '1e309',
  '00000000000000000001',
  '4294967296',
  '18446744073709551616',
  '99999999999999999999999999999999',
  'NaN',
  '__proto__',
  'constructor',
  '%00',
  '%',
  '%zz',
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\t',
  ' ',
  '"',
  "'",
  '\\',
  '<',
  '>',
  '&',
  '&amp;',
  '&#0;',
  '&#x110000;',
  ']]>',
  '<!--',
  '{',
  '}',
  '[',
  ']',
  '[[',
  ',',
  ';',
  ':',
  '=',
  '@',
  '/',
  '*',
  '+',
  '\u00e9',
  '\ufffd',
  '\u{1f600}',
  '\ud800',
  '\u2028',
  '\ufeff',
];

type Mutation = (text: string, dice: Dice, context: TextContext) => string;

interface TextContext {
  /** Another valid input. */
  readonly other: string;
  /** Words of the grammar. */
  readonly words: readonly string[];
}

const cut = (text: string, from: number, to: number, replacement: string) =>
  text.slice(0, from) + replacement + text.slice(to);

const insertWord: Mutation = (text, dice, { words }) => {
  const at = dice.below(text.length + 1);
  return cut(text, at, at, awkward(dice, words));
};

const replaceToken: Mutation = (text, dice, { words }) => {
  const token = tokenAt(text, dice);
  return cut(text, token.from, token.to, awkward(dice, words));
};

const hugeNumber: Mutation = (text, dice) => {
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return text;
  const { index, 0: digits } = dice.pick(numbers);
  const value = dice.pick([
    '0',
    '-1',
    '65536',
    '4294967296',
    '9'.repeat(1 + dice.size(400)),
    `${digits}.5`,
    `0x${digits}`,
  ]);
  return cut(text, index, index + digits.length, value);
};

const changeCharacter: Mutation = (text, dice) => {
  const at = dice.below(text.length);
  return cut(text, at, at + 1, String.fromCharCode(dice.oneIn(8) ? dice.below(0x10000) : dice.below(256)));
};

const dropPiece: Mutation = (text, dice) => {
  const at = dice.below(text.length);
  return cut(text, at, at + 1 + dice.size(40), '');
};

const repeatPiece: Mutation = (text, dice) => {
  const at = dice.below(text.length);
  const repeated = text.slice(at, at + 1 + dice.size(60)).repeat(1 + dice.size(50));
  return cut(text, at, at, repeated);
};

const truncate: Mutation = (text, dice) => text.slice(0, dice.below(text.length));

/** Lines dropped, doubled, swapped, or taken from the other. */
const lines: Mutation = (text, dice, { other }) => {
  const all = text.split('\n');
  const at = dice.below(all.length);
  const from = dice.pick(other.split('\n'));
  const change = dice.below(5);
  if (change === 0) all.splice(at, 1);
  else if (change === 1) all.splice(at, 0, ...all.slice(at, at + 1 + dice.size(5)));
  else if (change === 2) all.splice(dice.below(all.length), 0, ...all.splice(at, 1));
  else if (change === 3) all.splice(at, 0, from);
  else all[at] = from;
  return all.join('\n');
};

const MUTATIONS = [
  insertWord,
  replaceToken,
  replaceToken,
  hugeNumber,
  changeCharacter,
  dropPiece,
  repeatPiece,
  truncate,
  lines,
  lines,
];

/** A version of `original` with one to four faults. */
export function mutateText(original: string, dice: Dice, context: TextContext): string {
  let text = original;
  for (let faults = 1 + dice.size(4); faults > 0 && text.length > 0; faults--) {
    text = dice.pick(MUTATIONS)(text, dice, context);
  }
  return text;
}

/** `original` with a piece, a line or a word repeated until it has about `size` characters. */
export function stretchText(original: string, dice: Dice, size: number, words: readonly string[]): string {
  const at = dice.below(original.length);
  const line = { from: original.lastIndexOf('\n', at) + 1, to: `${original}\n`.indexOf('\n', at) + 1 };
  const token = tokenAt(original, dice);
  const [piece, where] = dice.pick([
    [original.slice(line.from, line.to), line.from],
    [original.slice(token.from, token.to), token.from],
    [original.slice(at, at + 1 + dice.size(60)), at],
    [awkward(dice, words), at],
  ] as const);
  if (piece === '') return original;
  return cut(original, where, where, piece.repeat(Math.max(0, Math.floor((size - original.length) / piece.length))));
}

function awkward(dice: Dice, words: readonly string[]): string {
  const word = words.length > 0 && dice.oneIn(2) ? dice.pick(words) : dice.pick(AWKWARD);
  return dice.oneIn(16) ? word.repeat(1 + dice.size(100)) : word;
}

function tokenAt(text: string, dice: Dice): { readonly from: number; readonly to: number } {
  const at = dice.below(text.length);
  const isWord = (i: number) => /[\w.+-]/.test(text[i] ?? '');
  let from = at;
  let to = at + 1;
  while (from > 0 && at - from < 200 && isWord(from - 1)) from--;
  while (to < text.length && to - at < 200 && isWord(to)) to++;
  return { from, to };
}

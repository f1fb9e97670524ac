import type { Dice } from './dice.ts';
import { mutateBytes, stretchBytes } from './mutate/bytes.ts';
import { mutateText, stretchText } from './mutate/text.ts';

/** Something that takes bytes from outside. */
export interface Target {
  readonly name: string;
  /** Of the time, in shares of the usual one. */
  readonly share: number;
  /** What an input may take whatever its length, in shares of the judge's fixed work. */
  readonly work: number;
  /** Longest input that reaches it, in bytes. */
  readonly maxInput: number;
  /** A valid input, or one that is valid in form and hostile in what it says. */
  sample(dice: Dice): Uint8Array;
  mutate(valid: Uint8Array, dice: Dice, other: Uint8Array): Uint8Array;
  /** As long as wanted, made of one valid input. */
  stretch(valid: Uint8Array, dice: Dice, size: number): Uint8Array;
  /**
   * Takes the input. Throws a `Failure` where it is refused; whatever else is thrown is a fault of the program. Returns what
   * would stay in memory.
   */
  run(input: Uint8Array): unknown;
}

/** What a target promises and did not keep. Never caught by the code under test. */
export class BrokenPromise extends Error {}

interface TargetOptions {
  readonly maxInput?: number;
  readonly share?: number;
  sample(dice: Dice): Uint8Array;
  run(input: Uint8Array): unknown;
}

const DEFAULT_MAX = 65_536;
const DEFAULT_WORK = 20;

export function bytesTarget(name: string, { maxInput = DEFAULT_MAX, share = 1, sample, run }: TargetOptions): Target {
  return { name, maxInput, share, work: DEFAULT_WORK, sample, run, mutate: mutateBytes, stretch: stretchBytes };
}

export interface TextTargetOptions {
  readonly maxInput?: number;
  /** Words of the grammar, put where they do not belong. */
  readonly words: readonly string[];
  sample(dice: Dice): string;
  run(text: string, bytes: Uint8Array): unknown;
}

/** Text is mutated as text, and once in eight times as bytes, which may then be no UTF-8. */
export function textTarget(name: string, options: TextTargetOptions): Target {
  const { maxInput = DEFAULT_MAX, words, sample, run } = options;
  const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
  return {
    name,
    maxInput,
    share: 1,
    work: DEFAULT_WORK,
    sample: (dice) => Buffer.from(sample(dice)),
    mutate: (valid, dice, other) =>
      dice.oneIn(8)
        ? mutateBytes(valid, dice, other)
        : Buffer.from(mutateText(textOf(valid), dice, { other: textOf(other), words })),
    stretch: (valid, dice, size) => Buffer.from(stretchText(textOf(valid), dice, size, words)),
    run: (input) => run(textOf(input), input),
  };
}

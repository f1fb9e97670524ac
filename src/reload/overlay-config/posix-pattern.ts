import { type Expression, readExpression } from '#reload/overlay-config/posix-expression.ts';

/** True when the whole text matches. */
export type Pattern = (text: string) => boolean;

const MAX_PATTERN_LENGTH = 512;
const MAX_INSTRUCTIONS = 4096;

type Instruction =
  | { readonly kind: 'match' }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'character'; readonly accepts: (code: number) => boolean }
  | { readonly kind: 'split'; readonly first: number; second: number }
  | { readonly kind: 'jump'; to: number };

/**
 * Compiles a POSIX extended regular expression to a machine that reads a text in time linear in its length. Patterns come from a
 * document and texts from strangers, and both meet while a Store is handled (RFC 7904 §3.4): backtracking could be made to hang there.
 * Undefined when the expression is not valid or too big.
 */
export function compilePattern(expression: string): Pattern | undefined {
  if (expression.length > MAX_PATTERN_LENGTH) return undefined;
  const tree = readExpression(expression);
  const program = tree === undefined ? undefined : new Compiler().compile(tree);
  return program === undefined ? undefined : (text) => run(program, text);
}

class Compiler {
  readonly #program: Instruction[] = [];

  compile(tree: Expression): readonly Instruction[] | undefined {
    if (!this.#emit(tree)) return undefined;
    this.#program.push({ kind: 'match' });
    return this.#program;
  }

  /** False when the program has grown too large. Every expression emits something, so that the work is bounded with it. */
  #emit(node: Expression): boolean {
    if (this.#program.length >= MAX_INSTRUCTIONS) return false;
    switch (node.kind) {
      case 'sequence':
        return node.parts.every((part) => this.#emit(part));
      case 'choice':
        return this.#emitChoice(node.options);
      case 'repeat':
        return this.#emitRepeat(node);
      default:
        this.#program.push(node);
        return true;
    }
  }

  #emitChoice(options: readonly Expression[]): boolean {
    const jumps: (Instruction & { kind: 'jump' })[] = [];
    for (const option of options) {
      const split = this.#split();
      if (!this.#emit(option)) return false;
      const jump: Instruction & { kind: 'jump' } = { kind: 'jump', to: 0 };
      this.#program.push(jump);
      jumps.push(jump);
      split.second = this.#program.length;
    }
    // After the last option nothing is left to try: a jump beyond the program ends that thread.
    this.#program.push({ kind: 'jump', to: Number.MAX_SAFE_INTEGER });
    for (const jump of jumps) jump.to = this.#program.length;
    return true;
  }

  #emitRepeat(node: Expression & { kind: 'repeat' }): boolean {
    // A jump to the next instruction: an expression repeated zero times still counts towards the limit.
    this.#program.push({ kind: 'jump', to: this.#program.length + 1 });
    for (let i = 0; i < node.least; i++) if (!this.#emit(node.body)) return false;
    if (node.most === undefined) {
      const again = this.#program.length;
      const split = this.#split();
      if (!this.#emit(node.body)) return false;
      this.#program.push({ kind: 'jump', to: again });
      split.second = this.#program.length;
      return true;
    }
    const splits: { second: number }[] = [];
    for (let i = node.least; i < node.most; i++) {
      splits.push(this.#split());
      if (!this.#emit(node.body)) return false;
    }
    for (const split of splits) split.second = this.#program.length;
    return true;
  }

  #split(): Instruction & { kind: 'split' } {
    const split: Instruction & { kind: 'split' } = { kind: 'split', first: this.#program.length + 1, second: 0 };
    this.#program.push(split);
    return split;
  }
}

/** Follows all threads at once: each instruction is visited at most once per character. */
function run(program: readonly Instruction[], text: string): boolean {
  let current = new Set<number>();
  follow(program, current, { index: 0, atStart: true, atEnd: text.length === 0 });
  for (let position = 0; position < text.length; position++) {
    const code = text.charCodeAt(position);
    const next = new Set<number>();
    for (const index of current) {
      const instruction = program[index];
      if (instruction?.kind === 'character' && instruction.accepts(code))
        follow(program, next, { index: index + 1, atStart: false, atEnd: position + 1 === text.length });
    }
    if (next.size === 0) return false;
    current = next;
  }
  return current.has(program.length - 1);
}

/** Adds the instruction and all that is reached from it without reading a character. */
function follow(
  program: readonly Instruction[],
  states: Set<number>,
  from: { readonly index: number; readonly atStart: boolean; readonly atEnd: boolean },
): void {
  const pending = [from.index];
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    const instruction = program[index];
    if (instruction === undefined || states.has(index)) continue;
    states.add(index);
    if (instruction.kind === 'split') pending.push(instruction.second, instruction.first);
    else if (instruction.kind === 'jump') pending.push(instruction.to);
    else if (instruction.kind === 'start' && from.atStart) pending.push(index + 1);
    else if (instruction.kind === 'end' && from.atEnd) pending.push(index + 1);
  }
}

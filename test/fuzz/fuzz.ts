import { type CrashFile, saveCrash } from './crash-files.ts';
import { Dice } from './dice.ts';
import { judge, judgeMemory, type Verdict } from './judge.ts';
import type { Target } from './target.ts';

/** What happened to one target in a run. */
export interface Tally {
  readonly target: string;
  inputs: number;
  accepted: number;
  refused: number;
  /** Different faults, by kind and place. */
  readonly crashes: Map<string, string>;
}

interface FuzzOptions {
  readonly seed: string;
  /** Folder of the crash files; undefined to keep none. */
  readonly crashes?: string | undefined;
}

/** One in so many inputs is stretched to a great length, and of these one in so many has its memory measured. */
const STRETCHED = 64;
const MEASURED = 16;
/** Different faults of one target that are kept; more of them say nothing new. */
const MAX_CRASHES = 20;

export function newTally(target: Target): Tally {
  return { target: target.name, inputs: 0, accepted: 0, refused: 0, crashes: new Map() };
}

/** Hands the inputs number `tally.inputs` and following to the target until `enough`. The seed and the number decide each input. */
export async function fuzz(
  target: Target,
  tally: Tally,
  enough: (inputs: number) => boolean,
  options: FuzzOptions,
): Promise<void> {
  for (let done = 0; !enough(done) && tally.crashes.size < MAX_CRASHES; done++) {
    const seed = `${options.seed}/${target.name}/${tally.inputs++}`;
    const { input, verdict } = await one(target, new Dice(seed));
    if (verdict.outcome !== 'crash') {
      tally[verdict.outcome]++;
      continue;
    }
    const key = kindOf(verdict);
    if (tally.crashes.has(key)) continue;
    const { why, detail } = verdict;
    const path =
      options.crashes === undefined
        ? seed
        : saveCrash({ target: target.name, seed, why, detail }, input, options.crashes);
    tally.crashes.set(key, `${path}\n  ${why}: ${detail}`);
  }
}

/** The same place in the program is the same fault, whatever it says; a broken promise is known by what it says. */
function kindOf({ why, detail }: { readonly why: string; readonly detail: string }): string {
  const [message = '', ...frames] = detail.split('\n');
  const place = why === 'BrokenPromise' || frames.length === 0 ? message : frames.slice(0, 3).join();
  return `${why} ${place}`.replace(/\d+/g, 'N');
}

async function one(target: Target, dice: Dice): Promise<{ input: Uint8Array; verdict: Verdict }> {
  const stretched = dice.oneIn(STRETCHED);
  const input = makeInput(target, dice, stretched);
  const verdict = await judge(target, input);
  if (verdict.outcome === 'crash' || !stretched || !dice.oneIn(MEASURED)) return { input, verdict };
  const memory = await judgeMemory(target, input);
  return { input, verdict: memory.outcome === 'crash' ? memory : verdict };
}

function makeInput(target: Target, dice: Dice, stretched: boolean): Uint8Array {
  const valid = target.sample(dice);
  if (stretched) return target.stretch(valid, dice, target.maxInput).slice(0, target.maxInput);
  // Now and then as it is: what is valid in form reaches furthest.
  if (dice.oneIn(8)) return valid;
  return target.mutate(valid, dice, target.sample(dice)).slice(0, target.maxInput);
}

/** Hands the input of a crash file to its target again. */
export async function replay(target: Target, crash: CrashFile): Promise<Verdict> {
  const input = new Uint8Array(Buffer.from(crash.input, 'base64'));
  const verdict = await judge(target, input);
  return verdict.outcome === 'crash' || crash.why !== 'memory' ? verdict : judgeMemory(target, input);
}

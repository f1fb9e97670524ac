import type { LineConfig } from '#config/line.ts';
import type { ConfigProblem } from '#config/problem.ts';

/** The configuration as one form: `[line]` is read as a list of one, like `[[line]]`. */
export interface LineForms {
  readonly tree: unknown;
  /** Whether the line was written as `[line]`, so that faults are told without a number. */
  readonly isSingle: boolean;
}

export function listLines(tree: unknown): LineForms {
  if (typeof tree !== 'object' || tree === null || !('line' in tree)) return { tree, isSingle: false };
  const { line } = tree;
  const isSingle = typeof line === 'object' && line !== null && !Array.isArray(line);
  return { tree: isSingle ? { ...tree, line: [line] } : tree, isSingle };
}

/** What is wrong with a line by itself, and of lines beside each other. */
export function lineProblems(lines: readonly LineConfig[]): readonly ConfigProblem[] {
  return lines.flatMap((line, i) => {
    const problems: ConfigProblem[] = [];
    const say = (key: keyof LineConfig, advice: string) => problems.push({ path: `line[${i}].${key}`, advice });
    const before = lines.slice(0, i);
    if (!line.emulated && line.device === undefined) say('device', 'name the modem, or set emulated = true');
    if (line.emulated && line.device !== undefined) say('emulated', 'a line has a device or is emulated, not both');
    if (before.some(({ name }) => name === line.name)) say('name', `another line is called "${line.name}" already`);
    if (line.device !== undefined && before.some(({ device }) => device === line.device)) {
      say('device', 'another line uses this device already');
    }
    return problems;
  });
}

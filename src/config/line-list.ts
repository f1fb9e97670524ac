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
    if (line.audio_device !== undefined && line.device === undefined) {
      say('audio_device', 'name the device that takes commands in device too');
    }
    if (before.some(({ name }) => name === line.name)) say('name', `another line is called "${line.name}" already`);
    const taken = before.flatMap(devicesOf);
    if (line.device !== undefined && taken.includes(line.device))
      say('device', 'another line uses this device already');
    if (line.audio_device !== undefined && [...taken, line.device].includes(line.audio_device)) {
      say('audio_device', 'this device is used already; sound has a device of its own');
    }
    return problems;
  });
}

function devicesOf({ device, audio_device: audio }: LineConfig): string[] {
  return [device, audio].filter((path) => path !== undefined);
}

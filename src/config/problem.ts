/** One thing wrong, where it is, and what to do about it. */
export interface ConfigProblem {
  /** For example `line.country`. */
  readonly path: string;
  readonly advice: string;
}

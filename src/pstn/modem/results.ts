/** The result codes that end a command (ITU-T V.250 §5.7, V.253 §10), spelt in one way. */
export type FinalResult =
  | 'OK'
  | 'CONNECT'
  | 'VCON'
  | 'ERROR'
  | 'BUSY'
  | 'NO ANSWER'
  | 'NO CARRIER'
  | 'NO DIALTONE'
  | 'LINE IN USE'
  | 'NO LINE';

const spellings: ReadonlyMap<string, FinalResult> = new Map([
  ['OK', 'OK'],
  ['CONNECT', 'CONNECT'],
  ['VCON', 'VCON'],
  ['ERROR', 'ERROR'],
  ['BUSY', 'BUSY'],
  ['NO ANSWER', 'NO ANSWER'],
  ['NO CARRIER', 'NO CARRIER'],
  ['NO DIALTONE', 'NO DIALTONE'],
  ['NO DIAL TONE', 'NO DIALTONE'],
  ['LINE IN USE', 'LINE IN USE'],
  ['NO LINE', 'NO LINE'],
]);

/** The final result that a line is, or undefined for any other line. `+CME ERROR: n` counts as ERROR. */
export function finalResult(line: string): FinalResult | undefined {
  return spellings.get(line) ?? (line.startsWith('+CME ERROR') ? 'ERROR' : undefined);
}

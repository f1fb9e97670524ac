import type { CodingName } from '#pstn/emulator/sound-coding.ts';

/** A row of the answer to `AT+VSM=?`. */
interface CodingRow {
  readonly number: number;
  readonly row: string;
  /** undefined: listed, but this emulator refuses to use it. */
  readonly coding: CodingName | undefined;
}

/** What a voice modem reports of the line as `<DLE>` codes (ITU-T V.253 table 14 and the vendors' own); undefined: nothing. */
export interface LineCodes {
  readonly dial: string | undefined;
  readonly busy: string | undefined;
  readonly ringback: string | undefined;
  /** Loop current gone. */
  readonly currentGone: string | undefined;
  readonly reversal: string | undefined;
  readonly underrun: string | undefined;
  readonly overrun: string | undefined;
  readonly callWaiting: string | undefined;
  /** The telephone in the modem's own socket, off hook and on hook. */
  readonly handset: readonly [offHook: string, onHook: string] | undefined;
  /** Another telephone on the pair: the voltage drops and rises. */
  readonly extension: readonly [offHook: string, onHook: string] | undefined;
}

/** How one voice modem behaves, as data. What comes from where stands beside each. */
export interface Personality {
  /** Answers to ATI<n>; `OK` alone to any other. */
  readonly identification: Readonly<Record<number, string>>;
  /** +FMI, +FMM, +FMR; undefined is refused. */
  readonly manufacturer: string | undefined;
  readonly model: string | undefined;
  readonly revision: string | undefined;
  readonly codings: readonly CodingRow[];
  /** Extended commands that are refused. */
  readonly refused: readonly string[];
  /** Values that +VGT and +VGR take. */
  readonly gain: { readonly transmit: readonly [number, number]; readonly receive: readonly [number, number] };
  /** `ATD` in voice class: `VCON` at the answer, or `OK` once it has dialled. */
  readonly dialResult: 'answer' | 'dialled';
  readonly noDialTone: 'NO DIALTONE' | 'NO DIAL TONE';
  /** `DATE = 1107`, or `DATE=1203`. */
  readonly callerIdStyle: 'spaced' | 'tight';
  /** Whether +VCID=1 outlives ATZ. */
  readonly callerIdOutlivesReset: boolean;
  /** A DTMF digit between `/` and `~`, repeated every 70 ms while it is held; or each key once, without shields. */
  readonly digits: 'shielded' | 'bare';
  readonly codes: LineCodes;
  /** Codes that leave full duplex; undefined: +VTR is refused. */
  readonly duplexExits: readonly string[] | undefined;
  /** Bytes a second that the modem moves in both directions together; the rest is lost. */
  readonly throughput: number | undefined;
  /** +VLS=20: what is on the pair is heard on hook. */
  readonly snoops: boolean;
  /** -STE (extension pick-up) and -TRV? (volts between the wires). */
  readonly measuresLine: boolean;
}

export const allCodes: LineCodes = {
  dial: 'd',
  busy: 'b',
  ringback: 'r',
  currentGone: 'l',
  reversal: 'l',
  underrun: 'u',
  overrun: 'o',
  callWaiting: 'w',
  // As USRobotics' and ZyXEL's manuals have it: H for off hook, h for on hook.
  handset: ['H', 'h'],
  extension: ['P', 'p'],
};

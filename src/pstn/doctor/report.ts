import type { Hearing } from '#pstn/doctor/hearing.ts';
import type { AnswerSupervision } from '#pstn/line.ts';
import type { Coding } from '#pstn/modem/profiles/schema.ts';

/** Something wrong, and what to do about it. */
export interface Problem {
  readonly what: string;
  readonly remedy: string;
  /** Whether calls are impossible because of it. */
  readonly fatal: boolean;
}

/** How a stream of some seconds went. */
export interface StreamTrial {
  readonly command: 'AT+VTR' | 'AT+VRX' | 'AT+VTX';
  /** What the modem answered to the command. */
  readonly answer: string;
  readonly seconds: number;
  /** In the modem's own coding. */
  readonly bytesHeard: number;
  readonly bytesPlayed: number;
  /** Bytes a second heard; 8000 times the bytes of a sample are right. */
  readonly rate: number;
  /** Told by the modem. */
  readonly underruns: number;
  readonly overruns: number;
  /** Between two reads, ms. */
  readonly gaps: { readonly median: number; readonly p99: number; readonly longest: number };
  /** What ended the stream and how long that took; undefined when nothing did. */
  readonly exit: { readonly code: string; readonly ms: number } | undefined;
}

/** What `copperring doctor --line` found, to be shared. No telephone or serial number is in it unless that was asked for. */
export interface LineReport {
  readonly report: 1;
  readonly version: string;
  readonly country: string;
  readonly emulated: boolean;
  /** USB vendor and product, where the device has them. */
  readonly usb: string | undefined;
  /** Each question with what was answered to it. */
  readonly answers: readonly { readonly command: string; readonly answer: string }[];
  readonly profile: { readonly name: string; readonly kind: 'voice' | 'cellular'; readonly why: string } | undefined;
  readonly method: { readonly number: number; readonly coding: Coding } | undefined;
  readonly duplex: 'full' | 'half' | 'none';
  /** Commands of the profile that the modem refused. */
  readonly refused: readonly string[];
  readonly callerId: 'accepted' | 'refused' | 'by-sound' | undefined;
  /** Of a cellular module. */
  readonly signalDbm: number | undefined;
  /** Between tip and ring, on hook. */
  readonly volts: number | undefined;
  readonly hearing: Hearing | undefined;
  /** Of a tone played to the line, dB; undefined when nothing of it came back or it could not be played. */
  readonly echoLoss: number | undefined;
  readonly trials: readonly StreamTrial[];
  readonly call: CallTrial | undefined;
  readonly traps: readonly string[];
  readonly problems: readonly Problem[];
  readonly usable: boolean;
}

/** With `--call`. */
export interface CallTrial {
  readonly outcome: string;
  readonly answer: AnswerSupervision | undefined;
  readonly bytesHeard: number;
  readonly bytesPlayed: number;
}

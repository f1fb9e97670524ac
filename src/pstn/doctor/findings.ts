import type { LineReport, Problem } from '#pstn/doctor/report.ts';
import type { VoiceProfile } from '#pstn/modem/profiles/schema.ts';
import type { VoiceMethod } from '#pstn/modem/voice-methods.ts';

type Judged = Omit<LineReport, 'report' | 'version' | 'emulated' | 'usb' | 'call' | 'usable' | 'problems'>;

/** Off by more than this is no clock's tolerance but lost sound. */
const RATE_TOLERANCE = 0.01;
/** As long as the cushion of a call lasts, ms. */
const LONG_GAP_MS = 60;
/** An analog line's dial tone lies at -8 to -20 dBm0 or so; far below the pair is bad. */
const FAINT_DBM0 = -30;
/** What a hybrid gives at least (ITU-T G.122 counts on 6 dB); less is heard as a loud echo. */
const LITTLE_ECHO_LOSS_DB = 6;

/** What is wrong about what was found, and what to do. */
export function judge(
  found: Judged,
  { offered, limits }: { readonly offered: readonly VoiceMethod[]; readonly limits: VoiceProfile['voltage'] },
): Problem[] {
  const { profile } = found;
  if (profile === undefined) return [];
  const problems: Problem[] = [];
  const say = (fatal: boolean, what: string, remedy: string) => problems.push({ what, remedy, fatal });
  if (found.method === undefined && offered.length > 0) {
    const names = offered.map(({ name }) => name).join(', ');
    say(
      true,
      `none of its ways of coding sound can be used: ${names}`,
      'a profile of your own may name them (docs/MODEMS.md)',
    );
  }
  if (found.volts !== undefined && limits !== undefined) judgeVolts(found.volts, limits, say);
  if (found.method !== undefined && found.trials.length > 0) {
    judgeStreams(found, say);
    judgeHearing(found, say);
  }
  if (found.callerId === 'refused') {
    say(false, 'the modem refuses to report caller ID', 'calls come in without the caller’s number');
  }
  return problems;
}

function judgeVolts(volts: number, limits: NonNullable<VoiceProfile['voltage']>, say: Say): void {
  if (volts < limits.no_line_below) {
    say(
      true,
      `no line: ${volts} V between tip and ring`,
      'check the cable from the modem (jack LINE) to the wall socket',
    );
  } else if (volts < limits.in_use_below) {
    say(false, `a telephone on this line is off hook: ${volts} V between tip and ring`, 'put it down, and try again');
  }
}

type Say = (fatal: boolean, what: string, remedy: string) => void;

function judgeStreams({ trials, duplex, method }: Judged, say: Say): void {
  if (duplex === 'none') say(true, 'it neither plays nor records sound', 'this modem cannot be used for calls');
  if (duplex === 'half') {
    say(
      false,
      'half duplex: it refuses AT+VTR',
      'calls go by turns, one side speaks at a time; another modem does better',
    );
  }
  const wanted = 8000 * (method?.coding === 'linear-16' ? 2 : 1);
  for (const { command, answer, rate, bytesHeard, underruns, overruns, gaps, exit } of trials) {
    if (answer !== 'CONNECT') continue;
    if (bytesHeard > 0 && Math.abs(rate / wanted - 1) > RATE_TOLERANCE) {
      say(
        false,
        `${command}: ${rate} bytes a second came, not ${wanted}`,
        'raise baud_rate, use a USB port of the computer itself',
      );
    }
    if (bytesHeard === 0 && command !== 'AT+VTX') {
      say(true, `${command} sends no sound`, 'unplug the modem and plug it in again; try another profile');
    }
    if (underruns + overruns > 0 || gaps.longest > LONG_GAP_MS) {
      const what = `${command}: ${underruns} underruns, ${overruns} overruns, ${gaps.longest} ms between two reads at most`;
      say(false, what, 'the computer is busy or the USB hub slow: sound will stutter');
    }
    if (exit === undefined) {
      say(
        false,
        `${command} was not left by any known code`,
        'the modem has to be reset after each call; try another profile',
      );
    }
  }
}

function judgeHearing({ hearing, echoLoss, country }: Judged, say: Say): void {
  if (hearing === undefined) return;
  const heard = `${hearing.frequencies.join('+')} Hz at ${hearing.level} dBm0`;
  if (hearing.tone === 'none') {
    const remedy = 'check the cable to the wall socket, and that a telephone on this line has a dial tone';
    say(true, `no dial tone: the line is at ${hearing.level} dBm0`, remedy);
  } else if (hearing.tone === 'other') {
    const places = hearing.elsewhere.slice(0, 8).join(', ');
    const remedy =
      places === '' ? 'see whether the line is in use or out of service' : `set country to one of ${places}`;
    say(false, `${heard} is not the dial tone of ${country}`, remedy);
  } else if (hearing.level < FAINT_DBM0) {
    say(false, `the dial tone is faint: ${heard}`, 'try another cable, without splitters and filters in between');
  }
  if (echoLoss !== undefined && echoLoss < LITTLE_ECHO_LOSS_DB) {
    say(
      false,
      `loud echo: only ${echoLoss} dB are lost on the way back`,
      'leave the echo canceller on; check the cable',
    );
  }
}

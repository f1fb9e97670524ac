import type { Clock } from '#platform/clock.ts';
import type { CountryCode } from '#platform/country-code.ts';
import { messageOf } from '#platform/failure.ts';
import { understand } from '#pstn/cellular/says.ts';
import { type AtAnswer, AtClient } from '#pstn/doctor/at-client.ts';
import { judge } from '#pstn/doctor/findings.ts';
import { hear, levelOf } from '#pstn/doctor/hearing.ts';
import type { LineReport, Problem } from '#pstn/doctor/report.ts';
import { hearingTrial, playingTrial, TEST_DBM0, TEST_HZ, type Trial } from '#pstn/doctor/stream-trial.ts';
import { initCommands } from '#pstn/modem/machine/transitions.ts';
import { chooseProfile, type ProfileChoice, probes } from '#pstn/modem/profiles/choose.ts';
import type { ModemProfile, VoiceProfile } from '#pstn/modem/profiles/schema.ts';
import type { OpenSerial } from '#pstn/modem/serial-port.ts';
import { soundCodec } from '#pstn/modem/sound-codec.ts';
import { type ChosenMethod, chooseMethod, parseVoiceMethod } from '#pstn/modem/voice-methods.ts';
import { maskAnswer } from '#pstn/transcript/mask.ts';

export interface ExamineDeps {
  readonly clock: Clock;
  readonly openPort: OpenSerial;
  /** Why a device can't be opened, and what to do about it. */
  readonly explain: (path: string, reason: string) => Promise<Problem>;
  /** Told of each step, for people who wait. */
  readonly progress: (step: string) => void;
}

export interface ExamineOptions {
  readonly path: string;
  readonly baudRate: number;
  readonly country: CountryCode;
  readonly profiles: readonly ModemProfile[];
  /** Taken whatever the modem says. */
  readonly forced?: ModemProfile | undefined;
  readonly linkBytesPerSecond: number;
  readonly unmasked: boolean;
}

/** What an examination finds; the command adds what it knows itself. */
export type Findings = Omit<LineReport, 'report' | 'version' | 'emulated' | 'usb' | 'call' | 'usable'>;

/** Asked for the report; the profile's questions come on top. */
const QUESTIONS = [
  'ATI4',
  'AT+FMR?',
  'AT+FCLASS=?',
  'AT+FCLASS=8',
  'AT+VSM=?',
  'AT+VLS=?',
  'AT+VTR=?',
  'AT+VGT=?',
  'AT+VGR=?',
  'AT+VCID=?',
  'AT+GCI=?',
];
const ATTEMPTS = 3;
const MAX_TOLD = 1000;
/** The relay closes and the exchange sends its tone. */
const SETTLE_MS = 600;

/**
 * Looks at the modem and the line behind it: asks who it is, chooses its profile, goes off hook for some seconds and listens. Nothing is
 * dialled. Never rejects: what goes wrong is in the findings.
 */
export async function examine(deps: ExamineDeps, options: ExamineOptions): Promise<Findings> {
  const examination = new Examination(deps, options);
  deps.progress('opening the device');
  let client: AtClient;
  try {
    client = await AtClient.open(deps, options);
  } catch (thrown) {
    return examination.findings([await deps.explain(options.path, messageOf(thrown))]);
  }
  try {
    const problems = await examination.run(client);
    return examination.findings(client.isOpen ? problems : [...problems, vanished]);
  } finally {
    await client.close();
  }
}

class Examination {
  readonly #deps: ExamineDeps;
  readonly #options: ExamineOptions;
  readonly #answers: { command: string; answer: string }[] = [];
  readonly #said = new Map<string, AtAnswer>();
  readonly #trials: LineReport['trials'][number][] = [];
  #choice: ProfileChoice | undefined;
  #method: ChosenMethod | undefined;
  #refused: string[] = [];
  #callerId: LineReport['callerId'];
  #volts: number | undefined;
  #signalDbm: number | undefined;
  #trial: Trial | undefined;
  #duplex: LineReport['duplex'] = 'none';

  constructor(deps: ExamineDeps, options: ExamineOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async run(client: AtClient): Promise<Problem[]> {
    const { progress } = this.#deps;
    progress('asking who it is');
    if (!(await client.resynchronise(ATTEMPTS))) return [silentModem];
    await this.#ask(client, 'ATZ');
    await this.#ask(client, 'ATE0Q0V1');
    for (const { probe, command } of probes) if (probe !== 'vsm') await this.#ask(client, command);
    for (const command of QUESTIONS) await this.#ask(client, command);
    const { forced, profiles } = this.#options;
    this.#choice = forced
      ? { profile: forced, why: 'it was asked for by name' }
      : chooseProfile(profiles, Object.fromEntries(probes.map(({ probe, command }) => [probe, this.#text(command)])));
    const profile = this.#choice?.profile;
    if (profile?.kind === 'cellular') return this.#cellular(client);
    if (profile === undefined) return [noProfile];
    if (this.#said.get('AT+FCLASS=8')?.result !== 'OK') return [noVoiceModem];
    this.#method = chooseMethod(this.#methods(), profile, this.#options.linkBytesPerSecond);
    if (this.#method === undefined) return [];
    progress('setting it up');
    await this.#setUp(client, profile, this.#method);
    progress('listening to the line, off hook');
    return this.#listen(client, profile, this.#method);
  }

  findings(problems: readonly Problem[]): Findings {
    const { country } = this.#options;
    const profile = this.#choice?.profile;
    const trial = this.#trial;
    const heard = trial !== undefined && trial.quiet.length > SKIPPED ? trial.quiet.subarray(SKIPPED) : undefined;
    const found = {
      country,
      answers: this.#answers,
      profile: profile && { name: profile.name, kind: profile.kind, why: this.#choice?.why ?? '' },
      method: this.#method,
      duplex: this.#duplex,
      refused: this.#refused,
      callerId: this.#callerId,
      signalDbm: this.#signalDbm,
      volts: this.#volts,
      hearing: heard && hear(heard, country),
      echoLoss: trial && echoLoss(trial),
      trials: this.#trials,
      traps: profile?.traps ?? [],
    };
    const limits = profile?.kind === 'voice' ? profile.voltage : undefined;
    return { ...found, problems: [...problems, ...judge(found, { offered: this.#methods(), limits })] };
  }

  /** Whether the card is ready and a network lets it in (3GPP TS 27.007 §7.2, §8.3, §8.5). */
  async #cellular(client: AtClient): Promise<Problem[]> {
    const problems: Problem[] = [];
    for (const command of ['AT+CSQ', 'AT+CPIN?', 'AT+CREG?']) await this.#ask(client, command);
    const signal = understand(this.#text('AT+CSQ'), undefined);
    if (signal.type === 'signal') this.#signalDbm = signal.dbm;
    if (!/\bREADY\b/.test(this.#text('AT+CPIN?'))) problems.push(cardNotReady);
    if (!/\+CREG: *\d, *[15]\b/.test(this.#text('AT+CREG?'))) problems.push(notRegistered);
    return problems;
  }

  async #setUp(client: AtClient, profile: VoiceProfile, method: ChosenMethod): Promise<void> {
    const { country } = this.#options;
    for (const command of initCommands(profile, country, undefined)) await this.#ask(client, command, true);
    await this.#ask(client, 'AT+FCLASS=8');
    await this.#ask(client, `AT+VSM=${method.number},8000`, true);
    for (const command of profile.caller_id.commands) {
      const { result } = await this.#ask(client, command, true);
      this.#callerId = result === 'OK' ? 'accepted' : 'refused';
    }
    if (profile.caller_id.from === 'sound') this.#callerId = 'by-sound';
    if (profile.voltage === undefined) return;
    await this.#ask(client, profile.voltage.ask);
    const volts = /\d{1,3}(?:\.\d{1,2})?/.exec(this.#text(profile.voltage.ask))?.[0];
    this.#volts = volts === undefined ? undefined : Number(volts);
  }

  async #listen(client: AtClient, profile: VoiceProfile, method: ChosenMethod): Promise<Problem[]> {
    const { result } = await this.#ask(client, 'AT+VLS=1');
    const problems = result === 'OK' ? [] : [offHookFailed(result)];
    if (result === 'OK') {
      await new Promise<void>((resolve) => {
        this.#deps.clock.after(SETTLE_MS, resolve);
      });
      await this.#tryStreams(client, profile, method);
    }
    await this.#ask(client, 'AT+VLS=0');
    await this.#ask(client, 'ATH');
    await this.#ask(client, 'AT+FCLASS=0');
    return problems;
  }

  async #tryStreams(client: AtClient, profile: VoiceProfile, { coding }: ChosenMethod): Promise<void> {
    const parts = { ...this.#deps, client };
    const options = { codec: soundCodec(coding), exits: profile.duplex.exit };
    if (profile.duplex.mode !== 'half') {
      this.#trial = await hearingTrial(parts, 'AT+VTR', options);
      this.#trials.push(this.#trial.report);
      this.#duplex = this.#trial.report.answer === 'CONNECT' ? 'full' : 'none';
      if (this.#duplex === 'full') return;
    }
    this.#trial = await hearingTrial(parts, 'AT+VRX', options);
    const playing = await playingTrial(parts, options);
    this.#trials.push(this.#trial.report, playing);
    if (this.#trial.report.answer === 'CONNECT' && playing.answer === 'CONNECT') this.#duplex = 'half';
  }

  async #ask(client: AtClient, command: string, mayBeRefused = false): Promise<AtAnswer> {
    const answer = await client.ask(command);
    this.#said.set(command, answer);
    if (mayBeRefused && answer.result !== 'OK') this.#refused.push(command);
    const told = [...answer.lines, answer.result].map((line) => (this.#options.unmasked ? line : maskAnswer(line)));
    this.#answers.push({ command, answer: told.join(' | ').slice(0, MAX_TOLD) });
    return answer;
  }

  #text(command: string): string {
    return this.#said.get(command)?.lines.join('\n') ?? '';
  }

  #methods() {
    return (this.#said.get('AT+VSM=?')?.lines ?? []).flatMap((line) => parseVoiceMethod(line) ?? []);
  }
}

/** The first half second, in which the relay clicks. */
const SKIPPED = 4000;
/** What comes back so quietly cannot be told from noise, dBm0. */
const INAUDIBLE_DBM0 = -60;

function echoLoss({ quiet, withTone }: Trial): number | undefined {
  if (withTone.length < 2 * SKIPPED) return undefined;
  const without = levelOf(quiet.subarray(SKIPPED), TEST_HZ);
  const back = levelOf(withTone.subarray(SKIPPED), TEST_HZ);
  return back < INAUDIBLE_DBM0 || back < without + 3 ? undefined : Math.round((TEST_DBM0 - back) * 10) / 10;
}

const vanished: Problem = {
  what: 'the device vanished in the middle',
  remedy: 'check its cable and its power: off hook a modem draws more than a weak USB port gives',
  fatal: true,
};

const silentModem: Problem = {
  what: 'the device does not answer AT commands',
  remedy:
    'check cable and power, unplug it and plug it in again, and see that no other program uses it (ModemManager, another copperring)',
  fatal: true,
};

const noProfile: Problem = {
  what: 'no modem profile is for it, and none is a fallback',
  remedy: 'remove your own profile named generic-v253, or give it fallback = true',
  fatal: true,
};

const cardNotReady: Problem = {
  what: 'the SIM card is not ready',
  remedy: 'put a card in, and switch its PIN off in a telephone',
  fatal: true,
};

const notRegistered: Problem = {
  what: 'no mobile network lets it in',
  remedy: 'check the antenna, and that the card is good for calls',
  fatal: true,
};

const noVoiceModem: Problem = {
  what: 'it refuses AT+FCLASS=8',
  remedy: 'this is a data or fax modem without voice; docs/MODEMS.md lists modems that are known to work',
  fatal: true,
};

function offHookFailed(result: string): Problem {
  return {
    what: `the modem could not go off hook: it answered ${result}`,
    remedy: 'put down every telephone on the line, and check the cable from the modem (jack LINE) to the wall socket',
    fatal: true,
  };
}

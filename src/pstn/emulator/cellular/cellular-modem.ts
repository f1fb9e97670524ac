import { utf8 } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { parseAtLine } from '#pstn/emulator/at-line.ts';
import {
  type ModuleOutcome,
  type ModuleSettings,
  moduleSettings,
  runModuleCommand,
} from '#pstn/emulator/cellular/commands.ts';
import type { CellularPersonality } from '#pstn/emulator/cellular/module.ts';
import { ModuleSound } from '#pstn/emulator/cellular/module-sound.ts';
import type { CellularNetwork, Ending } from '#pstn/emulator/cellular/network.ts';
import type { RingCallerId } from '#pstn/emulator/number-plan.ts';
import type { ModemPort, StreamCounters } from '#pstn/emulator/sound-stream.ts';
import { TimerSet } from '#pstn/emulator/timer-set.ts';

export interface CellularModemDeps {
  readonly clock: Clock;
  /** Commands and results. */
  readonly port: ModemPort;
  /** Sound. */
  readonly soundPort: ModemPort;
  readonly network: CellularNetwork;
  /** Says whether `advance` is wanted. */
  readonly onActive: (active: boolean) => void;
  /** The module restarts by itself: its ports vanish and come back. */
  readonly onRestart: () => void;
}

/** Faults of a module. */
export interface ModuleManners {
  /** It tells of the answer when the far end begins to ring. */
  readonly earlyBegin: boolean;
  /** From the second call on sound is bad, and is switched on late, until a restart. */
  readonly degrades: boolean;
}

/** 3GPP TS 27.007 §7.18: the state of a call in +CLCC. */
const states = { active: 0, dialling: 2, alerting: 3, incoming: 4 } as const;
/** ^DSCI has its own numbers. */
const dsciStates = { dialling: 2, active: 3, incoming: 4, ended: 6, alerting: 7 } as const;

interface Call {
  readonly direction: 0 | 1;
  readonly number: string;
  /** 3GPP TS 27.007 §7.11: 0 valid, 1 withheld, 2 not available. */
  readonly validity: number;
  state: keyof typeof states;
  since: number;
}

const RING_EVERY_MS = 3000;
const RING_ID_MS = 80;
const DEGRADED_SWITCH_MS = 2000;
const MAX_LINE = 256;

/** A cellular module: commands on one port, sound on another. `advance` moves its sample clock. */
export class CellularModem {
  readonly #deps: CellularModemDeps;
  readonly #personality: CellularPersonality;
  readonly #timers: TimerSet;
  readonly #ringing: TimerSet;
  readonly #sound: ModuleSound;
  readonly #counters: StreamCounters = { underruns: 0, overruns: 0, taken: 0, played: 0, heard: 0 };
  readonly #settings: ModuleSettings;
  #manners: ModuleManners = { earlyBegin: false, degrades: false };
  #call: Call | undefined;
  #calls = 0;
  #cause = 'No cause information available';
  #line = '';

  constructor(deps: CellularModemDeps, personality: CellularPersonality) {
    this.#deps = deps;
    this.#personality = personality;
    this.#settings = moduleSettings(personality);
    this.#timers = new TimerSet(deps.clock);
    this.#ringing = new TimerSet(deps.clock);
    this.#sound = new ModuleSound(deps.soundPort, this.#counters, (digit) => this.#heardDigit(digit));
    deps.network.listen({
      incoming: (callerId) => this.#incoming(callerId),
      gaveUp: () => this.#gaveUp(),
      alerting: () => this.#alerting(),
      active: () => this.#active(),
      ended: (why, cause) => this.#ended(why, cause),
      waiting: (number) => this.#waiting(number),
    });
  }

  get counters(): Readonly<StreamCounters> {
    return { ...this.#counters };
  }

  misbehave(manners: ModuleManners, stalled: boolean, locked: boolean): void {
    this.#settings.locked = locked;
    this.#manners = manners;
    this.#sound.stall(stalled);
    this.#sound.degrade(this.#isDegraded);
  }

  /** Bytes on the port of the commands. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#settings.echo) this.#deps.port.send(Uint8Array.of(byte));
      if (byte === 0x0d) {
        const line = this.#line;
        this.#line = '';
        this.#execute(line);
      } else if (byte === 0x08) this.#line = this.#line.slice(0, -1);
      else if (byte >= 0x20 && byte < 0x7f && this.#line.length < MAX_LINE) this.#line += String.fromCharCode(byte);
    }
  }

  receiveSound(bytes: Uint8Array): void {
    this.#sound.receive(bytes);
  }

  /** Out of the network, everything forgotten. */
  powerOff(): void {
    this.#deps.network.release();
    this.close();
    this.#call = undefined;
    this.#calls = 0;
    this.#line = '';
    this.#sound.switch(false);
    this.#sound.degrade(false);
    Object.assign(this.#settings, moduleSettings(this.#personality), { locked: this.#settings.locked });
    this.#tellActive();
  }

  close(): void {
    this.#timers.cancel();
    this.#ringing.cancel();
  }

  /** Lets `count` samples pass. */
  advance(count: number): void {
    if (this.#settings.positions) this.#sound.passWithPositions(count);
    if (this.#call) this.#sound.hear(this.#deps.network.transfer(this.#sound.next(count)));
  }

  /** To be called once, when the ports are there. */
  begin(): void {
    this.#tellActive();
  }

  #tellActive(): void {
    this.#deps.onActive(this.#call !== undefined || this.#settings.positions);
  }

  #execute(line: string): void {
    const at = line.toUpperCase().indexOf('AT');
    if (at < 0) return;
    for (const command of parseAtLine(line.slice(at + 2))) {
      const outcome = runModuleCommand(command, this.#settings, this.#personality);
      if (outcome.type === 'text') for (const text of outcome.lines) this.#say(text);
      else if (!this.#act(outcome)) return;
    }
    this.#tellActive();
    this.#say('OK');
  }

  /** False when no OK follows, or not now. */
  #act(outcome: ModuleOutcome): boolean {
    const { network } = this.#deps;
    switch (outcome.type) {
      case 'calls':
        if (this.#call) this.#say(this.#describe(this.#call));
        return true;
      case 'registration':
        this.#say(`${outcome.name}: 0,${network.isCovered ? 1 : 2}`);
        return true;
      case 'signal':
        this.#say(`+CSQ: ${network.isCovered ? 21 : 99},99`);
        return true;
      case 'cause':
        this.#say(`+CEER: ${this.#cause}`);
        return true;
      case 'dial':
        return this.#dial(outcome.number);
      case 'answer':
        // The OK comes first, the event of the answer behind it.
        if (this.#call?.state !== 'incoming') return this.#refuse();
        this.#say('OK');
        network.answer();
        return false;
      case 'hang-up':
        this.#say('OK');
        this.#hangUp();
        return false;
      case 'digit':
        if (this.#call?.state !== 'active') return this.#refuse();
        this.#sound.press(outcome.digit);
        return true;
      case 'sound':
        return this.#switchSound(outcome.on);
      case 'restart':
        this.#say('OK');
        this.#deps.onRestart();
        return false;
      case 'error':
        return this.#refuse();
      default:
        return true;
    }
  }

  #refuse(): false {
    this.#say(this.#settings.other.get('+CMEE') === '1' ? '+CME ERROR: 3' : 'ERROR');
    return false;
  }

  #dial(number: string): boolean {
    if (this.#call) return this.#refuse();
    if (!this.#deps.network.isCovered) {
      this.#say('NO CARRIER');
      return false;
    }
    this.#begin({ direction: 0, number, validity: 0, state: 'dialling', since: 0 });
    this.#say('OK');
    this.#tellDsci('dialling');
    this.#deps.network.dial(number);
    return false;
  }

  get #isDegraded(): boolean {
    return this.#manners.degrades && this.#calls > 1;
  }

  #switchSound(on: boolean): boolean {
    const { command, onlyInCall } = this.#personality.sound;
    if (on && onlyInCall && this.#call?.state !== 'active') return this.#refuse();
    const act = () => {
      this.#settings.other.set(command, on ? this.#personality.sound.on : this.#personality.sound.off);
      this.#sound.switch(on);
    };
    if (!on || !this.#isDegraded) {
      act();
      return true;
    }
    this.#timers.after(DEGRADED_SWITCH_MS, () => {
      act();
      this.#say('OK');
    });
    return false;
  }

  #begin(call: Call): void {
    this.#call = call;
    this.#calls++;
    this.#tellActive();
    this.#sound.degrade(this.#isDegraded);
  }

  #incoming({ number, name }: RingCallerId = {}): void {
    const withheld = number === 'P' || name === 'P';
    const known = number !== undefined && number !== 'P' && number !== 'O' ? number : '';
    const validity = known === '' ? (withheld ? 1 : 2) : 0;
    this.#begin({ direction: 1, number: known, validity, state: 'incoming', since: 0 });
    this.#tellDsci('incoming');
    this.#ring();
  }

  #ring(): void {
    const call = this.#call;
    if (call?.state !== 'incoming') return;
    this.#say('RING');
    this.#ringing.after(RING_ID_MS, () => {
      if (this.#settings.callerId) this.#say(`+CLIP: "${call.number}",${typeOf(call.number)},,,,${call.validity}`);
    });
    this.#ringing.after(RING_EVERY_MS, () => this.#ring());
  }

  #gaveUp(): void {
    const call = this.#call;
    this.#over();
    if (!call) return;
    if (this.#personality.events === 'words') this.#say(`MISSED_CALL: ${this.#time()} ${call.number}`);
    this.#tellDsci('ended', call);
    this.#say('NO CARRIER');
  }

  #alerting(): void {
    if (!this.#call) return;
    this.#call.state = 'alerting';
    this.#tellDsci('alerting');
    if (!this.#manners.earlyBegin) return;
    this.#call.state = 'active';
    this.#tellBegin();
  }

  #active(): void {
    const call = this.#call;
    if (!call) return;
    this.#ringing.cancel();
    call.since = this.#deps.clock.now();
    const told = call.direction === 0 && this.#manners.earlyBegin;
    call.state = 'active';
    if (!told) this.#tellBegin();
  }

  #tellBegin(): void {
    if (this.#personality.events === 'words') this.#say('VOICE CALL: BEGIN');
    this.#tellDsci('active');
  }

  #waiting(number: string): void {
    const on = this.#settings.other.get('+CCWA')?.startsWith('1') ?? false;
    if (on) this.#say(`+CCWA: "${number}",${typeOf(number)},1,,0`);
  }

  #ended(why: Ending, cause: string): void {
    this.#cause = cause;
    const call = this.#call;
    this.#over();
    if (!call) return;
    this.#tellEnd(call);
    this.#say(why === 'busy' ? 'BUSY' : why === 'no-answer' ? 'NO ANSWER' : 'NO CARRIER');
  }

  #hangUp(): void {
    const call = this.#call;
    this.#deps.network.release();
    this.#over();
    if (call) this.#tellEnd(call);
  }

  #tellEnd(call: Call): void {
    const seconds = call.since === 0 ? 0 : Math.round((this.#deps.clock.now() - call.since) / 1000);
    if (this.#personality.events === 'words' && call.since > 0) {
      this.#say(`VOICE CALL: END: ${String(seconds).padStart(6, '0')}`);
    }
    this.#tellDsci('ended', call);
  }

  /** The sound of a call ends with it, where it was begun with it. */
  #over(): void {
    this.#ringing.cancel();
    this.#call = undefined;
    this.#tellActive();
    if (!this.#personality.sound.onlyInCall) return;
    this.#sound.switch(false);
    this.#settings.other.delete(this.#personality.sound.command);
  }

  #heardDigit(digit: string): void {
    if (this.#settings.digits && this.#call?.state === 'active') this.#say(this.#personality.digits.report(digit));
  }

  #tellDsci(state: keyof typeof dsciStates, call = this.#call): void {
    if (this.#personality.events !== 'dsci' || !this.#settings.dsci || !call) return;
    this.#say(`^DSCI: 1,${call.direction},${dsciStates[state]},0,${call.number},${typeOf(call.number)},0`);
  }

  #describe({ direction, state, number }: Call): string {
    return `+CLCC: 1,${direction},${states[state]},0,0,"${number}",${typeOf(number)}`;
  }

  /** `10:23AM`. */
  #time(): string {
    const [hours = '0', minutes = '00'] = new Date(this.#deps.clock.now()).toISOString().slice(11, 16).split(':');
    return `${Number(hours) % 12 || 12}:${minutes}${Number(hours) < 12 ? 'AM' : 'PM'}`;
  }

  #say(line: string): void {
    this.#deps.port.send(utf8(`\r\n${line}\r\n`));
  }
}

/** 3GPP TS 24.008 §10.5.4.7: international, national or unknown. */
function typeOf(number: string): number {
  return number.startsWith('+') ? 145 : number === '' ? 128 : 129;
}

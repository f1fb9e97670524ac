import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BaresipProcess } from '#demo/baresip-process.ts';
import { prevailingTone } from '#demo/measure.ts';
import type { Phone, PhoneAccount } from '#demo/phone.ts';

const HANG_UP_MS = 3000;
const KEY_MS = 160;
const PAUSE_MS = 120;
/** Tells baresip that the key is let go. */
const KEY_UP = '\u0004';

/** baresip as the demo's phone. */
export async function startBaresip(directory: string, account: PhoneAccount, toneHz: number): Promise<Phone> {
  return new Baresip(await BaresipProcess.start(directory, account, toneHz), directory, account.domain);
}

class Baresip implements Phone {
  readonly program = 'baresip';
  readonly #process: BaresipProcess;
  readonly #directory: string;
  readonly #domain: string;
  /** Where the events of the call in progress begin. */
  #since = 0;

  constructor(process: BaresipProcess, directory: string, domain: string) {
    this.#process = process;
    this.#directory = directory;
    this.#domain = domain;
  }

  async dial(number: string, timeoutMs: number): Promise<void> {
    this.#since = this.#process.events.length;
    this.#process.command('dial', `sip:${number}@${this.#domain}`);
    await this.#established(timeoutMs);
  }

  async rings(timeoutMs: number): Promise<{ readonly callerId: string }> {
    this.#since = this.#process.events.length;
    const { peeruri = '' } = await this.#process.event('CALL_INCOMING', { timeoutMs, since: this.#since });
    return { callerId: /^sip:([^@;>]*)@/.exec(peeruri)?.[1] ?? peeruri };
  }

  async answer(timeoutMs: number): Promise<void> {
    this.#process.command('accept');
    await this.#established(timeoutMs);
  }

  async sendDigits(digits: string): Promise<void> {
    for (const digit of digits) {
      this.#process.command('sndcode', digit);
      await new Promise((resolve) => setTimeout(resolve, KEY_MS));
      this.#process.command('sndcode', KEY_UP);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async hangUp(): Promise<void> {
    this.#process.command('hangup');
    await this.callEnded(HANG_UP_MS);
  }

  async callEnded(timeoutMs: number): Promise<void> {
    await this.#process.event('CALL_CLOSED', { timeoutMs, since: this.#since });
  }

  measure(): Promise<{ readonly sentHz: number; readonly heardHz: number }> {
    return Promise.resolve({ sentHz: this.#measured('-enc.wav'), heardHz: this.#measured('-dec.wav') });
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }

  async #established(timeoutMs: number): Promise<void> {
    await this.#process.event('CALL_ESTABLISHED', { timeoutMs, since: this.#since, fatal: 'CALL_CLOSED' });
  }

  /** In the latest dump of one direction; their names begin with the time. */
  #measured(suffix: string): number {
    const names = readdirSync(this.#directory).filter((name) => name.endsWith(suffix));
    const newest = names.sort().at(-1);
    return newest === undefined ? 0 : prevailingTone(readFileSync(join(this.#directory, newest)));
  }
}

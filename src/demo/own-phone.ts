import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '#demo/child.ts';
import { prevailingTone } from '#demo/measure.ts';
import type { Phone, PhoneAccount } from '#demo/phone.ts';
import { Failure } from '#platform/failure.ts';

/** Copperring's own headless phone, in a process of its own: where baresip is not installed. */
export async function startOwnPhone(
  program: string,
  directory: string,
  account: PhoneAccount,
  toneHz: number,
): Promise<Phone> {
  const user = `${account.user}@${account.domain}`;
  const args = ['phone', '--registrar', account.proxy, '--user', user, '--tone', String(toneHz), '--dir', directory];
  const child = new Child('phone', process.execPath, [program, ...args], {
    environment: { COPPERRING_PASSWORD: account.password },
  });
  return new OwnPhone(child, directory);
}

class OwnPhone implements Phone {
  readonly program = 'copperring';
  readonly #child: Child;
  readonly #directory: string;
  #callMark = 0;

  constructor(child: Child, directory: string) {
    this.#child = child;
    this.#directory = directory;
  }

  async dial(number: string, timeoutMs: number): Promise<void> {
    this.#callMark = this.#child.mark;
    this.#child.send({ command: 'dial', to: number });
    await this.#established(timeoutMs);
  }

  async rings(timeoutMs: number): Promise<{ readonly callerId: string }> {
    this.#callMark = this.#child.mark;
    const { callerId } = await this.#child.event('ringing', timeoutMs, this.#callMark);
    return { callerId: String(callerId) };
  }

  async answer(timeoutMs: number): Promise<void> {
    this.#child.send({ command: 'answer' });
    await this.#established(timeoutMs);
  }

  async sendDigits(digits: string): Promise<void> {
    this.#child.send({ command: 'digits', digits });
  }

  async hangUp(): Promise<void> {
    this.#child.send({ command: 'hang-up' });
    await this.callEnded(5000);
  }

  async callEnded(timeoutMs: number): Promise<void> {
    await this.#child.event('ended', timeoutMs, this.#callMark);
  }

  async measure(): Promise<{ readonly sentHz: number; readonly heardHz: number }> {
    return { sentHz: this.#measured('sent.wav'), heardHz: this.#measured('heard.wav') };
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }

  async #established(timeoutMs: number): Promise<void> {
    const { event, reason } = await this.#child.event(
      (one) => ['established', 'refused', 'ended'].includes(one.event),
      timeoutMs,
      this.#callMark,
    );
    if (event !== 'established') throw new Failure({ code: 'refused' }, `the phone's call came to nothing: ${reason}`);
  }

  #measured(file: string): number {
    return prevailingTone(readFileSync(join(this.#directory, file)));
  }
}

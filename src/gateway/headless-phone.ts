import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { parseHostPort } from '#config/values.ts';
import { PacedSound, Recorder, type SoundSource } from '#media/paced.ts';
import { openRtpSession } from '#media/rtp-session.ts';
import { ToneGenerator } from '#media/tones.ts';
import { writeWav } from '#media/wav.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { SipStack } from '#sip/sip-stack.ts';
import type { Call, IncomingCall, SipTarget } from '#sip/ua/call-engine.ts';

export interface HeadlessPhoneOptions {
  /** Registrar and proxy, `host:port`. */
  readonly registrar: string;
  /** `alice@home.example`. */
  readonly user: string;
  readonly password: string;
  /** Hz of the tone it speaks with. */
  readonly toneHz: number;
  /** Folder for `sent.wav` and `heard.wav` of the latest call. */
  readonly directory: string;
}

export interface HeadlessPhoneDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Commands, one JSON object a line: dial {to}, answer, digits {digits}, hang-up. Its end ends the phone. */
  readonly input: Readable;
  readonly say: (event: PhoneEvent) => void;
}

type PhoneEvent =
  | { readonly event: 'registered' }
  | { readonly event: 'ringing'; readonly callerId: string; readonly callerName: string | undefined }
  | { readonly event: 'established' }
  | { readonly event: 'ended'; readonly reason: string }
  /** The command could not be carried out. */
  | { readonly event: 'refused'; readonly reason: string };

interface HeadlessPhoneFault {
  readonly code: 'bad-registrar';
}

const MAX_LINE = 4096;
const RECORD_SECONDS = 120;

/** A SIP phone without a sound device: it speaks with a tone, records what it hears, and is worked by lines of JSON. */
export async function runHeadlessPhone(deps: HeadlessPhoneDeps, options: HeadlessPhoneOptions): Promise<void> {
  const phone = new HeadlessPhone(deps, options);
  await phone.start();
  try {
    for await (const line of createInterface({ input: deps.input, crlfDelay: Number.POSITIVE_INFINITY })) {
      await phone.obey(line.slice(0, MAX_LINE)).catch((thrown) => {
        deps.say({ event: 'refused', reason: messageOf(thrown) });
      });
    }
  } finally {
    await phone.stop();
  }
}

class HeadlessPhone {
  readonly #deps: HeadlessPhoneDeps;
  readonly #options: HeadlessPhoneOptions;
  readonly #stack: SipStack;
  readonly #target: SipTarget;
  #registration: ReturnType<SipStack['registration']> | undefined;
  #call: Call | undefined;
  #ringing: IncomingCall | undefined;

  constructor(deps: HeadlessPhoneDeps, options: HeadlessPhoneOptions) {
    const { clock, random, log } = deps;
    const at = parseHostPort(options.registrar);
    if (!at) {
      const advice = `${JSON.stringify(options.registrar)} is no address; one looks like 192.0.2.1:5060`;
      throw new Failure<HeadlessPhoneFault>({ code: 'bad-registrar' }, advice);
    }
    this.#deps = deps;
    this.#options = options;
    this.#target = { transport: 'udp', ...at };
    this.#stack = new SipStack(
      {
        clock,
        random,
        log,
        createMedia: ({ address }) => openRtpSession({ clock, random, logger: log.child('media') }, { address }),
      },
      { transport: { overlayDomain: domainOf(options.user) } },
    );
  }

  async start(): Promise<void> {
    const { user, password, registrar } = this.#options;
    const local = registrar.startsWith('127.') || registrar.startsWith('localhost') ? '127.0.0.1' : '0.0.0.0';
    await this.#stack.listen({ transport: 'udp', host: registrar.startsWith('[') ? '::' : local, port: 0 });
    this.#stack.engine.onIncoming((call) => this.#ring(call));
    const credentials = { user: user.slice(0, user.indexOf('@')), password };
    this.#registration = this.#stack.registration({ target: this.#target, aor: `sip:${user}`, credentials });
    await this.#registration.start();
    this.#deps.say({ event: 'registered' });
  }

  async stop(): Promise<void> {
    await this.#call?.hangUp();
    await this.#registration?.stop();
    await this.#stack.stop();
  }

  async obey(line: string): Promise<void> {
    const { command, to, digits } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (command === 'dial' && typeof to === 'string') return this.#dial(to);
    if (command === 'answer' && this.#ringing) return this.#talk(await this.#ringing.answer());
    if (command === 'digits' && typeof digits === 'string') return this.#call?.media.sendDigits(digits);
    if (command === 'hang-up') return this.#call?.hangUp();
    throw new Error('the commands are dial {to}, answer, digits {digits} and hang-up');
  }

  async #dial(to: string): Promise<void> {
    const { user, password } = this.#options;
    const requestUri = `sip:${to}@${domainOf(user)}`;
    const call = await this.#stack.engine.call({
      target: this.#target,
      requestUri,
      from: `sip:${user}`,
      to: requestUri,
      credentials: { user: user.slice(0, user.indexOf('@')), password },
    });
    await this.#talk(call);
  }

  #ring(call: IncomingCall): void {
    if (this.#call || this.#ringing) {
      call.reject(486, 'Busy Here');
      return;
    }
    this.#ringing = call;
    call.abandoned.addEventListener('abort', () => {
      this.#ringing = undefined;
      this.#deps.say({ event: 'ended', reason: 'abandoned' });
    });
    call.ring();
    const callerId = /^sips?:([^@;]*)/.exec(call.from)?.[1] ?? call.from;
    this.#deps.say({ event: 'ringing', callerId, callerName: call.fromName });
  }

  async #talk(call: Call): Promise<void> {
    this.#ringing = undefined;
    this.#call = call;
    const heard = new Recorder(RECORD_SECONDS);
    const sent = new Recorder(RECORD_SECONDS);
    const tone = new ToneGenerator([this.#options.toneHz]);
    const source: SoundSource = {
      next(count) {
        const samples = tone.next(count);
        sent.push(samples);
        return samples;
      },
    };
    const sound = new PacedSound(this.#deps.clock, call.media, { source, sink: heard });
    sound.start();
    this.#deps.say({ event: 'established' });
    void call.ended.then(async ({ reason }) => {
      sound.stop();
      this.#call = undefined;
      await this.#keep(sent.sound, heard.sound);
      this.#deps.say({ event: 'ended', reason });
    });
  }

  async #keep(sent: Uint8Array, heard: Uint8Array): Promise<void> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'sent.wav'), writeWav(sent));
    await writeFile(join(directory, 'heard.wav'), writeWav(heard));
  }
}

function domainOf(user: string): string {
  return user.slice(user.indexOf('@') + 1);
}

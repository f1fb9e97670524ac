import { PacedSound, type SoundSink, type SoundSource } from '#media/paced.ts';
import { type FiniteSound, Player } from '#media/player.ts';
import type { Clock } from '#platform/clock.ts';
import type { LineCall } from '#pstn/line.ts';
import type { Call } from '#sip/ua/call-engine.ts';

const MAX_TYPED_AHEAD = 16;

/** One call that this program itself talks in, over the line or by SIP: plays one sound at a time, listens, takes keys. */
export class SoundCall {
  readonly #player = new Player();
  readonly #over = new AbortController();
  #sink: SoundSink | undefined;
  #onDigit: ((digit: string) => void) | undefined;
  /** Keys that nobody has been told of yet. */
  #typedAhead: string[] = [];
  #release: () => void = () => {};

  /** Of a call over the line, whose clock counts the samples. */
  static onLine(call: LineCall): SoundCall {
    const sound = new SoundCall();
    call.onDigit((digit) => sound.#pressed(digit));
    call.connect((heard) => {
      sound.#sink?.push(heard);
      return sound.#player.next(heard.length);
    });
    void call.ended.then(() => sound.#end());
    return sound;
  }

  static onPhone(clock: Clock, call: Call): SoundCall {
    const sound = new SoundCall();
    const source: SoundSource = { next: (count) => sound.#player.next(count) };
    const sink: SoundSink = { push: (samples) => sound.#sink?.push(samples) };
    const paced = new PacedSound(clock, call.media, { source, sink });
    call.media.onDigit((digit) => sound.#pressed(digit));
    paced.start();
    sound.#release = () => paced.stop();
    void call.ended.then(() => sound.#end());
    return sound;
  }

  private constructor() {}

  /** Aborts when the call is over. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** What played before stops. Resolves `stopped` also when the call ends meanwhile. */
  async play(sound: FiniteSound): Promise<'over' | 'stopped'> {
    return this.over.aborted ? 'stopped' : this.#player.play(sound);
  }

  stopPlaying(): void {
    this.#player.stop();
  }

  /** Lets go of a call that goes on without this program's voice. */
  release(): void {
    this.#end();
  }

  /** Who gets what the far end says, in place of who got it before. */
  listen(sink: SoundSink | undefined): void {
    this.#sink = sink;
  }

  /** Who is told of keys, in place of who was told before. While it is nobody they wait for the next one. */
  onDigit(listener: ((digit: string) => void) | undefined): void {
    this.#onDigit = listener;
    if (listener !== undefined) for (const digit of this.#typedAhead.splice(0)) this.#pressed(digit);
  }

  #pressed(digit: string): void {
    if (this.#onDigit !== undefined) this.#onDigit(digit);
    else if (this.#typedAhead.length < MAX_TYPED_AHEAD) this.#typedAhead.push(digit);
  }

  #end(): void {
    this.#over.abort(new Error('the call is over'));
    this.#release();
    this.#player.stop();
    this.#sink = undefined;
    this.#onDigit = undefined;
  }
}

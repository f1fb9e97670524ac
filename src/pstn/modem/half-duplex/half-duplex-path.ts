import { silence } from '#media/g711.ts';
import { concat } from '#platform/bytes.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import { TurnTaking } from '#pstn/modem/half-duplex/turn-taking.ts';
import type { PathSound, SoundPath } from '#pstn/modem/sound-path.ts';

export interface HalfDuplexDeps {
  readonly clock: Clock;
  /** Asks the modem for the other direction. `begin` tells when it is there. */
  readonly turn: (to: 'hear' | 'speak') => void;
}

const TICK_MS = 20;
/** Samples in a millisecond. */
const MS = 8;
/** The beginning of a word is kept while the modem changes direction; the changes seen take less than 1 s. */
const MAX_WAITING = 1500 * MS;
/** What is written at once when the direction has changed, before the pace of 20 ms goes on. */
const LEAD = 60 * MS;
/** A little more than a voice takes to be noticed. */
const ONSET_KEPT = 160 * MS;

/**
 * The sound of a call that goes one way at a time. While the line is heard its samples are the clock, as in full duplex; while it is
 * played to, and while the modem changes over, the host's clock takes that place, and the gateway's exchange hears silence.
 */
export class HalfDuplexPath implements SoundPath {
  readonly #deps: HalfDuplexDeps;
  readonly #sound: PathSound;
  readonly #turns = new TurnTaking();
  /** Where the modem stands; undefined while it changes over. */
  #way: 'hear' | 'speak' | undefined;
  #waiting = new Uint8Array(0);
  #timer: Timer | undefined;
  #begun = 0;
  #ticked = 0;
  #over = false;

  constructor(deps: HalfDuplexDeps, sound: PathSound) {
    this.#deps = deps;
    this.#sound = sound;
  }

  begin(way: 'both' | 'hear' | 'speak'): void {
    this.#way = way === 'speak' ? 'speak' : 'hear';
    if (way === 'speak') {
      this.#sound.play(concat(silence(LEAD), this.#waiting));
      this.#waiting = new Uint8Array(0);
      this.#tickFromNow();
    } else this.#stopTicking();
    this.#follow();
  }

  hear(samples: Uint8Array): void {
    const answer = this.#sound.answer(samples, 0);
    // What comes in after the turn was given away is the rest of a stream that ends.
    if (this.#way === 'hear') this.#turns.push(samples, answer);
    this.#keep(answer);
    this.#follow();
  }

  end(): void {
    this.#over = true;
    this.#stopTicking();
  }

  #follow(): void {
    const { turn } = this.#turns;
    if (this.#over || this.#way === undefined || this.#way === turn) return;
    this.#way = undefined;
    this.#tickFromNow();
    this.#deps.turn(turn);
  }

  /** Counts from a fixed moment, so that late timers shift nothing. */
  #tickFromNow(): void {
    this.#stopTicking();
    this.#begun = this.#deps.clock.now();
    this.#ticked = 0;
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.after(TICK_MS, () => this.#tick());
  }

  #stopTicking(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tick(): void {
    const due = Math.min((this.#deps.clock.now() - this.#begun) * MS - this.#ticked, MAX_WAITING);
    this.#ticked += due;
    if (due > 0) {
      const answer = this.#sound.answer(silence(due), 0);
      if (this.#way === 'speak') {
        this.#turns.push(undefined, answer);
        this.#sound.play(answer);
      } else this.#keep(answer);
    }
    this.#schedule();
    this.#follow();
  }

  /** While the line is heard only the last moment counts: the onset of a voice, before it got the turn. */
  #keep(answer: Uint8Array): void {
    const most = this.#way === 'hear' ? ONSET_KEPT : MAX_WAITING;
    this.#waiting = concat(this.#waiting, answer).slice(-most);
  }
}

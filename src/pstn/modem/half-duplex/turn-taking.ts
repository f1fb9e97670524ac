import { VoiceActivity } from '#pstn/modem/half-duplex/voice-activity.ts';

export type Turn = 'hear' | 'speak';

/** Samples in a millisecond. */
const MS = 8;
/** A pause between words is no end of a turn: so long its voice must be silent. */
const HANG_OVER = 400 * MS;
/** The line is heard first. Who insists for so long against its voice gets the turn. */
const INSISTING = 1500 * MS;
/** Nobody is deaf to the line for longer than this at a time. */
const LONGEST_SPEAKING = 8000 * MS;
/** And then it gets at least so long to say something. */
const SHORTEST_HEARING = 700 * MS;

/**
 * Who speaks in half duplex, where the line cannot be heard while sound is played to it. The voices decide: the phone's side gets the turn
 * when it speaks and the line does not, or when it insists; it keeps the turn until it pauses, 8 s at most. All times
 * are counted in samples.
 */
export class TurnTaking {
  readonly #line = new VoiceActivity();
  readonly #phone = new VoiceActivity();
  #turn: Turn = 'hear';
  #turnFor = 0;
  #owedToLine = 0;

  get turn(): Turn {
    return this.#turn;
  }

  /** A piece heard from the line and the piece of the phone's sound that belongs to it; `line` is undefined while it cannot be heard. */
  push(line: Uint8Array | undefined, phone: Uint8Array): Turn {
    this.#turnFor += phone.length;
    this.#phone.push(phone);
    if (line !== undefined) this.#line.push(line);
    if (this.#turn === 'hear' ? this.#phoneTakes() : this.#phoneYields()) this.#change();
    return this.#turn;
  }

  #phoneTakes(): boolean {
    if (this.#phone.speechFor === 0 || this.#turnFor < this.#owedToLine) return false;
    return this.#line.speechFor === 0 || this.#phone.speechFor >= INSISTING;
  }

  #phoneYields(): boolean {
    return this.#phone.silentFor >= HANG_OVER || this.#turnFor >= LONGEST_SPEAKING;
  }

  #change(): void {
    this.#owedToLine = this.#turn === 'speak' && this.#turnFor >= LONGEST_SPEAKING ? SHORTEST_HEARING : 0;
    this.#turn = this.#turn === 'hear' ? 'speak' : 'hear';
    this.#turnFor = 0;
    this.#line.restart();
  }
}

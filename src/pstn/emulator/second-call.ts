import type { ToneSequence } from '#media/tone-sequence.ts';
import type { ConnectedCall } from '#pstn/emulator/connected-call.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';

/** Beside the call that the subscriber hears: another that waits to be taken, or one that is held meanwhile. */
export class SecondCall {
  #tone: ToneSequence | undefined;
  #waiting: Party | undefined;
  #held: ConnectedCall | undefined;

  /** False when there is a second call already: exchanges let one wait. */
  wait(party: Party, tone: ToneSequence): boolean {
    if (this.#held !== undefined) return false;
    this.#waiting = party;
    this.#tone = tone;
    return true;
  }

  /** The subscriber hears the tone in place of the far end, who hears nothing of it. */
  over(sound: Uint8Array): Uint8Array {
    return this.#tone === undefined || this.#tone.over ? sound : this.#tone.next(sound.length);
  }

  /** By a hook flash: the other call is heard and `active`, where it is not over, held. Undefined when there is no other. */
  swap(active: ConnectedCall | undefined, take: (waiting: Party) => ConnectedCall): ConnectedCall | undefined {
    const other = this.#held ?? (this.#waiting && take(this.#waiting));
    if (other === undefined) return undefined;
    this.#held = active;
    this.#waiting = undefined;
    this.#tone = undefined;
    return other;
  }

  /** All is over for the subscriber; gives the call that was held. */
  drop(): ConnectedCall | undefined {
    const held = this.#held;
    this.#held = undefined;
    this.#waiting = undefined;
    this.#tone = undefined;
    return held;
  }

  /** The far end of a call that may be the one held leaves. */
  left(call: ConnectedCall): boolean {
    if (this.#held !== call) return false;
    this.#held = undefined;
    return true;
  }
}

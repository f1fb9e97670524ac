/** What a sound path has of its call. Sound is mu-law. */
export interface PathSound {
  /** The gateway's sound for a piece heard, of the same length or up to `spare` samples shorter. */
  answer(heard: Uint8Array, spare: number): Uint8Array;
  /** Writes to the modem. */
  play(samples: Uint8Array): void;
}

/** How the sound of a call goes between modem and gateway. */
export interface SoundPath {
  /** A stream begins, or begins anew. */
  begin(way: 'both' | 'hear' | 'speak'): void;
  /** A piece of it as it was read. */
  hear(samples: Uint8Array): void;
  /** The call is over. */
  end(): void;
}

import { Ear, type HearingReport } from '#pstn/emulator/ear.ts';
import { Hybrid } from '#pstn/emulator/hybrid.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import { KeyedSource, recording, type SoundSource, silentSource, steadyTone } from '#pstn/emulator/sound-source.ts';

export type CallDirection = 'from-line' | 'to-line';

/** A call as the exchange saw it. */
export interface CallReport extends HearingReport {
  readonly direction: CallDirection;
  readonly number: string | null;
  /** The tone that the far end played, Hz. */
  readonly sentHz: number | null;
  /** Since the answer. */
  readonly durationMs: number;
  readonly endedBy: 'line' | 'exchange' | null;
}

/** The far end of a call that was answered: plays what its party plays, and listens. */
export class ConnectedCall {
  readonly party: Party;
  readonly direction: CallDirection;
  readonly #number: string | null;
  readonly #source: KeyedSource;
  readonly #ear: Ear;
  readonly #hybrid: Hybrid | undefined;
  #samples = 0;
  #endedBy: 'line' | 'exchange' | null = null;

  constructor(
    about: { readonly party: Party; readonly direction: CallDirection; readonly number: string | null },
    onDigit: (digit: string) => void,
  ) {
    this.party = about.party;
    this.direction = about.direction;
    this.#number = about.number;
    this.#source = new KeyedSource(soundOf(about.party));
    this.#ear = new Ear(onDigit);
    const { hybrid, noiseDbm0 } = about.party;
    this.#hybrid = hybrid || noiseDbm0 !== undefined ? new Hybrid(hybrid, noiseDbm0) : undefined;
  }

  /** Keeps what is heard from here on. */
  record(): void {
    this.#ear.record();
  }

  get recorded(): Uint8Array {
    return this.#ear.recorded;
  }

  get report(): CallReport {
    return {
      ...this.#ear.report(),
      direction: this.direction,
      number: this.#number,
      sentHz: this.party.sendHz ?? null,
      durationMs: Math.round(this.#samples / 8),
      endedBy: this.#endedBy,
    };
  }

  press(digits: string): void {
    this.#source.press(digits);
  }

  transfer(sent: Uint8Array): Uint8Array {
    this.#samples += sent.length;
    this.#ear.push(sent);
    const received = this.#source.next(sent.length);
    this.#hybrid?.add(sent, received);
    return received;
  }

  end(by: 'line' | 'exchange'): void {
    this.#endedBy = by;
  }
}

function soundOf(party: Party): SoundSource {
  if (party.sendSound) return recording(party.sendSound);
  return party.sendHz === undefined ? silentSource : steadyTone([party.sendHz]);
}

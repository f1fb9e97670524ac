import type { CallerIdBlock } from '#pstn/caller-id.ts';
import type { Telephone } from '#pstn/line.ts';

/** The copper pair as the modem sees it: what the exchange does to it. */
export interface LoopListener {
  /** Ringing current begins or pauses. */
  ring(on: boolean): void;
  /** Data in the sound between rings, or before them; as the fields that the modem's FSK receiver would find. */
  callerId(block: CallerIdBlock): void;
  /** Loop current comes or goes while off hook. */
  current(flows: boolean): void;
  /** The exchange reversed the wires, as some do when the far end answers. */
  reversed(): void;
  /** A telephone was lifted or put down: in the modem's own socket, or elsewhere on the pair. */
  telephone(by: Telephone, offHook: boolean): void;
  /** The tone of a second call that waits. */
  callWaiting(): void;
}

/** The exchange's end of the pair, as the subscriber's equipment uses it. */
export interface Loop {
  listen(listener: LoopListener): void;
  /** Off hook: draws current. */
  seize(): void;
  /** On hook. */
  release(): void;
  /** Sound both ways, mu-law, equally long: takes what the subscriber sends, gives what the exchange sends. Off hook only. */
  transfer(sent: Uint8Array): Uint8Array;
  /** What is on the pair while the subscriber is on hook, as a high-ohmic listener hears it. */
  overhear(count: number): Uint8Array;
  /** The loop is interrupted for a moment. */
  flash(): void;
  /** Whether another telephone on the pair is off hook. */
  readonly isInUse: boolean;
  /** Whether the pair leads to an exchange at all. */
  readonly isPresent: boolean;
}

import type {
  ConfigurationSource,
  KindConfiguration,
  OverlayConfiguration,
} from '#reload/overlay-config/configuration.ts';
import type { SignedConfiguration } from '#reload/overlay-config/document.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** Sequence numbers of documents count modulo 65535: 65534 is followed by 0 (RFC 6940 §6.3.2.1). */
const SEQUENCE_MODULUS = 65535;

/** Whether `a` follows `b`. */
export function isNewerSequence(a: number, b: number): boolean {
  const ahead = (((a - b) % SEQUENCE_MODULUS) + SEQUENCE_MODULUS) % SEQUENCE_MODULUS;
  return ahead > 0 && ahead < 32768;
}

/** The sequence of the document that follows one with `sequence`; 65535 is a special value of message headers. */
export function nextSequence(sequence: number): number {
  return (sequence + 1) % SEQUENCE_MODULUS;
}

/** A Kind that a ConfigUpdate defined beside the document (RFC 6940 §6.5.4.1). */
export interface AddedKind {
  readonly kind: KindConfiguration;
  /** The `kind-block` element. */
  readonly block: Uint8Array;
  readonly signer: NodeId;
}

type Document = Pick<SignedConfiguration, 'configuration' | 'document'>;
type Adjustment = (configuration: OverlayConfiguration) => OverlayConfiguration;

/** Holds the document in force and tells listeners when another takes its place. Whoever replaces it has checked it. */
export class CurrentConfiguration implements ConfigurationSource {
  readonly #listeners: ((configuration: OverlayConfiguration) => void)[] = [];
  readonly #adjust: Adjustment;
  #signed: Document;
  #added: readonly AddedKind[] = [];
  #current: OverlayConfiguration;

  /** `adjust` is what this node does otherwise than any document says. */
  constructor(signed: Document, adjust: Adjustment = (configuration) => configuration) {
    this.#adjust = adjust;
    this.#signed = signed;
    this.#current = adjust(signed.configuration);
  }

  get current(): OverlayConfiguration {
    return this.#current;
  }

  get bytes(): Uint8Array {
    return this.#signed.document;
  }

  /** Kinds in force that the document does not define. */
  get addedKinds(): readonly AddedKind[] {
    return this.#added;
  }

  onChange(listener: (configuration: OverlayConfiguration) => void): void {
    this.#listeners.push(listener);
  }

  /** What the document says of a Kind counts, and Kinds beside it stay as long as their signers may sign (RFC 6940 §11.1). */
  replace(signed: Document): void {
    const { kinds, kindSigners } = signed.configuration;
    const defined = new Set(kinds.map((kind) => kind.id));
    this.#signed = signed;
    this.#added = this.#added.filter(({ kind, signer }) => !defined.has(kind.id) && kindSigners.includes(signer));
    this.#apply();
  }

  /** Puts a Kind in force that no Kind in force has the number of. */
  addKind(added: AddedKind): void {
    this.#added = [...this.#added, added];
    this.#apply();
  }

  #apply(): void {
    const { configuration } = this.#signed;
    const kinds = [...configuration.kinds, ...this.#added.map(({ kind }) => kind)];
    this.#current = this.#adjust({ ...configuration, kinds });
    for (const listener of this.#listeners) listener(this.#current);
  }
}

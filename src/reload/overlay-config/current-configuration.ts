import type { ConfigurationSource, OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import type { SignedConfiguration } from '#reload/overlay-config/document.ts';

/** Sequence numbers of documents count modulo 65535: 65534 is followed by 0 (RFC 6940 §6.3.2.1). */
const SEQUENCE_MODULUS = 65535;

/** Whether `a` follows `b`. */
export function isNewerSequence(a: number, b: number): boolean {
  const ahead = (((a - b) % SEQUENCE_MODULUS) + SEQUENCE_MODULUS) % SEQUENCE_MODULUS;
  return ahead > 0 && ahead < 32768;
}

/** Holds the document in force and tells listeners when another takes its place. Whoever replaces it has checked it. */
export class CurrentConfiguration implements ConfigurationSource {
  readonly #listeners: ((configuration: OverlayConfiguration) => void)[] = [];
  #signed: Pick<SignedConfiguration, 'configuration' | 'document'>;

  constructor(signed: Pick<SignedConfiguration, 'configuration' | 'document'>) {
    this.#signed = signed;
  }

  get current(): OverlayConfiguration {
    return this.#signed.configuration;
  }

  get bytes(): Uint8Array {
    return this.#signed.document;
  }

  onChange(listener: (configuration: OverlayConfiguration) => void): void {
    this.#listeners.push(listener);
  }

  replace(signed: Pick<SignedConfiguration, 'configuration' | 'document'>): void {
    this.#signed = signed;
    for (const listener of this.#listeners) listener(signed.configuration);
  }
}

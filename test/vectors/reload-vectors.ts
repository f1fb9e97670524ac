import messages from './reload-messages.json' with { type: 'json' };

/** One entry of reload-messages.json: bytes made by an independent implementation's codec, signed by its own tools. */
export interface Vector {
  readonly name: string;
  readonly layer: 'message' | 'frame' | 'value' | 'certificate' | 'const' | 'config';
  readonly hex: string;
}

const all = messages as readonly Vector[];

export function vectorsOf(layer: Vector['layer']): readonly Vector[] {
  return all.filter((vector) => vector.layer === layer);
}

export function vector(name: string): Vector {
  const found = all.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
}

export function bytesOf({ hex }: Vector): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** Models of the private Kinds that the vectors use. */
export const VECTOR_KIND_MODELS: ReadonlyMap<number, 'single' | 'array' | 'dictionary'> = new Map([
  [2020, 'single'],
  [2050, 'array'],
  [2070, 'dictionary'],
]);

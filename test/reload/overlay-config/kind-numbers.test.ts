import { describe, expect, it } from 'vitest';
import { readDocument } from '#reload/overlay-config/document.ts';
import { documentOf, faultOf, KIND_PARTS, kindBlock } from './documents.ts';

const read = (content: string) => readDocument(documentOf(content)).configuration.kinds[0];

describe('numbers and models of Kinds in a document', () => {
  it.each([0xf0000001, 0xf0000002, 0xfffffffd])('R6940-14.6-01 takes the private number %i', (id) => {
    expect(read(kindBlock(`id="${id}"`))).toMatchObject({ id, name: undefined });
  });

  it.each([0, 1, 0x7fffffff, 0x80000000, 0xf0000000, 0xfffffffe, 0xffffffff])(
    'R6940-14.6-01 refuses %i, which is registered elsewhere, reserved or invalid',
    (id) => {
      expect(faultOf(() => read(kindBlock(`id="${id}"`)))).toBe('bad-value');
    },
  );

  it.each(['SINGLE', 'ARRAY', 'DICTIONARY'])('R6940-14.7-01 takes the model %s', (model) => {
    expect(read(kindOf(model))?.dataModel).toBe(model);
  });

  it.each(['EXP-DATA', 'INVALID', 'RESERVED', 'single', 'LIST', ''])('R6940-14.7-01 refuses the model %j', (model) => {
    expect(faultOf(() => read(kindOf(model)))).toBe('bad-value');
  });
});

function kindOf(model: string): string {
  const parts = { ...KIND_PARTS, 'data-model': `<data-model>${model}</data-model>` };
  return kindBlock('id="4026531841"', Object.values(parts).join(''));
}

import type { Shape } from '#reload/wire/codec.ts';
import type { Dice } from '../dice.ts';

const NUMBERS = [0, 1, 2, 3, 127, 128, 254, 255, 256, 32767, 65534, 65535, 65536, 0x7fffffff, 0xfffffffe, 0xffffffff];
const HUGE = [0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 2n, 2n ** 64n - 1n];

/**
 * A value of the same shape with some of its fields changed: numbers at edges, list entries doubled, dropped or swapped, byte
 * strings of other lengths and contents. What comes out may still be refused by the codec, but mostly is not.
 */
export function mutateValue(shape: Shape, value: unknown, dice: Dice): unknown {
  switch (shape.type) {
    case 'plain':
      return plain(value, dice);
    case 'u64':
      return dice.oneIn(4) ? dice.pick(HUGE) : value;
    case 'bytes':
      return dice.oneIn(4) ? bytes(value, dice) : value;
    case 'list':
      return Array.isArray(value) ? list(shape.item, value, dice) : value;
    case 'struct':
      return fields(shape.fields, value, dice);
    default: {
      const tag = tagOf(value, shape.tag);
      const chosen = tag === undefined ? undefined : shape.cases[tag];
      return chosen === undefined ? value : mutateValue(chosen, value, dice);
    }
  }
}

function plain(value: unknown, dice: Dice): unknown {
  if (!dice.oneIn(4)) return value;
  if (typeof value === 'number') return dice.oneIn(2) ? dice.pick(NUMBERS) : value + dice.below(5) - 2;
  if (typeof value === 'boolean') return !value;
  if (typeof value !== 'string') return value;
  // Ids are hexadecimal and of a fixed length; anything else is text.
  if (/^[0-9a-f]{32}$/.test(value)) {
    const digits = value.split('');
    digits[dice.below(32)] = dice.below(16).toString(16);
    return dice.pick([digits.join(''), 'f'.repeat(32), `${'0'.repeat(31)}1`, '0'.repeat(32)]);
  }
  return dice.pick(['', value + value, '\0', 'x'.repeat(dice.size(300)), value.slice(1)]);
}

function bytes(value: unknown, dice: Dice): unknown {
  if (!(value instanceof Uint8Array)) return value;
  return dice.pick([
    new Uint8Array(),
    dice.bytes(value.length),
    dice.bytes(dice.size(2000)),
    value.slice(1),
    Uint8Array.from([...value, ...value]),
  ]);
}

function list(item: Shape, value: readonly unknown[], dice: Dice): readonly unknown[] {
  const items = value.map((each) => mutateValue(item, each, dice));
  if (items.length === 0 || !dice.oneIn(3)) return items;
  const at = dice.below(items.length);
  const change = dice.below(4);
  if (change === 0) items.splice(at, 1);
  else if (change === 1) items.splice(at, 0, ...Array.from({ length: 1 + dice.size(200) }, () => items[at]));
  else if (change === 2) items.reverse();
  else items.push(...items);
  return items;
}

function fields(shapes: Readonly<Record<string, Shape>>, value: unknown, dice: Dice): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const changed: Record<string, unknown> = { ...value };
  for (const [name, shape] of Object.entries(shapes)) {
    if (name in changed) changed[name] = mutateValue(shape, changed[name], dice);
  }
  return changed;
}

function tagOf(value: unknown, tag: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Reflect.get(value, tag);
  return typeof found === 'string' ? found : undefined;
}

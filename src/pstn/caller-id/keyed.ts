import type { CallerIdBlock } from '#pstn/caller-id.ts';

/** Shorter ones without a start code are services' numbers at best, and more likely noise. */
const MIN_BARE_DIGITS = 3;

/**
 * Reads caller ID that came as DTMF keys, its end code included (ETSI EN 300 659-1 annex B and national practice); undefined when it is none:
 * - `A<number>[D<diverted by>][B<information>]C`, information 00 for not available and 10 for restricted;
 * - `A<number>#`, `D1#` for restricted, `D2#` and `D3#` for not available;
 * - `D<number>C`;
 * - `<number>#`, without a start code.
 */
export function keyedCallerId(keys: string): CallerIdBlock | undefined {
  const marked = /D([123])#$/.exec(keys);
  if (marked) return { number: marked[1] === '1' ? 'P' : 'O' };
  const fields = /(?:A(\d{0,20}))?(?:D(\d{0,20}))?(?:B(\d{1,4}))?([C#])$/.exec(keys);
  const [, caller, diverted, information, end] = fields ?? [];
  if (caller) return { number: caller };
  if (information !== undefined) return { number: information === '10' ? 'P' : 'O' };
  if (caller === undefined && diverted && end === 'C') return { number: diverted };
  if (caller !== undefined) return { number: 'O' };
  const bare = /^(\d{1,20})#$/.exec(keys)?.[1];
  return bare !== undefined && bare.length >= MIN_BARE_DIGITS ? { number: bare } : undefined;
}

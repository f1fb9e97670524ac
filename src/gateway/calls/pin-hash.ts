import { Failure } from '#platform/failure.ts';
import type { Random } from '#platform/random.ts';
import { hashPassword, type PasswordHash } from '#reload/enrollment/password.ts';

interface PinFault {
  readonly code: 'bad-pin';
}

/** The hash of a PIN as the configuration has it. Rejects with `Failure<PinFault>`. */
export async function hashPin(pin: string, random: Random): Promise<string> {
  if (!/^\d{6,16}$/.test(pin)) {
    throw new Failure<PinFault>({ code: 'bad-pin' }, 'A PIN that opens a telephone line has 6 to 16 digits.');
  }
  const { cost, salt, hash } = await hashPassword(pin, random);
  return `scrypt:${cost}:${salt}:${hash}`;
}

/** The form was checked with the configuration. */
export function readPinHash(text: string): PasswordHash {
  const [, cost = '', salt = '', hash = ''] = text.split(':');
  return { cost: Number(cost), salt, hash };
}

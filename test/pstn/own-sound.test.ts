import { describe, expect, it } from 'vitest';
import { MULAW_SILENCE, silence } from '#media/g711.ts';
import { OwnSound } from '#pstn/modem/own-sound.ts';
import { SeededRandom } from '../simulation/seeded-random.ts';

/** Blocks of 20 ms go out; `comesBack` makes of everything sent so far what is heard. Gives after how many blocks it is known for an echo. */
function blocksUntilKnown(sound: (i: number) => Uint8Array, comesBack: (sent: Buffer, i: number) => Uint8Array) {
  const own = new OwnSound();
  let sent = Buffer.alloc(0);
  for (let i = 0; i < 500; i++) {
    sent = Buffer.concat([sent, own.send(sound(i))]);
    if (own.isEcho(comesBack(sent, i))) return i;
  }
  return undefined;
}

describe('the own sound of a call', () => {
  const random = new SeededRandom(1);
  const noise = () => random.bytes(160);
  const late = (sent: Buffer, i: number) => new Uint8Array(sent.subarray(Math.max(0, i - 3) * 160, (i - 2) * 160));

  it('is known when it comes back for half a second, byte for byte, however late', () => {
    expect(blocksUntilKnown(noise, late)).toBeLessThan(40);
  });

  it('is known when only a few bytes go round', () => {
    const few = () => random.bytes(7);
    const own = new OwnSound();
    let block = few();
    let rounds = 0;
    while (rounds < 2000 && !own.isEcho(block)) {
      block = own.send(few());
      rounds++;
    }
    expect(rounds).toBeLessThan(700);
  });

  it('is known in silence too, which is marked by the other code of zero once it is suspicious', () => {
    expect(blocksUntilKnown(() => silence(160), late)).toBeLessThan(90);
  });

  it('is not taken for an echo when the far end is silent, speaks, or returns it weaker', () => {
    expect(blocksUntilKnown(noise, () => silence(160))).toBeUndefined();
    expect(
      blocksUntilKnown(
        () => silence(160),
        () => silence(160),
      ),
    ).toBeUndefined();
    expect(blocksUntilKnown(noise, noise)).toBeUndefined();
    expect(blocksUntilKnown(noise, (sent, i) => late(sent, i).map((byte) => byte | 0x08))).toBeUndefined();
  });

  it('passes unchanged, and as silence where it was silence', () => {
    const own = new OwnSound();
    for (let i = 0; i < 100; i++) {
      const block = noise();
      expect(own.send(block)).toEqual(block);
      own.isEcho(silence(160));
      const quiet = own.send(silence(160));
      expect(quiet.every((byte) => (byte | 0x80) === MULAW_SILENCE)).toBe(true);
    }
  });
});

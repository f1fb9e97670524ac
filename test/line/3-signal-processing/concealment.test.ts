import { describe, expect, it } from 'vitest';
import { Concealment } from '#media/concealment.ts';
import { activePower, carried, espeakMissing, randomOf, speech } from '../../support/line-speech.ts';
import { spandspMissing } from '../../support/spandsp.ts';
import { spandspConcealed } from '../../support/spandsp-sound.ts';
import { logSpectralDistance, segmentalSnr } from './likeness.ts';
import { skipped } from './skipped.ts';

const PACKET = 160;

function lostPackets(count: number, share: number): Set<number> {
  const random = randomOf(Math.round(share * 1000));
  // The first second teaches the concealment what to repeat.
  return new Set(Array.from({ length: count }, (_, n) => n).filter((n) => random() < share && n > 50));
}

function concealed(sound: Float64Array, lost: ReadonlySet<number>): Float64Array {
  const concealment = new Concealment();
  const out = sound.slice();
  for (let at = 0, n = 0; at + PACKET <= out.length; at += PACKET, n++) {
    const piece = out.subarray(at, at + PACKET);
    if (lost.has(n)) concealment.fill(piece.fill(0));
    else concealment.arrived(piece);
  }
  return out;
}

function zeroFilled(sound: Float64Array, lost: ReadonlySet<number>): Float64Array {
  return sound.map((sample, i) => (lost.has(Math.floor(i / PACKET)) ? 0 : sample));
}

function repeated(sound: Float64Array, lost: ReadonlySet<number>): Float64Array {
  const out = sound.slice();
  for (let n = 1; n * PACKET < out.length; n++)
    if (lost.has(n)) out.copyWithin(n * PACKET, (n - 1) * PACKET, n * PACKET);
  return out;
}

const reason = espeakMissing ?? spandspMissing;

describe.skipIf(skipped('packet loss concealment', reason))('packet loss concealment on speech', () => {
  it.each([0.01, 0.03, 0.05, 0.1])(
    'at a loss of %d is nearer to the original than silence, repetition and libspandsp',
    (share) => {
      const original = Float64Array.from([...speech('her', 120, -19), ...speech('him', 120, -19)], carried);
      const lost = lostPackets(Math.floor(original.length / PACKET), share);
      const by = {
        own: concealed(original, lost),
        silence: zeroFilled(original, lost),
        repetition: repeated(original, lost),
        spandsp: Float64Array.from(spandspConcealed(Int16Array.from(original), PACKET, (n) => lost.has(n))),
      };
      const audible = activePower(original) / 100;
      const places = [...lost].map((n) => n * PACKET);
      const snr = (made: Float64Array) => segmentalSnr(original, made, { places, length: 240, audible });
      const distance = (made: Float64Array) => logSpectralDistance(original, made, { places, audible });
      const rows = Object.entries(by).map(([name, made]) => [name, snr(made), distance(made)] as const);
      for (const [name, ratio, distance] of rows) {
        const what = `concealment, ${100 * share} % of packets lost, ${name}`;
        console.log(`${what}: segmental SNR ${ratio.toFixed(2)} dB, spectral distance ${distance.toFixed(2)} dB`);
      }
      const [own, silence, repetition, spandsp] = rows.map(([, ratio, away]) => ({ ratio, away }));
      expect(own!.ratio).toBeGreaterThan(Math.max(silence!.ratio, repetition!.ratio + 1));
      expect(own!.away).toBeLessThan(Math.min(silence!.away - 1, repetition!.away));
      expect(own!.ratio).toBeGreaterThan(spandsp!.ratio - 0.3);
      expect(own!.away).toBeLessThan(spandsp!.away);
    },
  );
});

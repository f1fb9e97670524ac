/**
 * A complex discrete Fourier transform of one power-of-two size, in place and without allocation (radix 2, decimation in
 * time). Two real signals fit into one transform: the one as real, the other as imaginary part.
 */
export class Fft {
  readonly size: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #swaps: Uint16Array;

  constructor(size: number) {
    this.size = size;
    this.#cos = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / size));
    this.#sin = Float64Array.from({ length: size / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / size));
    this.#swaps = reversedPairs(size);
  }

  forward(re: Float64Array, im: Float64Array): void {
    const swaps = this.#swaps;
    for (let i = 0; i < swaps.length; i += 2) {
      const a = swaps[i] ?? 0;
      const b = swaps[i + 1] ?? 0;
      const r = re[a] ?? 0;
      const m = im[a] ?? 0;
      re[a] = re[b] ?? 0;
      im[a] = im[b] ?? 0;
      re[b] = r;
      im[b] = m;
    }
    for (let half = 1; half < this.size; half *= 2) this.#stage(re, im, half);
  }

  /** The inverse, scaled by 1/size. */
  inverse(re: Float64Array, im: Float64Array): void {
    // Swapping the parts before and after turns the forward transform round.
    this.forward(im, re);
    const scale = 1 / this.size;
    for (let i = 0; i < this.size; i++) {
      re[i] = (re[i] ?? 0) * scale;
      im[i] = (im[i] ?? 0) * scale;
    }
  }

  #stage(re: Float64Array, im: Float64Array, half: number): void {
    const cos = this.#cos;
    const sin = this.#sin;
    const step = this.size / (2 * half);
    for (let start = 0; start < this.size; start += 2 * half) {
      for (let i = start, w = 0; i < start + half; i++, w += step) {
        const j = i + half;
        const c = cos[w] ?? 0;
        const s = sin[w] ?? 0;
        const reJ = re[j] ?? 0;
        const imJ = im[j] ?? 0;
        const r = reJ * c - imJ * s;
        const m = reJ * s + imJ * c;
        const reI = re[i] ?? 0;
        const imI = im[i] ?? 0;
        re[j] = reI - r;
        im[j] = imI - m;
        re[i] = reI + r;
        im[i] = imI + m;
      }
    }
  }
}

function reversedPairs(size: number): Uint16Array {
  const bits = Math.log2(size);
  const pairs: number[] = [];
  for (let i = 0; i < size; i++) {
    let reversed = 0;
    for (let bit = 0; bit < bits; bit++) if (i & (1 << bit)) reversed |= 1 << (bits - 1 - bit);
    if (i < reversed) pairs.push(i, reversed);
  }
  return Uint16Array.from(pairs);
}

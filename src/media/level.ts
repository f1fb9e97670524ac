/** A sine of +3.17 dBm0 just reaches the overload of mu-law: 8159 of its 14-bit units (ITU-T G.711 table 2a and note 4). */
const OVERLOAD_PEAK = 4 * 8159;
const OVERLOAD_DBM0 = 3.17;

/** The peak, of 32767, of a sine of so many dBm0. */
export function peakOfDbm0(dbm0: number): number {
  return OVERLOAD_PEAK * 10 ** ((dbm0 - OVERLOAD_DBM0) / 20);
}

/** The level in dBm0 of a sine with this peak, of 32767. */
export function dbm0OfPeak(peak: number): number {
  return 20 * Math.log10(peak / OVERLOAD_PEAK) + OVERLOAD_DBM0;
}

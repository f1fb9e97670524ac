/** Smoothed round-trip time of a link by RFC 6298 §2; all in milliseconds. */
export interface RoundTrip {
  readonly srtt: number;
  readonly rttvar: number;
  readonly rto: number;
}

/** RFC 6298 §2.1 and §2.4: one second, before a sample and as the least value. On TLS links it is only a threshold of liveness. */
const MINIMUM_RTO = 1000;
const MAXIMUM_RTO = 60_000;
export const INITIAL_RTO = MINIMUM_RTO;

/** `least` is the smallest timeout; a timeout is a whole number (RFC 6940 §6.6.3.1). */
export function addSample(before: RoundTrip | undefined, rtt: number, least = MINIMUM_RTO): RoundTrip {
  const sample = Math.max(0, rtt);
  const srtt = before === undefined ? sample : 0.875 * before.srtt + 0.125 * sample;
  const rttvar = before === undefined ? sample / 2 : 0.75 * before.rttvar + 0.25 * Math.abs(before.srtt - sample);
  const rto = Math.min(MAXIMUM_RTO, Math.max(least, Math.ceil(srtt + Math.max(1, 4 * rttvar))));
  return { srtt, rttvar, rto };
}

/** Names of the cause values that this gateway gives or may be told (ITU-T Q.850 table 1), in SIP's customary short form. */
const CAUSES: Readonly<Record<number, string>> = {
  1: 'Unallocated number',
  3: 'No route to destination',
  16: 'Normal call clearing',
  17: 'User busy',
  18: 'No user responding',
  19: 'No answer from user',
  20: 'Subscriber absent',
  21: 'Call rejected',
  22: 'Number changed',
  25: 'Exchange routing error',
  27: 'Destination out of order',
  28: 'Invalid number format',
  31: 'Normal, unspecified',
  34: 'No circuit available',
  38: 'Network out of order',
  41: 'Temporary failure',
  42: 'Switching equipment congestion',
  44: 'Requested circuit not available',
  63: 'Service not available',
  65: 'Bearer capability not implemented',
  79: 'Service not implemented',
  88: 'Incompatible destination',
  102: 'Recovery on timer expiry',
  127: 'Interworking, unspecified',
};

export function causeText(cause: number): string {
  return CAUSES[cause] ?? `Cause ${cause}`;
}

/** RFC 3398 §8.2.6.1: the cause that a SIP status comes to. */
const OF_STATUS: Readonly<Record<number, number>> = {
  // A fork that lost to another one (RFC 3326 §3.1): ordinary clearing.
  200: 16,
  401: 21,
  402: 21,
  403: 21,
  404: 1,
  405: 63,
  406: 79,
  407: 21,
  408: 102,
  410: 22,
  413: 127,
  414: 127,
  415: 79,
  416: 127,
  420: 127,
  421: 127,
  423: 127,
  480: 18,
  482: 25,
  483: 25,
  484: 28,
  485: 1,
  486: 17,
  487: 16,
  488: 65,
  501: 79,
  502: 38,
  504: 102,
  505: 127,
  513: 127,
  600: 17,
  603: 21,
  604: 1,
};

/** 41, a temporary failure, for every status without a row and for failures without a status. */
export function causeOfStatus(status: number | undefined): number {
  return OF_STATUS[status ?? 0] ?? 41;
}

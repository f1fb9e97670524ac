/** What `demo --json` prints as its last line: measured values throughout. Frequencies in Hz, times in ms. */
export interface DemoReport {
  readonly ok: boolean;
  /** What did not hold; empty when `ok`. */
  readonly faults: readonly string[];
  readonly phone: 'baresip' | 'copperring';
  /** Members of the ring. */
  readonly peers: number;
  readonly discovery: { readonly namespace: string; readonly nodeId: string; readonly ms: number };
  readonly outbound: {
    readonly answered: boolean;
    readonly phoneSentHz: number;
    readonly phoneHeardHz: number;
    readonly lineSentHz: number;
    readonly lineHeardHz: number;
    readonly dtmfSent: string;
    readonly dtmf: string;
    readonly setupMs: number;
  };
  readonly inbound: {
    readonly callerId: string;
    readonly answered: boolean;
    readonly phoneSentHz: number;
    readonly phoneHeardHz: number;
    readonly lineSentHz: number;
    readonly lineHeardHz: number;
  };
  readonly peerKilled: PeerLost;
  readonly peerStopped: PeerLost;
  readonly gatewayRestart: { readonly sameNodeId: boolean; readonly rediscoveredMs: number };
}

export interface PeerLost {
  readonly callSurvived: boolean;
  readonly records: number;
  readonly recordsLost: number;
  /** The fetches that failed: which record through which survivor. */
  readonly missing: readonly string[];
  /** From the loss until every record was fetched through every survivor. */
  readonly recoveredMs: number;
}

type Measured = Omit<DemoReport, 'ok' | 'faults'>;

/** What the run was to show: the numbers and digits it drew, and the gateway's Node-ID. */
export interface Expected {
  readonly digits: string;
  readonly caller: string;
  readonly gateway: string;
}

const REDISCOVERY_MS = 10_000;
const SETUP_MS = 1500;

/** Every way in which the measured values miss what had to hold; nothing when all is well. */
export function faultsOf(measured: Measured, expected: Expected): readonly string[] {
  const { discovery, outbound, inbound, gatewayRestart } = measured;
  const checks: readonly (readonly [holds: boolean, fault: string])[] = [
    [discovery.nodeId === expected.gateway, 'another node than the gateway was discovered'],
    ...soundChecks('outbound', outbound),
    [outbound.dtmf === expected.digits, `the exchange heard the digits ${outbound.dtmf}, not ${expected.digits}`],
    [outbound.setupMs <= SETUP_MS, `the modem dialled ${outbound.setupMs} ms after the INVITE`],
    ...soundChecks('inbound', inbound),
    [sameNumber(inbound.callerId, expected.caller), `the phone showed ${inbound.callerId}, not ${expected.caller}`],
    ...lossChecks('killed', measured.peerKilled),
    ...lossChecks('stopped', measured.peerStopped),
    [gatewayRestart.sameNodeId, 'the restarted gateway was not found under its Node-ID'],
    [gatewayRestart.rediscoveredMs <= REDISCOVERY_MS, `rediscovery took ${gatewayRestart.rediscoveredMs} ms`],
  ];
  return checks.filter(([holds]) => !holds).map(([, fault]) => fault);
}

/** Within 2 %. */
export function sameTone(heard: number, sent: number): boolean {
  return sent > 0 && Math.abs(heard - sent) <= 0.02 * sent;
}

function soundChecks(call: string, sound: DemoReport['inbound'] | DemoReport['outbound']) {
  const { phoneHeardHz, lineSentHz, lineHeardHz, phoneSentHz } = sound;
  return [
    [sound.answered, `the ${call} call was not answered`],
    [
      sameTone(phoneHeardHz, lineSentHz),
      `${call}: the phone heard ${phoneHeardHz} Hz of the ${lineSentHz} Hz that the exchange sent`,
    ],
    [
      sameTone(lineHeardHz, phoneSentHz),
      `${call}: the exchange heard ${lineHeardHz} Hz of the ${phoneSentHz} Hz that the phone sent`,
    ],
  ] as const;
}

function lossChecks(how: string, loss: PeerLost) {
  return [
    [loss.callSurvived, `the call did not survive the peer being ${how}`],
    [loss.records > 0, 'the overlay held no records'],
    [loss.recordsLost === 0, `after the peer was ${how} it was in vain to fetch ${loss.missing.join('; ')}`],
  ] as const;
}

/** A caller ID in national form is the same number. */
function sameNumber(shown: string, e164: string): boolean {
  const digits = shown.replace(/\D/g, '').replace(/^0+/, '');
  return digits.length >= 7 && e164.endsWith(digits);
}

import { describe, expect, it } from 'vitest';
import { type DemoReport, faultsOf, sameTone } from '#demo/report.ts';

type Measured = Omit<DemoReport, 'ok' | 'faults'>;

const NODE = 'ab'.repeat(16);
const expected = { digits: '17#', caller: '+49895551234', gateway: NODE };
const sound = { answered: true, phoneSentHz: 600, lineHeardHz: 601, lineSentHz: 900, phoneHeardHz: 899 };
const loss = { callSurvived: true, records: 20, recordsLost: 0, missing: [], recoveredMs: 900 };
const good: Measured = {
  phone: 'baresip',
  peers: 6,
  discovery: { namespace: 'x-pstn-gateway:+49', nodeId: NODE, ms: 30 },
  outbound: { ...sound, dtmfSent: '17#', dtmf: '17#', setupMs: 300 },
  inbound: { ...sound, callerId: '0895551234' },
  peerKilled: loss,
  peerStopped: loss,
  gatewayRestart: { sameNodeId: true, rediscoveredMs: 1500 },
};

describe('the verdict of the demo', () => {
  it('finds no fault when everything held', () => {
    expect(faultsOf(good, expected)).toEqual([]);
    expect(faultsOf({ ...good, inbound: { ...good.inbound, callerId: '+49895551234' } }, expected)).toEqual([]);
  });

  it.each<[string, Partial<Measured>]>([
    ['another node was discovered', { discovery: { ...good.discovery, nodeId: 'cd'.repeat(16) } }],
    ['the call out was not answered', { outbound: { ...good.outbound, answered: false } }],
    ['the phone heard another tone', { outbound: { ...good.outbound, phoneHeardHz: 920 } }],
    ['the exchange heard another tone', { outbound: { ...good.outbound, lineHeardHz: 580 } }],
    ['the phone heard nothing', { outbound: { ...good.outbound, phoneHeardHz: 0 } }],
    ['nobody spoke', { outbound: { ...good.outbound, phoneSentHz: 0, lineHeardHz: 0 } }],
    ['digits were lost', { outbound: { ...good.outbound, dtmf: '17' } }],
    ['dialling took too long', { outbound: { ...good.outbound, setupMs: 1501 } }],
    ['the call in was not answered', { inbound: { ...good.inbound, answered: false } }],
    ['the phone showed another number', { inbound: { ...good.inbound, callerId: '0895551235' } }],
    ['the phone showed a piece of the number', { inbound: { ...good.inbound, callerId: '1234' } }],
    ['the call in was silent', { inbound: { ...good.inbound, phoneHeardHz: 0 } }],
    ['the call died with the killed peer', { peerKilled: { ...loss, callSurvived: false } }],
    ['a record was lost', { peerKilled: { ...loss, recordsLost: 1, missing: ['x through y'] } }],
    ['there were no records to lose', { peerKilled: { ...loss, records: 0 } }],
    ['the call died with the stopped peer', { peerStopped: { ...loss, callSurvived: false } }],
    ['a record was lost with the stopped peer', { peerStopped: { ...loss, recordsLost: 1 } }],
    ['the gateway came back as another node', { gatewayRestart: { ...good.gatewayRestart, sameNodeId: false } }],
    ['rediscovery took too long', { gatewayRestart: { ...good.gatewayRestart, rediscoveredMs: 10_001 } }],
  ])('finds exactly one fault when %s', (_what, change) => {
    expect(faultsOf({ ...good, ...change }, expected)).toHaveLength(1);
  });

  it('takes a tone for the same within 2 %', () => {
    expect([sameTone(980, 1000), sameTone(1020, 1000), sameTone(979, 1000), sameTone(1021, 1000)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

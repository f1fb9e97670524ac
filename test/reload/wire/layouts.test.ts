import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#platform/bytes.ts';
import { appAttach } from '#reload/wire/app-attach.ts';
import { type Codec, decode, encode } from '#reload/wire/codec.ts';
import { configUpdateReq } from '#reload/wire/config-update.ts';
import { fetchReq } from '#reload/wire/fetch.ts';
import { findReq } from '#reload/wire/find.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { joinAns, joinReq } from '#reload/wire/join.ts';
import { chordLeaveData, leaveReq } from '#reload/wire/leave.ts';
import { probeAns, probeReq } from '#reload/wire/probe.ts';
import { routeQueryReq } from '#reload/wire/route-query.ts';
import { storeAns, storeReq } from '#reload/wire/store.ts';
import { storedData } from '#reload/wire/stored-data.ts';
import { chordUpdate } from '#reload/wire/update.ts';

const A = '000102030405060708090a0b0c0d0e0f';
const B = 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';
const [nodeA, nodeB] = [A as NodeId, B as NodeId];
const resource = A as ResourceId;
const none = new Uint8Array();

function bytes(hex: string): Uint8Array {
  return fromHex(hex.replaceAll(' ', '')) ?? new Uint8Array();
}

/** Storage time 1, lifetime 2 s, the given value, and the signature that stands where none is wanted. */
function stored(value: string): string {
  return `${'00'.repeat(7)}01 00000002 ${value} 0000 03 0000 0000`;
}

const signature = {
  hashAlgorithm: 0,
  signatureAlgorithm: 0,
  identity: { type: 'none' },
  value: none,
} as const;
const abc = { exists: true, value: bytes('616263') };
const times = { storageTime: 1n, lifetime: 2, signature } as const;
const candidate = {
  addrPort: { type: 'ipv4', address: '192.0.2.1', port: 6084 },
  overlayLink: 4,
  foundation: '1',
  priority: 0x7effffff,
  type: 'host',
  extensions: [],
} as const;

/** Ids of the rows, what it is, codec, value, its bytes as the RFC's structures have them. */
const LAYOUTS: readonly (readonly [string, string, Codec<never>, unknown, string])[] = [
  ['R6940-6.4.2.1-01', 'JoinReq', joinReq, { joiningPeerId: nodeA, overlaySpecificData: none }, `${A} 0000`],
  [
    'R6940-6.4.2.1-01',
    'JoinReq with data',
    joinReq,
    { joiningPeerId: nodeA, overlaySpecificData: bytes('abcd') },
    `${A} 0002 abcd`,
  ],
  ['R6940-6.4.2.1-01', 'JoinAns', joinAns, { overlaySpecificData: none }, '0000'],
  ['R6940-6.4.2.2-05', 'LeaveReq', leaveReq, { leavingPeerId: nodeA, overlaySpecificData: none }, `${A} 0000`],
  [
    'R6940-6.4.2.2-05',
    'LeaveReq with data',
    leaveReq,
    { leavingPeerId: nodeA, overlaySpecificData: bytes('010000') },
    `${A} 0003 010000`,
  ],
  ['R6940-6.4.2.2-05', 'ChordLeaveData', chordLeaveData, { type: 'from_pred', predecessors: [nodeB] }, `02 0010 ${B}`],
  ['R6940-6.4.2.3-04 R6940-10.7-01', 'peer_ready', chordUpdate, { uptime: 258, type: 'peer_ready' }, '00000102 01'],
  [
    'R6940-10.7-01',
    'neighbors',
    chordUpdate,
    { uptime: 258, type: 'neighbors', predecessors: [nodeA], successors: [nodeB] },
    `00000102 02 0010 ${A} 0010 ${B}`,
  ],
  [
    'R6940-10.7-01',
    'full',
    chordUpdate,
    { uptime: 258, type: 'full', predecessors: [nodeA, nodeB], successors: [], fingers: [nodeB] },
    `00000102 03 0020 ${A} ${B} 0000 0010 ${B}`,
  ],
  [
    'R6940-6.4.2.4.1-01',
    'RouteQueryReq for a resource',
    routeQueryReq,
    { sendUpdate: false, destination: { type: 'resource', id: resource }, overlaySpecificData: none },
    `00 02 11 10 ${A} 0000`,
  ],
  [
    'R6940-6.4.2.4.1-01',
    'RouteQueryReq for a node',
    routeQueryReq,
    { sendUpdate: true, destination: { type: 'node', id: nodeA }, overlaySpecificData: bytes('ff') },
    `01 01 10 ${A} 0001 ff`,
  ],
  [
    'R6940-6.4.2.4.1-01',
    'RouteQueryReq for an opaque id',
    routeQueryReq,
    { sendUpdate: false, destination: { type: 'opaque', id: bytes('8765'), compact: true }, overlaySpecificData: none },
    '00 8765 0000',
  ],
  ['R6940-6.4.2.5-01', 'ProbeReq', probeReq, { requestedInfo: [3, 1, 200] }, '03 03 01 c8'],
  ['R6940-6.4.2.5-01', 'ProbeReq for nothing', probeReq, { requestedInfo: [] }, '00'],
  [
    'R6940-6.4.2.5-01',
    'ProbeAns',
    probeAns,
    {
      probeInfo: [
        { type: 'responsible_set', value: 1_000_000_000 },
        { type: 'num_resources', value: 2 },
        { type: 'uptime', value: 3 },
      ],
    },
    '0012 01 04 3b9aca00 02 04 00000002 03 04 00000003',
  ],
  ['R6940-6.4.2.5-01', 'ProbeAns to nothing', probeAns, { probeInfo: [] }, '0000'],
  [
    'R6940-6.5.2.1-01',
    'AppAttach',
    appAttach,
    { ufrag: 'u', password: 'pw', application: 5060, role: 'passive', candidates: [candidate] },
    '01 75 02 7077 13c4 07 70617373697665 0012 01 06 c0000201 17c4 04 01 31 7effffff 01 0000',
  ],
  [
    'R6940-6.5.2.1-01',
    'AppAttach without ICE',
    appAttach,
    { ufrag: '', password: '', application: 5061, role: 'active', candidates: [] },
    '00 00 13c5 06 616374697665 0000',
  ],
  [
    'R6940-6.5.4.1-01',
    'ConfigUpdateReq of 1000 bytes',
    configUpdateReq,
    { type: 'config', configData: new Uint8Array(1000) },
    `01 000003eb 0003e8 ${'00'.repeat(1000)}`,
  ],
  [
    'R6940-6.5.4.1-01',
    'ConfigUpdateReq of two Kinds',
    configUpdateReq,
    { type: 'kind', kinds: [bytes('3c6b3e'), bytes('61')] },
    '02 0000000b 000008 0003 3c6b3e 0001 61',
  ],
  [
    'R6940-7-01 R6940-7.2-01',
    'StoredData, single',
    storedData.single,
    { ...times, value: { model: 'single', ...abc } },
    `0000001b ${stored('01 00000003 616263')}`,
  ],
  [
    'R6940-7-01 R6940-7.2-01',
    'StoredData, array',
    storedData.array,
    { ...times, value: { model: 'array', index: 2, ...abc } },
    `0000001f ${stored('00000002 01 00000003 616263')}`,
  ],
  [
    'R6940-7-01 R6940-7.2-01',
    'StoredData, dictionary, removed',
    storedData.dictionary,
    { ...times, value: { model: 'dictionary', key: bytes('6b31'), exists: false, value: none } },
    `0000001c ${stored('0002 6b31 00 00000000')}`,
  ],
  [
    'R6940-7.4.1.1-01',
    'StoreReq of two Kinds with one and two values',
    storeReq,
    {
      resource,
      replicaNumber: 1,
      kindData: [
        { kind: 2, generationCounter: 3n, values: bytes(`0000001b ${stored('01 00000003 616263')}`) },
        {
          kind: 3,
          generationCounter: 258n,
          values: bytes(`0000001f ${stored(`00000000 01 00000003 616263`)} 0000001c ${stored('00000001 00 00000000')}`),
        },
      ],
    },
    [
      `10 ${A} 01 00000082`,
      `00000002 0000000000000003 0000001f 0000001b ${stored('01 00000003 616263')}`,
      `00000003 0000000000000102 00000043 0000001f ${stored('00000000 01 00000003 616263')}`,
      `0000001c ${stored('00000001 00 00000000')}`,
    ].join(' '),
  ],
  [
    'R6940-7.4.1.2-02',
    'StoreAns',
    storeAns,
    { kindResponses: [{ kind: 2, generationCounter: 1n, replicas: [nodeA, nodeB] }] },
    `002e 00000002 0000000000000001 0020 ${A} ${B}`,
  ],
  ...(
    [
      ['single', { model: 'single' }, '0000'],
      ['array, all', { model: 'array', ranges: [{ first: 0, last: 0xffffffff }] }, '000a 0008 00000000 ffffffff'],
      ['dictionary, all', { model: 'dictionary', keys: [] }, '0002 0000'],
      ['dictionary, one key', { model: 'dictionary', keys: [bytes('6b31')] }, '0006 0004 0002 6b31'],
    ] as const
  ).map(([name, , tail]) => {
    const specifier = { kind: 3, generation: 5n, modelSpecifier: bytes(tail.slice(4)) };
    const length = (14 + bytes(tail.slice(4)).length).toString(16).padStart(4, '0');
    return [
      'R6940-7.4.2.1-01',
      `FetchReq, ${name}`,
      fetchReq,
      { resource, specifiers: [specifier] },
      `10 ${A} ${length} 00000003 0000000000000005 ${tail}`,
    ] as const;
  }),
  ['R6940-7.4.4.1-01', 'FindReq', findReq, { resource, kinds: [2, 0x104] }, `10 ${A} 08 00000002 00000104`],
] as never;

describe('wire layouts, by hand from the structures of RFC 6940', () => {
  it.each(LAYOUTS)('%s %s', (_id, _what, given, value, hex) => {
    const codec = given as Codec<unknown>;
    const golden = bytes(hex);
    expect(toHex(encode(codec, value))).toBe(toHex(golden));
    expect(decode(codec, golden)).toEqual(value);
    expect(() => decode(codec, Uint8Array.from([...golden, 0]))).toThrow();
    if (golden.length > 0) expect(() => decode(codec, golden.subarray(0, -1))).toThrow();
  });
});

import fc, { type Arbitrary } from 'fast-check';
import type { IpAddressPort } from '#reload/wire/address.ts';
import { appAttach } from '#reload/wire/app-attach.ts';
import { attach } from '#reload/wire/attach.ts';
import type { Codec } from '#reload/wire/codec.ts';
import { configUpdateReq } from '#reload/wire/config-update.ts';
import type { Destination } from '#reload/wire/destination.ts';
import { diagnosticsRequest, diagnosticsResponse, pathTrackAns, pathTrackReq } from '#reload/wire/diagnostics.ts';
import { errorResponse, unknownKinds } from '#reload/wire/error.ts';
import { extensiveRoutingModeOption } from '#reload/wire/extensive-routing.ts';
import { fetchAns, fetchReq, modelSpecifier } from '#reload/wire/fetch.ts';
import { findAns, findReq } from '#reload/wire/find.ts';
import { forwardingHeader } from '#reload/wire/forwarding-header.ts';
import { framedMessage } from '#reload/wire/frame.ts';
import type { IceCandidate } from '#reload/wire/ice-candidate.ts';
import { nodeIdOf, resourceIdOf } from '#reload/wire/ids.ts';
import { joinAns, joinReq } from '#reload/wire/join.ts';
import { chordLeaveData, leaveReq } from '#reload/wire/leave.ts';
import { messageContents } from '#reload/wire/message-contents.ts';
import { pingAns, pingReq } from '#reload/wire/ping.ts';
import { probeAns, probeReq } from '#reload/wire/probe.ts';
import { pstnGateway } from '#reload/wire/pstn-gateway.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';
import { chordRouteQueryAns, routeQueryReq } from '#reload/wire/route-query.ts';
import { securityBlock } from '#reload/wire/security-block.ts';
import { selfTuningData } from '#reload/wire/self-tuning.ts';
import { sipRegistration } from '#reload/wire/sip-registration.ts';
import { statAns, storedMetaData } from '#reload/wire/stat.ts';
import { storeAns, storeReq } from '#reload/wire/store.ts';
import { storedData } from '#reload/wire/stored-data.ts';
import { turnServer } from '#reload/wire/turn-server.ts';
import { chordUpdate } from '#reload/wire/update.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const bytes = fc.uint8Array({ maxLength: 40 });
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const ascii = bytes.map((b) => Buffer.from(b).toString('latin1'));
const list = <T>(item: Arbitrary<T>) => fc.array(item, { maxLength: 4 });
const some = <T>(item: Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 4 });
const just = <const T>(value: T) => fc.constant(value);

const nodeId = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .filter((b) => b.some((byte) => byte !== 0))
  .map(nodeIdOf);
const resourceId = fc.oneof(bytes, fc.uint8Array({ minLength: 254, maxLength: 254 })).map(resourceIdOf);
const ids = list(nodeId);

const compact = fc.uint8Array({ minLength: 2, maxLength: 2 }).map((b) => Uint8Array.of((b[0] ?? 0) | 0x80, b[1] ?? 0));
const hop: Arbitrary<Destination> = fc.oneof(
  fc.record({ type: just('node'), id: nodeId }),
  fc.record({ type: just('opaque'), id: bytes, compact: just(false) }),
  fc.record({ type: just('opaque'), id: compact, compact: just(true) }),
  fc.record({ type: just('unknown'), code: fc.integer({ min: 4, max: 127 }), data: bytes }),
);
const resource: Arbitrary<Destination> = fc.record({ type: just('resource'), id: resourceId });
const destination = fc.oneof(hop, resource);

const address: Arbitrary<IpAddressPort> = fc.oneof(
  fc.record({ type: just('ipv4'), address: fc.ipV4(), port: u16 }),
  fc.record({
    type: just('ipv6'),
    address: fc.constantFrom('::', '::1', '2001:db8::1', 'fe80::1:0:0:1', '1:2:3:4:5:6:7:8', '1:0:2:3:4:5:6:7'),
    port: u16,
  }),
  fc.record({ type: just('unknown'), code: fc.integer({ min: 3, max: 255 }), data: bytes }),
);

const candidateParts = {
  addrPort: address,
  overlayLink: u8,
  foundation: ascii,
  priority: u32,
  extensions: list(fc.record({ name: ascii, value: bytes })),
};
const candidate: Arbitrary<IceCandidate> = fc.oneof(
  fc.record({ ...candidateParts, type: just('host') }),
  fc.record({ ...candidateParts, type: fc.constantFrom('srflx', 'relay'), relAddrPort: address }),
);

const identity = fc.oneof(
  fc.record({ type: just('none') }),
  fc.record({ type: fc.constantFrom('cert_hash', 'cert_hash_node_id'), hashAlgorithm: u8, hash: bytes }),
);
const signature = fc.record({ hashAlgorithm: u8, signatureAlgorithm: u8, identity, value: bytes });
const security = fc.record({ certificates: list(fc.record({ type: u8, certificate: bytes })), signature });

const fragment = fc.oneof(
  fc.record({ offset: fc.integer({ min: 0, max: 0xffffff }), last: fc.boolean() }),
  fc.record({ offset: just(0), last: just(true), reserved: fc.integer({ min: 1, max: 0x3f }) }),
);
const header = fc.record({
  overlay: u32,
  configurationSequence: u16,
  version: just(10),
  ttl: u8,
  fragment,
  length: u32,
  transactionId: u64,
  maxResponseLength: u32,
  viaList: list(hop),
  destinationList: fc.tuple(list(hop), list(resource)).map(([hops, [end]]) => (end ? [...hops, end] : hops)),
  options: list(
    fc.oneof(
      fc.record({ type: fc.integer({ min: 1, max: 254 }), flags: u8, value: bytes }),
      fc.record({ type: just(255), flags: u8, value: bytes, reserved: just(true as const) }),
    ),
  ),
});
const extensions = list(fc.record({ type: u16, critical: fc.boolean(), contents: bytes }));

const stored = { exists: fc.boolean(), value: bytes };
const meta = { exists: fc.boolean(), valueLength: u32, hashAlgorithm: u8, hashValue: bytes };
const dataOf = <V>(value: Arbitrary<V>) => fc.record({ storageTime: u64, lifetime: u32, value, signature });
const metaDataOf = <V>(metadata: Arbitrary<V>) => fc.record({ storageTime: u64, lifetime: u32, metadata });
const generation = { kind: u32, generation: u64 };

const attachFields = { ufrag: ascii, password: ascii, role: ascii, candidates: list(candidate) };

function diagnostics<T extends object, I>(
  fields: Arbitrary<T>,
  name: 'diagnosticExtensionsList' | 'diagnosticInfoList',
  { item, width }: { readonly item: Arbitrary<I>; readonly width: (item: I) => number },
) {
  return fc.tuple(fields, list(item), fc.boolean()).map(([value, items, inner]) => {
    const size = items.reduce((sum, each) => sum + width(each), 0);
    return { ...value, extLength: inner ? size + 4 : size, [name]: items };
  });
}
const diagnosticItem = fc.record({ kind: u16, contents: bytes });
const request = diagnostics(
  fc.record({ expiration: u64, timestampInitiated: u64, dmFlags: u64 }),
  'diagnosticExtensionsList',
  { item: diagnosticItem, width: ({ contents }) => 6 + contents.length },
);
const response = diagnostics(
  fc.record({ expiration: u64, timestampInitiated: u64, timestampReceived: u64, hopCounter: u8 }),
  'diagnosticInfoList',
  { item: diagnosticItem, width: ({ contents }) => 4 + contents.length },
);

interface Structure {
  readonly name: string;
  readonly codec: Codec<unknown>;
  readonly values: Arbitrary<unknown>;
}
const structure = (name: string, codec: Codec<unknown>, values: Arbitrary<unknown>): Structure => ({
  name,
  codec,
  values,
});

/** Every structure of RFC 6940 and of the usages, with arbitrary values of it. */
export const STRUCTURES: readonly Structure[] = [
  structure('ForwardingHeader', forwardingHeader, header),
  structure('MessageContents', messageContents, fc.record({ code: u16, body: bytes, extensions })),
  structure('SecurityBlock', securityBlock, security),
  structure('ErrorResponse', errorResponse, fc.record({ code: u16, info: bytes })),
  structure('unknown_kinds', unknownKinds, list(u32)),
  structure('ProbeReq', probeReq, fc.record({ requestedInfo: list(u8) })),
  structure(
    'ProbeAns',
    probeAns,
    fc.record({
      probeInfo: list(
        fc.oneof(
          fc.record({ type: fc.constantFrom('responsible_set', 'num_resources', 'uptime'), value: u32 }),
          fc.record({ type: just('unknown'), code: fc.integer({ min: 4, max: 255 }), data: bytes }),
        ),
      ),
    }),
  ),
  structure('AttachReqAns', attach, fc.record({ ...attachFields, sendUpdate: fc.boolean() })),
  structure('AppAttach', appAttach, fc.record({ ...attachFields, application: u16 })),
  structure('JoinReq', joinReq, fc.record({ joiningPeerId: nodeId, overlaySpecificData: bytes })),
  structure('JoinAns', joinAns, fc.record({ overlaySpecificData: bytes })),
  structure('LeaveReq', leaveReq, fc.record({ leavingPeerId: nodeId, overlaySpecificData: bytes })),
  structure(
    'ChordLeaveData',
    chordLeaveData,
    fc.oneof(
      fc.record({ type: just('from_succ'), successors: ids }),
      fc.record({ type: just('from_pred'), predecessors: ids }),
    ),
  ),
  structure(
    'ChordUpdate',
    chordUpdate,
    fc.oneof(
      fc.record({ uptime: u32, type: just('peer_ready') }),
      fc.record({ uptime: u32, type: just('neighbors'), predecessors: ids, successors: ids }),
      fc.record({ uptime: u32, type: just('full'), predecessors: ids, successors: ids, fingers: ids }),
    ),
  ),
  structure(
    'RouteQueryReq',
    routeQueryReq,
    fc.record({ sendUpdate: fc.boolean(), destination, overlaySpecificData: bytes }),
  ),
  structure('ChordRouteQueryAns', chordRouteQueryAns, fc.record({ nextPeer: nodeId })),
  structure('PingReq', pingReq, fc.record({ padding: bytes })),
  structure('PingAns', pingAns, fc.record({ responseId: u64, time: u64 })),
  structure(
    'ConfigUpdateReq',
    configUpdateReq,
    fc.oneof(
      fc.record({ type: just('config'), configData: bytes }),
      fc.record({ type: just('kind'), kinds: list(bytes) }),
      fc.record({ type: just('unknown'), code: fc.integer({ min: 3, max: 255 }), data: bytes }),
    ),
  ),
  structure('StoredData of a single value', storedData.single, dataOf(fc.record({ model: just('single'), ...stored }))),
  structure(
    'StoredData of an array',
    storedData.array,
    dataOf(fc.record({ model: just('array'), index: u32, ...stored })),
  ),
  structure(
    'StoredData of a dictionary',
    storedData.dictionary,
    dataOf(fc.record({ model: just('dictionary'), key: bytes, ...stored })),
  ),
  structure(
    'StoreReq',
    storeReq,
    fc.record({
      resource: resourceId,
      replicaNumber: u8,
      kindData: list(fc.record({ kind: u32, generationCounter: u64, values: bytes })),
    }),
  ),
  structure(
    'StoreAns',
    storeAns,
    fc.record({ kindResponses: list(fc.record({ kind: u32, generationCounter: u64, replicas: ids })) }),
  ),
  structure(
    'FetchReq',
    fetchReq,
    fc.record({ resource: resourceId, specifiers: list(fc.record({ ...generation, modelSpecifier: bytes })) }),
  ),
  structure('specifier of a single value', modelSpecifier.single, fc.record({ model: just('single') })),
  structure(
    'specifier of array ranges',
    modelSpecifier.array,
    fc.record({ model: just('array'), indices: list(fc.record({ first: u32, last: u32 })) }),
  ),
  structure(
    'specifier of dictionary keys',
    modelSpecifier.dictionary,
    fc.record({ model: just('dictionary'), keys: list(bytes) }),
  ),
  structure('FetchAns', fetchAns, fc.record({ kindResponses: list(fc.record({ ...generation, values: bytes })) })),
  structure('StatAns', statAns, fc.record({ kindResponses: list(fc.record({ ...generation, values: bytes })) })),
  structure(
    'StoredMetaData of a single value',
    storedMetaData.single,
    metaDataOf(fc.record({ model: just('single'), ...meta })),
  ),
  structure(
    'StoredMetaData of an array',
    storedMetaData.array,
    metaDataOf(fc.record({ model: just('array'), index: u32, ...meta })),
  ),
  structure(
    'StoredMetaData of a dictionary',
    storedMetaData.dictionary,
    metaDataOf(fc.record({ model: just('dictionary'), key: bytes, ...meta })),
  ),
  structure('FindReq', findReq, fc.record({ resource: resourceId, kinds: list(u32) })),
  structure('FindAns', findAns, fc.record({ results: list(fc.record({ kind: u32, closest: resourceId })) })),
  structure(
    'FramedMessage',
    framedMessage,
    fc.oneof(
      fc.record({ type: just('data'), sequence: u32, message: bytes }),
      fc.record({ type: just('ack'), ackSequence: u32, received: u32 }),
    ),
  ),
  structure('TurnServer', turnServer, fc.record({ iteration: u8, serverAddress: address })),
  structure(
    'SipRegistration',
    sipRegistration,
    fc.oneof(
      fc.record({ type: just('uri'), uri: text }),
      fc.record({ type: just('route'), contactPrefs: text, destinationList: some(destination) }),
      fc.record({ type: just('unknown'), code: fc.integer({ min: 3, max: 255 }), data: bytes }),
    ),
  ),
  structure(
    'RedirServiceProvider',
    redirServiceProvider,
    fc.record({
      type: u8,
      destinationList: list(destination),
      namespace: text,
      level: u16,
      node: u16,
      extension: bytes,
    }),
  ),
  structure(
    'PSTN-GATEWAY',
    pstnGateway,
    fc.record({
      version: just(1),
      flags: u8,
      capacity: u16,
      aor: text,
      destinationList: list(destination),
      prefixes: list(fc.record({ digits: fc.stringMatching(/^\d{0,15}$/), priority: u8, cost: u16 })),
      contactPrefs: text,
      extensions: bytes,
    }),
  ),
  structure('SelfTuningData', selfTuningData, fc.record({ networkSize: u32, joinRate: u32, leaveRate: u32 })),
  structure(
    'ExtensiveRoutingModeOption',
    extensiveRoutingModeOption,
    fc.record({
      routemode: fc.constantFrom('drr', 'rpr'),
      transport: u8,
      ipaddressport: address,
      destinations: fc.array(fc.record({ type: just('node'), id: nodeId }), { minLength: 1, maxLength: 2 }),
    }),
  ),
  structure('DiagnosticsRequest', diagnosticsRequest, request),
  structure('DiagnosticsResponse', diagnosticsResponse, response),
  structure('PathTrackReq', pathTrackReq, fc.record({ destination, request })),
  structure('PathTrackAns', pathTrackAns, fc.record({ nextHop: destination, response })),
];

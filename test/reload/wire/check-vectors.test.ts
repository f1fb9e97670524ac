import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '#platform/bytes.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { ipAddressPort } from '#reload/wire/address.ts';
import { type Codec, decode, encode } from '#reload/wire/codec.ts';
import { ForwardingFlag, ForwardingOptionType, MessageExtensionType } from '#reload/wire/codes.ts';
import { destination } from '#reload/wire/destination.ts';
import { diagnosticsRequest, diagnosticsResponse, pathTrackReq } from '#reload/wire/diagnostics.ts';
import { extensiveRoutingModeOption } from '#reload/wire/extensive-routing.ts';
import { decodeHeader, encodeHeader, forwardingOption } from '#reload/wire/forwarding-header.ts';
import { framedMessage } from '#reload/wire/frame.ts';
import { resourceId } from '#reload/wire/id-codecs.ts';
import { hashToResourceId, type NodeId, overlayHash, type ResourceId, WILDCARD_NODE_ID } from '#reload/wire/ids.ts';
import { encodeContents } from '#reload/wire/message.ts';
import { messageExtension } from '#reload/wire/message-contents.ts';
import { pstnGateway } from '#reload/wire/pstn-gateway.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';
import { selfTuningData } from '#reload/wire/self-tuning.ts';
import { sipRegistration } from '#reload/wire/sip-registration.ts';

const A = '0123456789abcdef0123456789abcdef' as NodeId;
const B = 'fedcba9876543210fedcba9876543210' as NodeId;
const nodeA = { type: 'node', id: A } as const;

/** Both directions at once. */
function same<T>(codec: Codec<T>, value: T, hex: string): void {
  const digits = hex.replaceAll(' ', '');
  expect(toHex(encode(codec, value))).toBe(digits);
  expect(decode(codec, bytes(digits))).toEqual(value);
}

function bytes(hex: string): Uint8Array {
  return fromHex(hex.replaceAll(' ', '')) ?? new Uint8Array();
}

describe('check vectors of the RELOAD message', () => {
  it.each([
    ['overlay.example.org', 0x9aa32b8d],
    ['example.com', 0x65b0781f],
  ])('R6940-6.3.2-03 the overlay field of %s is the end of its SHA-1', (name, hash) => {
    expect(overlayHash(name)).toBe(hash);
  });

  it('a Resource-ID is the start of a SHA-1', () => {
    const id = bytes('0102030405060708090a0b0c0d0e0f10');
    expect(hashToResourceId('alice@example.org')).toBe('45a6b241a242c97f0492d382c390dfa3');
    expect(hashToResourceId(id)).toBe('2cc429832452134629f1f6d296ec8aef');
    expect(hashToResourceId(concat(id, Uint8Array.of(1)))).toBe('ada4141a48e88f1500fc18f06081cd81');
    expect(hashToResourceId(concat(id, Uint8Array.of(2)))).toBe('5d90057f773d35143482accc715c5a57');
  });

  it('R6940-6.3.3-01 the contents of an empty Ping are code, body behind 4 bytes, extensions behind 4 bytes', () => {
    const contents = { code: 0x17, body: bytes('0000'), extensions: [] };
    expect(toHex(encodeContents(contents))).toBe('001700000002000000000000');
  });

  it('R6940-6.3.4-11 the message signature covers overlay, transaction, contents and signer', () => {
    const input = messageSignatureInput(0x9aa32b8d, 0x0102030405060708n, bytes('001700000002000000000000'));
    expect(toHex(input(bytes('030000')))).toBe('9aa32b8d0102030405060708001700000002000000000000030000');
  });

  it('R6940-6.3.2-01 R6940-6.3.2-02 R6940-6.3.2-11 R6940-6.3.2-12 R6940-6.3.2-18 R6940-6.7-11 the header of an unfragmented message', () => {
    const hex =
      'd2454c4f 9aa32b8d 0016 0a 64 c0000000 00000044 0102030405060708 00000000 0000 0012 0000 0110 ffffffffffffffffffffffffffffffff';
    const header = {
      overlay: 0x9aa32b8d,
      configurationSequence: 22,
      version: 10,
      ttl: 100,
      fragment: { offset: 0, last: true },
      length: 0x44,
      transactionId: 0x0102030405060708n,
      maxResponseLength: 0,
      viaList: [],
      destinationList: [{ type: 'node', id: WILDCARD_NODE_ID }],
      options: [],
    } as const;
    expect(toHex(encodeHeader(header))).toBe(hex.replaceAll(' ', ''));
    expect(decodeHeader(bytes(hex))).toEqual({ header, headerLength: 56 });
  });

  it('R6940-6.6.2-01 data and ACK frames', () => {
    same(framedMessage, { type: 'data', sequence: 0, message: utf8('hello') }, '80 00000000 000005 68656c6c6f');
    same(framedMessage, { type: 'ack', ackSequence: 3, received: 0xc }, '81 00000003 0000000c');
  });

  it('R6940-6.3.1.1-03 the Resource-ID "FOO" is 03 46 4f 4f', () => {
    same(resourceId, '464f4f' as ResourceId, '03464f4f');
  });

  it('R6940-6.3.1.1-04 addresses of both families', () => {
    same(ipAddressPort, { type: 'ipv4', address: '192.0.2.1', port: 6084 }, '0106c000020117c4');
    same(
      ipAddressPort,
      { type: 'ipv6', address: '2001:db8::1', port: 6084 },
      '0212 20010db8000000000000000000000001 17c4',
    );
  });

  it('R6940-6.3.2.2-01 R6940-6.3.2.2-02 destinations of every type', () => {
    same(destination, nodeA, `0110${A}`);
    same(destination, { type: 'resource', id: A as string as ResourceId }, `021110${A}`);
    same(destination, { type: 'opaque', id: bytes('010203'), compact: false }, '030403010203');
    same(destination, { type: 'opaque', id: bytes('8001'), compact: true }, '8001');
    same(destination, { type: 'opaque', id: bytes('8001'), compact: false }, '0303028001');
  });
});

describe('check vectors of the usages', () => {
  it('R7904-3.2-01 R7904-3.2-02 R7904-3.2-03 a registration under another AOR', () => {
    const hex = '0100150013626f62406468742e6578616d706c652e636f6d';
    same(sipRegistration, { type: 'uri', uri: 'bob@dht.example.com' }, hex);
  });

  it('R7904-3.2-04 registrations with a route', () => {
    const route = { type: 'route', destinationList: [nodeA] } as const;
    same(sipRegistration, { ...route, contactPrefs: '' }, `0200160000 00120110${A}`);
    same(
      sipRegistration,
      { ...route, contactPrefs: '(sip.schemes=SIPS)' },
      `0200280012287369702e736368656d65733d53495053290012 0110${A}`,
    );
  });

  it('R7904-3.2-05 a registration of a later type is kept', () => {
    same(sipRegistration, { type: 'unknown', code: 9, data: bytes('aabb') }, '090002aabb');
  });

  it('R7374-4.1-01 R7374-4.1-02 R7374-4.1-05 a ReDiR record, with an extension of any type', () => {
    const record = { type: 0, destinationList: [nodeA], namespace: 'voice-mail', level: 2, node: 0 };
    const common = `00120110${A}000a766f6963652d6d61696c00020000`;
    same(redirServiceProvider, { ...record, extension: bytes('') }, `00${common}0000`);
    same(redirServiceProvider, { ...record, type: 200, extension: bytes('0102') }, `c8${common}00020102`);
  });

  it('R7363-6.5-03 the self-tuning extension', () => {
    const contents = encode(selfTuningData, { networkSize: 500, joinRate: 10628, leaveRate: 6 });
    const extension = { type: MessageExtensionType.selfTuningData, critical: false, contents };
    same(messageExtension, extension, '0003000000000c000001f40000298400000006');
  });

  const request = {
    expiration: 1_700_000_060_000n,
    timestampInitiated: 1_700_000_000_000n,
    dmFlags: 0x46n,
    extLength: 0,
    diagnosticExtensionsList: [],
  };
  const plain = '0000018bcfe652600000018bcfe5680000000000000000460000000000000000';

  it('R7851-5.1-01 R7851-4.2.1-01 a diagnostics request, alone and as extension of a Ping', () => {
    same(diagnosticsRequest, request, plain);
    const extension = { type: MessageExtensionType.diagnosticPing, critical: false, contents: bytes(plain) };
    same(messageExtension, extension, `00020000000020${plain}`);
  });

  it('R7851-5.1-02 R7851-5.1-06 a diagnostics request with an extension', () => {
    same(
      diagnosticsRequest,
      {
        ...request,
        dmFlags: 0n,
        extLength: 9,
        diagnosticExtensionsList: [{ kind: 0xf001, contents: utf8('abc') }],
      },
      '0000018bcfe652600000018bcfe5680000000000000000000000000900000009f00100000003616263',
    );
  });

  it('R7851-5.1-06 ext_length may count the inner length, or stand alone for an empty list, and is kept so', () => {
    const head = plain.slice(0, 48);
    same(diagnosticsRequest, { ...request, extLength: 4 }, `${head}0000000400000000`);
    const { diagnosticExtensionsList: _, ...withoutList } = request;
    expect(decode(diagnosticsRequest, bytes(`${head}00000000`))).toEqual(withoutList);
    expect(() => decode(diagnosticsRequest, bytes(`${head}0000000500000000`))).toThrow('ext_length is 5');
  });

  it('R7851-5.2-01 R7851-5.2-02 R7851-5.2-07 a diagnostics response', () => {
    same(
      diagnosticsResponse,
      {
        expiration: 1_700_000_060_500n,
        timestampInitiated: 1_700_000_000_000n,
        timestampReceived: 1_700_000_000_500n,
        hopCounter: 98,
        extLength: 41,
        diagnosticInfoList: [
          { kind: 1, contents: bytes('03') },
          { kind: 2, contents: bytes('00000016') },
          { kind: 6, contents: utf8('OverlayNode/1.0 (Linux)\0') },
        ],
      },
      '0000018bcfe654540000018bcfe568000000018bcfe569f462000000290000002900010001030002000400000016000600184f7665726c61794e6f64652f312e3020284c696e75782900',
    );
  });

  it('R7851-4.3.1.1-01 a PathTrack request', () => {
    same(pathTrackReq, { destination: { type: 'node', id: B }, request }, `0110${B}${plain}`);
  });

  it('R7263-5.2.1-01 R7263-5.2.2-01 R7264-5.2.1-01 forwarding options for direct and relayed answers', () => {
    const direct = encode(extensiveRoutingModeOption, {
      routemode: 'drr',
      transport: 4,
      ipaddressport: { type: 'ipv4', address: '192.0.2.1', port: 6084 },
      destinations: [nodeA],
    });
    const relayed = encode(extensiveRoutingModeOption, {
      routemode: 'rpr',
      transport: 4,
      ipaddressport: { type: 'ipv6', address: '2001:db8::1', port: 6084 },
      destinations: [{ type: 'node', id: B }, nodeA],
    });
    const option = { type: ForwardingOptionType.extensiveRoutingMode, flags: ForwardingFlag.ignoreStateKeeping };
    same(forwardingOption, { ...option, value: direct }, `0208001d 0104 0106c000020117c4 12 0110${A}`);
    same(
      forwardingOption,
      { ...option, value: relayed },
      `0208003b 0204 021220010db800000000000000000000000117c4 24 0110${B} 0110${A}`,
    );
  });

  it('the description of a PSTN gateway', () => {
    const gateway = {
      version: 1,
      flags: 3,
      capacity: 1,
      aor: 'gw1@pstn.example',
      destinationList: [nodeA],
      prefixes: [
        { digits: '', priority: 9, cost: 0 },
        { digits: '4930', priority: 1, cost: 258 },
      ],
      contactPrefs: '',
      extensions: bytes(''),
    };
    const aor = '67773140707374 6e2e6578616d706c65';
    same(pstnGateway, gateway, `01 03 0001 10${aor} 0012 0110${A} 000c 00090000 0434393330010102 0000 0000`);
    expect(() => encode(pstnGateway, { ...gateway, version: 2 })).toThrow('version: version 2');
    expect(() => encode(pstnGateway, { ...gateway, prefixes: [{ digits: '+49', priority: 0, cost: 0 }] })).toThrow(
      'prefixes[0].digits',
    );
  });
});

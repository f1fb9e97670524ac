import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#platform/bytes.ts';
import type { Failure } from '#platform/failure.ts';
import { formatIpv6, ipAddressPort, parseIpv6 } from '#reload/wire/address.ts';
import { attach } from '#reload/wire/attach.ts';
import { bool, type Codec, decode, encode } from '#reload/wire/codec.ts';
import { destination } from '#reload/wire/destination.ts';
import {
  decodeHeader,
  encodeHeader,
  encodeWithPayload,
  type ForwardingHeader,
  forwardingOption,
  splitFragment,
} from '#reload/wire/forwarding-header.ts';
import { framedMessage } from '#reload/wire/frame.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { encodeContents, encodeMessage, splitMessage } from '#reload/wire/message.ts';
import { probeAns } from '#reload/wire/probe.ts';
import { isWireFailure, type WireFault } from '#reload/wire/reader.ts';
import { ABSENT_SIGNATURE, signature } from '#reload/wire/security-block.ts';
import { storeReq } from '#reload/wire/store.ts';
import { turnServer } from '#reload/wire/turn-server.ts';
import { chordUpdate } from '#reload/wire/update.ts';

const A = '0123456789abcdef0123456789abcdef';
const node = { type: 'node', id: A as NodeId } as const;
const resource = { type: 'resource', id: A as ResourceId } as const;
const HEADER: ForwardingHeader = {
  overlay: 1,
  configurationSequence: 2,
  version: 10,
  ttl: 100,
  fragment: { offset: 0, last: true },
  length: 0,
  transactionId: 3n,
  maxResponseLength: 0,
  viaList: [node],
  destinationList: [node],
  options: [],
};
const contents = encodeContents({ code: 0x17, body: Uint8Array.of(0, 0), extensions: [] });
const MESSAGE = encodeMessage(HEADER, contents, { certificates: [], signature: ABSENT_SIGNATURE });
const HEADER_LENGTH = 38 + 18 + 18;

function bytes(hex: string): Uint8Array {
  return fromHex(hex.replaceAll(' ', '')) ?? new Uint8Array();
}

function faultOf(read: () => unknown): WireFault {
  try {
    read();
  } catch (thrown) {
    if (isWireFailure(thrown)) return (thrown as Failure<WireFault>).fault;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

function refusal(codec: Codec<unknown>, hex: string): Pick<WireFault, 'code' | 'at'> {
  const { code, at } = faultOf(() => decode(codec, bytes(hex)));
  return { code, at };
}

/** MESSAGE with other bytes at `offset`. */
function changed(offset: number, ...others: readonly number[]): Uint8Array {
  const copy = MESSAGE.slice();
  copy.set(others, offset);
  return copy;
}

describe('what the header of a message must be', () => {
  it.each([
    ['R6940-6.3.2-02', 'another relo_token', changed(0, 0x52), 'bad-value', 'header.relo_token'],
    ['R6940-6.3.2-05', 'another version', changed(10, 0x0b), 'bad-value', 'header.version'],
    [
      'R6940-6.7-12 R6940-6.7-14',
      'a fragment field without its first bit',
      changed(12, 0x40),
      'bad-value',
      'header.fragment',
    ],
    ['R6940-6.3.2-14', 'a length above what arrived', changed(19, 0xff), 'truncated', 'header.length'],
    ['R6940-6.3.2-14', 'a length below what arrived', changed(19, 0x01), 'surplus', 'header.length'],
    ['R6940-6.3.2-18', 'a Via List that ends amid an entry', changed(33, 17), 'truncated', 'header.via_list[0]'],
    ['R6940-6.3.2-18', 'lists longer than the message', changed(36, 0xff), 'truncated', 'header.options'],
    [
      'R6940-3-01',
      'the all-zero Node-ID',
      changed(40, ...Array(16).fill(0)),
      'zero-node-id',
      'header.via_list[0].node',
    ],
    ['R6940-6.3.1.1-02', 'a node of another length', changed(39, 15, 0), 'bad-value', 'header.via_list[0].node'],
    ['R6940-6.3.3-01', 'a body longer than the message', changed(HEADER_LENGTH + 2, 0xff), 'truncated', 'body'],
  ] as const)('%s refuses %s', (_id, _what, given, code, at) => {
    expect(faultOf(() => splitMessage(given))).toMatchObject({ code, at });
  });

  it('names the entry at fault, however deep', () => {
    const message = encodeWithPayload({ ...HEADER, viaList: [node, node] }, new Uint8Array());
    message[38 + 18 + 1] = 9;
    expect(faultOf(() => decodeHeader(message)).at).toBe('header.via_list[1].node');
  });

  it('R6940-6.3.2.2-04 R6940-6.3.2.2-05 neither writes nor reads a Resource-ID other than at the end of a Destination List', () => {
    expect(() => encodeHeader({ ...HEADER, viaList: [resource] })).toThrow('via_list: entry 0 is a Resource-ID');
    expect(() => encodeHeader({ ...HEADER, destinationList: [resource, node] })).toThrow('destination_list: entry 0');
    expect(decodeHeader(encodeHeader({ ...HEADER, destinationList: [node, resource] })).header.destinationList).toEqual(
      [node, resource],
    );
    const via = encodeHeader({ ...HEADER, viaList: [], destinationList: [resource] });
    via.set([0, 19, 0, 0], 32);
    expect(faultOf(() => decodeHeader(via))).toMatchObject({ code: 'bad-value', at: 'header.via_list' });
  });

  it('R6940-6.3.2.2-03 keeps a destination of a later type, and writes it again', () => {
    const later = { type: 'unknown', code: 0x20, data: bytes('010203') } as const;
    const encoded = encodeHeader({ ...HEADER, destinationList: [node, later, node] });
    expect(decodeHeader(encoded).header.destinationList).toEqual([node, later, node]);
  });

  it('R6940-6.3.2-13 keeps the reserved bits of the fragment field without minding them', () => {
    const { header } = splitMessage(changed(12, 0xff));
    expect(header.fragment).toEqual({ offset: 0, last: true, reserved: 0x3f });
    expect(encodeWithPayload(header, MESSAGE.subarray(HEADER_LENGTH))).toEqual(changed(12, 0xff));
  });

  it('R6940-6.3.2.3-01 keeps forwarding options of unknown types, empty ones too', () => {
    for (const hex of ['fe070000', '80000003010203']) {
      expect(toHex(encode(forwardingOption, decode(forwardingOption, bytes(hex))))).toBe(hex);
    }
  });

  it('R6940-6.3.2-14 sets the length when the lists of a message have changed', () => {
    const { header } = splitMessage(MESSAGE);
    const longer = encodeWithPayload({ ...header, viaList: [node, node] }, MESSAGE.subarray(HEADER_LENGTH));
    expect(splitMessage(longer).header.length).toBe(MESSAGE.length + 18);
  });

  it('R6940-6.7-11 tells a fragment from a message', () => {
    const fragment = encodeWithPayload({ ...HEADER, fragment: { offset: 256, last: true } }, bytes('0102'));
    expect(toHex(splitFragment(fragment).chunk)).toBe('0102');
    expect(faultOf(() => splitMessage(fragment))).toMatchObject({ code: 'bad-value', at: 'header.fragment' });
  });
});

describe('what the parts of a message must be', () => {
  it('R6940-6.3-01 refuses bytes after the security block', () => {
    const longer = encodeWithPayload(HEADER, new Uint8Array([...MESSAGE.subarray(HEADER_LENGTH), 0]));
    expect(faultOf(() => splitMessage(longer))).toMatchObject({ code: 'surplus', at: '' });
  });

  it('R6940-6.3.1.1-01 a Boolean is 0 or 1', () => {
    expect([decode(bool, bytes('00')), decode(bool, bytes('01'))]).toEqual([false, true]);
    expect(refusal(bool, '02')).toEqual({ code: 'bad-value', at: '' });
    const odd = encodeContents({
      code: 1,
      body: bytes(''),
      extensions: [{ type: 9, critical: true, contents: bytes('') }],
    });
    odd[odd.length - 5] = 0x80;
    const message = encodeMessage(HEADER, odd, { certificates: [], signature: ABSENT_SIGNATURE });
    expect(faultOf(() => splitMessage(message))).toMatchObject({ code: 'bad-value', at: 'extensions[0].critical' });
  });

  it('R6940-6.3.1.1-05 keeps addresses of unknown types, and refuses known ones of a wrong length', () => {
    expect(decode(ipAddressPort, bytes('0903010203'))).toEqual({ type: 'unknown', code: 9, data: bytes('010203') });
    expect(refusal(ipAddressPort, '0107c000020117c4ff')).toEqual({ code: 'surplus', at: '' });
    expect(refusal(ipAddressPort, '0105c000020117')).toEqual({ code: 'truncated', at: 'ipv4' });
    expect(refusal(ipAddressPort, '0000')).toEqual({ code: 'bad-value', at: 'type' });
  });

  it('refuses destinations whose inner and outer lengths disagree', () => {
    expect(refusal(destination, `021210${A}ff`)).toEqual({ code: 'surplus', at: '' });
    expect(refusal(destination, `021010${A.slice(2)}`)).toEqual({ code: 'truncated', at: 'resource' });
    expect(refusal(destination, '030302aa')).toEqual({ code: 'truncated', at: '' });
    expect(refusal(destination, '0000')).toEqual({ code: 'bad-value', at: 'type' });
  });

  it('R6940-6.3.1.1-03 refuses Resource-IDs of more than 254 bytes, and writes none', () => {
    expect(refusal(destination, `03ff${'ff'.repeat(255)}`)).toEqual({ code: 'truncated', at: 'opaque' });
    expect(() => encode(destination, { type: 'resource', id: 'aa'.repeat(255) as ResourceId })).toThrow('at most 254');
    expect(() => encode(destination, { type: 'resource', id: 'aa'.repeat(254) as ResourceId })).not.toThrow();
  });

  it('R6940-6.3.1.1-02 reads and writes Node-IDs of the configured length, 16 to 20 bytes', () => {
    const long = `0114${A}01020304`;
    const value = decode(destination, bytes(long), { nodeIdLength: 20 });
    expect(value).toEqual({ type: 'node', id: `${A}01020304` });
    expect(toHex(encode(destination, value, { nodeIdLength: 20 }))).toBe(long);
    expect(refusal(destination, long)).toEqual({ code: 'bad-value', at: 'node' });
    expect(() => encode(destination, value)).toThrow('16 bytes, not 20');
  });

  it('R6940-6.3.1.1-06 refuses unknown selectors where nothing tells their length', () => {
    expect(refusal(signature, '0401 04 0000 0000')).toEqual({ code: 'bad-value', at: 'identity.type' });
    expect(refusal(chordUpdate, '00000001 04')).toEqual({ code: 'bad-value', at: 'type' });
    expect(refusal(framedMessage, '82 00000000')).toEqual({ code: 'bad-value', at: 'type' });
    const candidate = (type: string) => `0106c000020117c4 04 00 00000000 ${type} 0000`;
    const withCandidate = (type: string) => `00 00 00 0011 ${candidate(type)} 00`;
    expect(decode(attach, bytes(withCandidate('01'))).candidates).toHaveLength(1);
    expect(refusal(attach, withCandidate('03'))).toEqual({ code: 'bad-value', at: 'candidates[0].type' });
  });

  it('refuses a SignerIdentity with bytes to spare', () => {
    expect(refusal(signature, '0401 01 0004 04 01 aa bb 0000')).toEqual({ code: 'surplus', at: 'identity' });
    expect(refusal(signature, '0401 03 0001 00 0000')).toEqual({ code: 'surplus', at: 'identity' });
  });

  it('R6940-6.4.2.5-02 keeps probe information of later types, and refuses a known one of a wrong length', () => {
    expect(decode(probeAns, bytes('0004 05 02 abcd')).probeInfo).toEqual([
      { type: 'unknown', code: 5, data: bytes('abcd') },
    ]);
    expect(refusal(probeAns, '0004 03 02 abcd')).toEqual({ code: 'truncated', at: 'probe_info[0].value' });
  });

  it('R6940-6.3.1-01 refuses lists of Node-IDs of an odd size', () => {
    expect(refusal(chordUpdate, `00000001 02 0011 ${A} 01 0000`)).toEqual({ code: 'truncated', at: 'predecessors[1]' });
  });

  it('keeps ICE strings that are not ASCII', () => {
    const hex = '02fffe 00 00 0000 01'.replaceAll(' ', '');
    expect(toHex(encode(attach, decode(attach, bytes(hex))))).toBe(hex);
  });
});

describe('what is written', () => {
  it.each([
    ['ttl', { ttl: 256 }, 'out-of-range'],
    ['overlay', { overlay: -1 }, 'out-of-range'],
    ['configuration_sequence', { configurationSequence: 1.5 }, 'out-of-range'],
    ['transaction_id', { transactionId: 1n << 64n }, 'out-of-range'],
    ['version', { version: 11 }, 'bad-value'],
    ['fragment', { fragment: { offset: 1 << 24, last: true } }, 'out-of-range'],
    ['fragment.reserved', { fragment: { offset: 0, last: true, reserved: 64 } }, 'out-of-range'],
    ['via_list[0]', { viaList: [{ type: 'opaque', id: bytes('7fff'), compact: true }] }, 'bad-value'],
    ['options[0].value', { options: [{ type: 1, flags: 0, value: new Uint8Array(65_536) }] }, 'out-of-range'],
  ] as const)('fits: a wrong %s is refused', (at, change, code) => {
    expect(faultOf(() => encodeHeader({ ...HEADER, ...change } as ForwardingHeader))).toMatchObject({ at, code });
  });

  it('is right wherever the buffer has to grow', () => {
    for (let size = 480; size < 530; size += 1) {
      const values = new Uint8Array(size).fill(0xab);
      const kind = { kind: 0x01020304, generationCounter: 0x0102030405060708n, values };
      const body = { resource: A as ResourceId, replicaNumber: 1, kindData: [kind, kind, kind] };
      expect(decode(storeReq, encode(storeReq, body))).toEqual(body);
    }
  });

  it('R6940-3-01 has no all-zero Node-ID', () => {
    const zero = { type: 'node', id: '0'.repeat(32) as NodeId } as const;
    expect(faultOf(() => encode(destination, zero)).code).toBe('zero-node-id');
  });
});

describe('IP addresses', () => {
  it.each([
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['2001:db8::1', '20010db8000000000000000000000001'],
    ['1:0:0:2::3', '00010000000000020000000000000003'],
    ['fe80::1:0:0:1', 'fe800000000000000001000000000001'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:0:2:3:4:5:6:7', '00010000000200030004000500060007'],
  ])('%s is written as RFC 5952 wants it, and read', (text, hex) => {
    expect(formatIpv6(bytes(hex))).toBe(text);
    expect(toHex(parseIpv6(text) ?? bytes(''))).toBe(hex);
  });

  it('reads forms that RFC 4291 allows', () => {
    expect(toHex(parseIpv6('2001:DB8:0:0:0:0:0:1') ?? bytes(''))).toBe('20010db8000000000000000000000001');
    expect(toHex(parseIpv6('::ffff:192.0.2.1') ?? bytes(''))).toBe('00000000000000000000ffffc0000201');
  });

  it.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'g::',
    '1.2.3.4',
    '::1.2.3',
    '1:2:3:4:5:6:7::8:9',
  ])('refuses %j', (text) => {
    expect(parseIpv6(text)).toBeUndefined();
  });

  it.each(['1.2.3', '1.2.3.256', '1.2.3.4.5', '1.2.3.x', ''])('refuses the IPv4 address %j', (address) => {
    const server = { iteration: 1, serverAddress: { type: 'ipv4', address, port: 1 } } as const;
    expect(faultOf(() => encode(turnServer, server)).at).toBe('server_address.address');
  });
});

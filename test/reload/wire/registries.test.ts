import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#platform/bytes.ts';
import { parseNodeUri, parseReloadUri, printNodeUri, printReloadUri } from '#reload/security/reload-uri.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { modelSpecifier } from '#reload/wire/fetch.ts';
import { forwardingOption } from '#reload/wire/forwarding-header.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

const bytes = (hex: string) => fromHex(hex.replaceAll(' ', '')) ?? new Uint8Array();

describe('registered numbers', () => {
  it('R6940-14.8-01 message codes', () => {
    const { pathTrackReq, pathTrackAns, ...base } = MessageCode;
    expect(base).toEqual({
      probeReq: 0x1,
      probeAns: 0x2,
      attachReq: 0x3,
      attachAns: 0x4,
      storeReq: 0x7,
      storeAns: 0x8,
      fetchReq: 0x9,
      fetchAns: 0xa,
      findReq: 0xd,
      findAns: 0xe,
      joinReq: 0xf,
      joinAns: 0x10,
      leaveReq: 0x11,
      leaveAns: 0x12,
      updateReq: 0x13,
      updateAns: 0x14,
      routeQueryReq: 0x15,
      routeQueryAns: 0x16,
      pingReq: 0x17,
      pingAns: 0x18,
      statReq: 0x19,
      statAns: 0x1a,
      appAttachReq: 0x1d,
      appAttachAns: 0x1e,
      configUpdateReq: 0x21,
      configUpdateAns: 0x22,
      error: 0xffff,
    });
    expect([pathTrackReq, pathTrackAns]).toEqual([0x27, 0x28]);
  });

  it('R6940-14.9-01 error codes', () => {
    const base = Object.entries(ErrorCode).filter(([, code]) => code <= 0x14);
    expect(Object.fromEntries(base)).toEqual({
      forbidden: 0x2,
      notFound: 0x3,
      requestTimeout: 0x4,
      generationCounterTooLow: 0x5,
      incompatibleWithOverlay: 0x6,
      unsupportedForwardingOption: 0x7,
      dataTooLarge: 0x8,
      dataTooOld: 0x9,
      ttlExceeded: 0xa,
      messageTooLarge: 0xb,
      unknownKind: 0xc,
      unknownExtension: 0xd,
      responseTooLarge: 0xe,
      configTooOld: 0xf,
      configTooNew: 0x10,
      inProgress: 0x11,
      invalidMessage: 0x14,
    });
  });

  it('R6940-14.12-01 of forwarding options: none of an invalid or reserved type is written, and a reserved one of others is passed on', () => {
    const option = (type: number) => ({ type, flags: 2, value: bytes('abcd') });
    expect(toHex(encode(forwardingOption, option(128)))).toBe('80020002abcd');
    expect(decode(forwardingOption, bytes('80020002abcd'))).toEqual(option(128));
    for (const type of [0, 255]) expect(() => encode(forwardingOption, option(type))).toThrow('0 and 255');
    expect(() => decode(forwardingOption, bytes('00020002abcd'))).toThrow('invalid');
    const foreign = decode(forwardingOption, bytes('ff020002abcd'));
    expect(foreign).toMatchObject(option(255));
    expect(toHex(encode(forwardingOption, foreign))).toBe('ff020002abcd');
  });
});

describe('specifiers of a Fetch', () => {
  it.each([
    ['single', { model: 'single' }, ''],
    ['array', { model: 'array', indices: [{ first: 0, last: 0xffffffff }] }, '0008 00000000 ffffffff'],
    ['dictionary', { model: 'dictionary', keys: [] }, '0000'],
    ['dictionary', { model: 'dictionary', keys: [bytes('6b31'), bytes('')] }, '0006 0002 6b31 0000'],
  ] as const)('R6940-7.4.2.1-01 for %s %j', (model, specifier, hex) => {
    const codec = modelSpecifier[model];
    expect(toHex(encode(codec, specifier as never))).toBe(hex.replaceAll(' ', ''));
    expect(decode(codec, bytes(hex))).toEqual(specifier);
    expect(() => decode(codec, bytes(`${hex}00`))).toThrow();
  });
});

describe('RELOAD URIs', () => {
  const A = '0102030405060708090a0b0c0d0e0f10';
  const LONG = `${A}11121314`;
  const node = { type: 'node', id: A as NodeId } as const;
  const resource = { type: 'resource', id: 'beef' as ResourceId } as const;

  it.each([
    ['a peer', { destinations: [node] }, `reload://0110${A}@overlay.example.org/`],
    ['a resource', { destinations: [resource] }, 'reload://020302beef@overlay.example.org/'],
    ['several destinations', { destinations: [node, resource] }, `reload://0110${A}020302beef@overlay.example.org/`],
    [
      'a value',
      { destinations: [node], specifier: bytes('00000002 0000000000000000 0000') },
      `reload://0110${A}@overlay.example.org/0000000200000000000000000000`,
    ],
    [
      'a long Node-ID',
      { destinations: [{ type: 'node', id: LONG as NodeId }] },
      `reload://0114${LONG}@overlay.example.org/`,
    ],
  ] as const)('R6940-14.15-01 of %s', (_what, parts, uri) => {
    const named = { ...parts, overlayName: 'overlay.example.org' };
    expect(printReloadUri(named)).toBe(uri);
    expect(parseReloadUri(uri)).toEqual(named);
    expect(parseReloadUri(uri.replace(/\/\/[0-9a-f]+@/, (hex) => hex.toUpperCase()))).toEqual(named);
  });

  it('R6940-14.15-01 are of one peer only without a specifier', () => {
    const named = { nodeId: A as NodeId, overlayName: 'overlay.example.org' };
    expect(printNodeUri(named)).toBe(`reload://0110${A}@overlay.example.org/`);
    expect(parseNodeUri(printNodeUri(named))).toEqual(named);
    expect(parseNodeUri(`${printNodeUri(named)}00000002`)).toBeUndefined();
    expect(parseNodeUri(`reload://0110${A}0110${A}@overlay.example.org/`)).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['no destination', 'reload://@overlay.example.org/'],
    ['half a byte', 'reload://011@overlay.example.org/'],
    ['a destination that ends early', `reload://0110${A.slice(2)}@overlay.example.org/`],
    ['a specifier with half a byte', `reload://0110${A}@overlay.example.org/0`],
    ['no overlay', `reload://0110${A}@/`],
    ['another scheme', `reloads://0110${A}@overlay.example.org/`],
    ['more than 512 characters', `reload://${`0110${A}`.repeat(20)}@overlay.example.org/`],
  ])('are not %s', (_what, uri) => {
    expect(parseReloadUri(uri)).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { decode, encode } from '#reload/wire/codec.ts';
import { destination, resourceDestination } from '#reload/wire/destination.ts';
import { hashToResourceId, type NodeId } from '#reload/wire/ids.ts';
import { joinAns, joinReq } from '#reload/wire/join.ts';
import { leaveReq } from '#reload/wire/leave.ts';
import { chordUpdate } from '#reload/wire/update.ts';

const A = '000102030405060708090a0b0c0d0e0f';
const B = 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';
const [a, b] = [A as NodeId, B as NodeId];
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hex = (from: Uint8Array) => Buffer.from(from).toString('hex');
const nothing = new Uint8Array();

describe('what CHORD-RELOAD puts into messages', () => {
  it('R6940-10.2-01 R6940-10.2-02 hashes names by SHA-1, of which the first 16 bytes are the Resource-ID', () => {
    // sha1sum: 45a6b241a242c97f0492d382c390dfa335aac986
    const id = hashToResourceId('alice@example.org');
    expect(id).toBe('45a6b241a242c97f0492d382c390dfa3');
    expect(hex(encode(destination, resourceDestination(id)))).toBe(
      '021110 45a6b241a242c97f0492d382c390dfa3'.replace(' ', ''),
    );
  });

  it('R6940-6.4.2.1-01 JoinReq is the Node-ID and two bytes of length, JoinAns the length alone; nothing may follow', () => {
    const request = { joiningPeerId: a, overlaySpecificData: nothing };
    expect(hex(encode(joinReq, request))).toBe(`${A}0000`);
    expect(decode(joinReq, bytes(`${A} 0000`))).toEqual(request);
    expect(hex(encode(joinAns, { overlaySpecificData: nothing }))).toBe('0000');
    expect(decode(joinAns, bytes('0000'))).toEqual({ overlaySpecificData: nothing });
    expect(() => decode(joinReq, bytes(`${A} 0000 00`))).toThrow();
    expect(() => decode(joinAns, bytes('0000 00'))).toThrow();
  });

  it('R6940-6.4.2.2-05 LeaveReq is the Node-ID and the data after two bytes of length', () => {
    expect(hex(encode(leaveReq, { leavingPeerId: b, overlaySpecificData: nothing }))).toBe(`${B}0000`);
    expect(decode(leaveReq, bytes(`${B} 0003 010203`))).toEqual({
      leavingPeerId: b,
      overlaySpecificData: new Uint8Array([1, 2, 3]),
    });
  });

  it.each([
    ['peer_ready', { uptime: 0x01020304, type: 'peer_ready' }, '01020304 01'],
    [
      'neighbors in a ring of two',
      { uptime: 5, type: 'neighbors', predecessors: [b], successors: [b] },
      `00000005 02 0010 ${B} 0010 ${B}`,
    ],
    [
      'neighbors of a lone peer',
      { uptime: 0, type: 'neighbors', predecessors: [], successors: [] },
      '00000000 02 0000 0000',
    ],
    [
      'full',
      { uptime: 7, type: 'full', predecessors: [b], successors: [a, b], fingers: [a] },
      `00000007 03 0010 ${B} 0020 ${A} ${B} 0010 ${A}`,
    ],
  ] as const)('R6940-10.7-01 R6940-6.4.2.3-04 ChordUpdate, %s', (_, update, golden) => {
    expect(hex(encode(chordUpdate, update))).toBe(golden.replaceAll(' ', ''));
    expect(decode(chordUpdate, bytes(golden))).toEqual(update);
  });
});

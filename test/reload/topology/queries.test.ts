import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#platform/bytes.ts';
import type { IncomingRequest } from '#reload/messaging/exchange.ts';
import { answerProbe, answerRouteQuery } from '#reload/topology/chord/queries.ts';
import { encode } from '#reload/wire/codec.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { routeQueryReq } from '#reload/wire/route-query.ts';

const PROBED = { share: 0x0a, resources: 0x0b, uptime: 0x0c };
const entry = { 1: '01040000000a', 2: '02040000000b', 3: '03040000000c' } as const;
const NEXT = '42'.repeat(16) as NodeId;

function request(body: Uint8Array): IncomingRequest {
  return { body } as unknown as IncomingRequest;
}

function probed(hex: string): string {
  return toHex(answerProbe(request(fromHex(hex)!), PROBED).body);
}

describe('the answer to a Probe', () => {
  it.each([
    ['R6940-6.4.2.5.2-01 all three types', '03010203', `0012${entry[1]}${entry[2]}${entry[3]}`],
    ['R6940-6.4.2.5.2-02 in the order of the request', '020301', `000c${entry[3]}${entry[1]}`],
    ['R6940-6.4.2.5.2-03 nothing beside what was asked for', '0102', `0006${entry[2]}`],
    ['R6940-6.4.2.5.2-03 nothing of a type that is not known', '01c8', '0000'],
    ['R6940-14.13-01 nothing of the type for experiments, or of invalid and reserved ones', '030400ff', '0000'],
    ['each type once', '03020202', `0006${entry[2]}`],
    ['R6940-6.4.2.5-01 nothing to an empty request', '00', '0000'],
  ])('has %s', (_what, asked, answer) => {
    expect(probed(asked)).toBe(answer);
  });
});

describe('the answer to a RouteQuery', () => {
  const ask = (destination: Parameters<typeof encode<{ destination: unknown }>>[1]['destination']) =>
    answerRouteQuery(
      request(
        encode(routeQueryReq, { sendUpdate: false, destination, overlaySpecificData: new Uint8Array() } as never),
      ),
      () => NEXT,
    );

  it('R6940-6.4.2.4.1-03 looks up Node-IDs and Resource-IDs, and translates no opaque id', () => {
    for (const type of ['node', 'resource']) {
      expect(toHex(ask({ type, id: 'ab'.repeat(16) }).response.body)).toBe(NEXT);
    }
    for (const opaque of [
      { type: 'opaque', id: fromHex('8765')!, compact: true },
      { type: 'opaque', id: fromHex('0765')!, compact: false },
    ]) {
      expect(() => ask(opaque)).toThrow(
        expect.objectContaining({ fault: expect.objectContaining({ errorCode: ErrorCode.forbidden }) }),
      );
    }
  });
});

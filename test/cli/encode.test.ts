import { describe, expect, it } from 'vitest';
import { encodeCommand } from '#cli/encode.ts';
import { vector } from '../vectors/reload-vectors.ts';
import { chunks, decodedOne, encoded, linesOf, type Result } from './json-lines.ts';

async function encodeFault(value: unknown): Promise<Result> {
  const [line = ''] = await encoded(value);
  return JSON.parse(line) as Result;
}

describe('bad input to encode', () => {
  it('answers lines that are no JSON objects with ok:false, and goes on', async () => {
    const [good = ''] = await encoded(await decodedOne(vector('ping_ans').hex));
    const input = chunks(`{"a":\n[]\n\n"x"\n${JSON.stringify(await decodedOne(good))}\n${'['.repeat(100_000)}\n`);
    const lines = await linesOf((output) => encodeCommand({ input, output }));
    expect(lines[4]).toBe(vector('ping_ans').hex);
    const failed = lines.filter((_, i) => i !== 4).map((line) => (JSON.parse(line) as Result).ok);
    expect(failed).toEqual([false, false, false, false, false]);
  });

  const changes: readonly (readonly [string, Result])[] = [
    ['code', { code: '23' }],
    ['code', { code: 65_536, body: '' }],
    ['layer', { layer: 'packet' }],
    ['header', { header: null }],
    ['header.ttl', { header: { ttl: 'x' } }],
    ['header.transaction_id', { header: { transaction_id: '-1' } }],
    ['header.fragment', { header: { fragment: null } }],
    ['header.via_list', { header: { via_list: {} } }],
    ['header.via_list[0].type', { header: { via_list: [{ type: 'constructor' }] } }],
    ['header.via_list[0]', { header: { via_list: [null] } }],
    ['header.destination_list[0]', { header: { destination_list: [{ type: 'node', id: 5 }] } }],
    ['body.padding', { body: { padding: 'f' } }],
    ['body.padding', { body: {} }],
    ['body', { body: 'ff' }],
    ['extensions[0].critical', { extensions: [{ type: 1, critical: 1, contents: '' }] }],
    ['security.signature.hash_algorithm', { security: { certificates: [], signature: {} } }],
    ['node_id_length', { node_id_length: 99 }],
  ];
  it.each(changes)('names the field at fault: %s in %j', async (at, change) => {
    const result = await decodedOne(vector('ping_req').hex);
    const merged = { ...result, ...change };
    if (change.header !== undefined && change.header !== null)
      Object.assign(merged, { header: { ...(result.header as object), ...(change.header as object) } });
    const fault = await encodeFault(merged);
    expect(fault.ok).toBe(false);
    expect(fault.at?.startsWith(at)).toBe(true);
  });

  it('names the field at fault in a message within a frame, and in a value', async () => {
    const frame = await decodedOne(vector('frame_data').hex, { layer: 'frame' });
    const inner = { ...(frame.frame as { message: object }).message, code: null };
    expect(await encodeFault({ ...frame, frame: { ...(frame.frame as object), message: inner } })).toMatchObject({
      at: 'frame.message.code',
    });
    expect(await encodeFault({ layer: 'value', kind: 'redir', body: { type: 0 } })).toMatchObject({
      at: 'body.destination_list',
    });
    expect(await encodeFault({ layer: 'value', kind: 'what' })).toMatchObject({ ok: false });
  });
});

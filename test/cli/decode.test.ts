import 'reflect-metadata';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { decodeCommand } from '#cli/decode.ts';
import { toHex } from '#platform/bytes.ts';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { encodeWithPayload, type HeaderFields } from '#reload/wire/forwarding-header.ts';
import { framedMessage } from '#reload/wire/frame.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { encodeContents, encodeMessage, splitMessage } from '#reload/wire/message.ts';
import { pstnGateway } from '#reload/wire/pstn-gateway.ts';
import { ABSENT_SIGNATURE } from '#reload/wire/security-block.ts';
import { mutations } from '../vectors/mutations.ts';
import { bytesOf, vector, vectorsOf } from '../vectors/reload-vectors.ts';
import { chunks, decoded, decodedOne, encoded, HEADER, linesOf, MODELS, type Result } from './json-lines.ts';

const NO_SECURITY = { certificates: [], signature: ABSENT_SIGNATURE };

function message(code: number, body: Uint8Array): Uint8Array {
  return encodeMessage(HEADER, encodeContents({ code, body, extensions: [] }), NO_SECURITY);
}

describe('decode and encode of RELOAD messages as JSON lines', () => {
  const messages = vectorsOf('message');

  it('tells every message of the independent vectors, verifies it, and encodes its JSON to the same hex', async () => {
    const results = await decoded(
      messages.map(({ hex }) => hex),
      MODELS,
    );
    const again = await encoded(...results);
    expect(again).toEqual(messages.map(({ hex }) => hex));
    for (const [i, { ok, signature, reencodes, layer }] of results.entries()) {
      const expected = layer === 'fragment' ? 'unchecked' : 'valid';
      expect({ name: messages[i]?.name, ok, signature, reencodes }).toEqual({
        name: messages[i]?.name,
        ok: true,
        signature: expected,
        reencodes: true,
      });
    }
  });

  it('has code, header, body, security, signature and reencodes in each line', async () => {
    const result = await decodedOne(vector('ping_req').hex);
    expect(Object.keys(result)).toEqual(
      expect.arrayContaining(['ok', 'code', 'header', 'body', 'security', 'signature', 'reencodes']),
    );
    expect(result).toMatchObject({
      code: 0x17,
      method: 'ping_req',
      header: { version: 10, ttl: 100, via_list: [], destination_list: [{ type: 'node' }] },
      body: { padding: '0000000000000000' },
    });
  });

  it('holds no copy of the message: what is encoded comes from the fields', async () => {
    const result = await decodedOne(vector('ping_req').hex);
    const { hex } = vector('ping_req');
    expect(JSON.stringify(result)).not.toContain(hex.slice(0, 80));
    const header = { ...(result.header as object), ttl: 7, via_list: [{ type: 'opaque', id: '8001', compact: true }] };
    const [changed = ''] = await encoded({ ...result, header });
    const { header: read } = splitMessage(new Uint8Array(Buffer.from(changed, 'hex')));
    expect(read).toMatchObject({ ttl: 7, length: hex.length / 2 + 2 });
  });

  it('prints numbers of 64 bits as decimal text, so that none is rounded', async () => {
    const result = await decodedOne(message(MessageCode.pingReq, Uint8Array.of(0, 0)));
    expect(result.header).toMatchObject({ transaction_id: '18364758544493064720' });
  });

  it.each([
    ['error_UnknownKind', { info: { unknown_kinds: [0xf0000001] } }],
    ['error_NotFound', { info: { text: 'no such resource' } }],
    ['error_GenerationCounterTooLow', { info: { kind_responses: [{ kind: 2020, generation_counter: '5' }] } }],
    ['leave_req_from_successor', { overlay_specific_data: { type: 'from_succ' } }],
    ['config_update_req_config', { config_data: { text: expect.stringContaining('<overlay') } }],
    ['fetch_req_array', { specifiers: [{ model_specifier: { indices: [{ first: 0, last: 2 }, {}] } }] }],
    ['store_req_sip_registration_uri', { kind_data: [{ values: [{ value: { value: { type: 'uri' } } }] }] }],
    ['stat_ans_dictionary', { kind_responses: [{ values: [{ metadata: { model: 'dictionary', exists: true } }] }] }],
  ])('tells what depends on other fields: %s', async (name, body) => {
    expect((await decodedOne(vector(name).hex, MODELS)).body).toMatchObject(body);
  });

  it('tells the extensions and options of later RFCs', async () => {
    const [diagnostics, tuning, routing] = await decoded(
      ['ping_req_diagnostics_ext', 'ping_req_self_tuning_ext', 'ping_req_drr_option'].map((name) => vector(name).hex),
    );
    expect(diagnostics?.extensions).toMatchObject([{ type: 2, contents: { dm_flags: '34' } }]);
    expect(tuning?.extensions).toMatchObject([{ type: 3, contents: { network_size: expect.any(Number) } }]);
    expect(routing?.header).toMatchObject({ options: [{ type: 2, value: { routemode: 'drr' } }] });
  });

  it('leaves the values of Kinds it does not know in hexadecimal', async () => {
    const { hex } = vector('store_req_single');
    const result = await decodedOne(hex);
    expect(result).toMatchObject({ ok: true, reencodes: true, body: { kind_data: [{ values: expect.any(String) }] } });
    expect(await encoded(result)).toEqual([hex]);
  });

  it('leaves the body of an unknown message code, and of an unknown extension, in hexadecimal', async () => {
    const contents = encodeContents({
      code: 0x7ffd,
      body: Uint8Array.of(1, 2),
      extensions: [{ type: 77, critical: true, contents: Uint8Array.of(3) }],
    });
    const bytes = encodeMessage(HEADER, contents, NO_SECURITY);
    const result = await decodedOne(bytes);
    expect(result).toMatchObject({ ok: true, method: 'unknown', body: '0102', extensions: [{ contents: '03' }] });
    expect(await encoded(result)).toEqual([toHex(bytes)]);
  });

  it('reads Node-IDs of the length it is told, and remembers it for encoding', async () => {
    const id = 'ab'.repeat(20) as NodeId;
    const header: HeaderFields = { ...HEADER, destinationList: [{ type: 'node', id }] };
    const contents = encodeContents({ code: MessageCode.pingReq, body: Uint8Array.of(0, 0), extensions: [] });
    const bytes = encodeMessage(header, contents, NO_SECURITY, { nodeIdLength: 20 });
    const result = await decodedOne(bytes, { nodeIdLength: '20' });
    expect(result).toMatchObject({ ok: true, node_id_length: 20, reencodes: true });
    expect(await encoded(result)).toEqual([toHex(bytes)]);
    expect(await decodedOne(bytes)).toMatchObject({ ok: false, at: 'header.destination_list[0].node' });
  });
});

describe('the other layers', () => {
  it.each(vectorsOf('frame'))('frame: $name and back', async ({ name, hex }) => {
    const result = await decodedOne(hex, { layer: 'frame' });
    expect(result).toMatchObject({ ok: true, layer: 'frame', reencodes: true });
    expect(result.signature).toBe(name === 'frame_data' ? 'valid' : 'unchecked');
    expect(await encoded(result)).toEqual([hex]);
  });

  it('frame: tells the message within, and says what is wrong with one that cannot be read', async () => {
    const whole = await decodedOne(vector('frame_data').hex, { layer: 'frame' });
    expect(whole.frame).toMatchObject({ type: 'data', sequence: 1, message: { method: 'ping_req' } });
    const broken = encode(framedMessage, { type: 'data', sequence: 9, message: Uint8Array.of(1, 2, 3, 4) });
    const result = await decodedOne(broken, { layer: 'frame' });
    expect(result).toMatchObject({
      ok: true,
      reencodes: true,
      frame: { message: '01020304', malformed: { at: 'frame.message.header.relo_token' } },
    });
    expect(await encoded(result)).toEqual([toHex(broken)]);
  });

  it.each(vectorsOf('value'))('value: $name, with the Kind found by trying', async ({ hex }) => {
    const result = await decodedOne(hex, { layer: 'value' });
    expect(result).toMatchObject({ ok: true, layer: 'value', reencodes: true });
    expect(await encoded(result)).toEqual([hex]);
  });

  it.each([
    ['value_sip_registration_uri', 'sip-registration', { type: 'uri', uri: 'sip:alice2@h4.example.org' }],
    ['value_redir_service_provider', '260', { namespace: 'turn-server', level: 2, node: 1 }],
    ['value_turn_server', 'TURN-SERVICE', { server_address: { address: '192.0.2.1', port: 3478 } }],
    ['identity_alice', 'CERTIFICATE_BY_NODE', expect.stringMatching(/^3082/)],
  ])('value: %s as --kind %s', async (name, kind, body) => {
    const result = await decodedOne(vector(name).hex, { layer: 'value', kind });
    expect(result).toMatchObject({ ok: true, body });
    expect(await encoded(result)).toEqual([vector(name).hex]);
  });

  it('value: finds PSTN gateways and certificates too, and refuses what fits no Kind', async () => {
    const gateway = {
      ...{ version: 1, flags: 1, capacity: 1, aor: 'gw1@pstn.example', contactPrefs: '' },
      ...{ destinationList: [], prefixes: [{ digits: '49', priority: 1, cost: 2 }], extensions: new Uint8Array() },
    };
    const results = await decoded([toHex(encode(pstnGateway, gateway)), vector('identity_alice').hex, 'ffff'], {
      layer: 'value',
    });
    expect(results.map(({ kind }) => kind)).toEqual(['pstn-gateway', 'certificate-by-node', undefined]);
    expect(results[2]).toMatchObject({ ok: false, error: expect.stringContaining('none of the known Kinds') });
  });

  it('fragment: tells the header and keeps the rest', async () => {
    const { hex } = vector('ping_req_big_fragment_1');
    const result = await decodedOne(hex, { layer: 'fragment' });
    expect(result).toMatchObject({ layer: 'fragment', header: { fragment: { offset: 500, last: false } } });
    expect(await encoded(result)).toEqual([hex]);
  });
});

describe('bad input to decode', () => {
  it('answers each bad line with ok:false, and goes on', async () => {
    const { hex } = vector('ping_req');
    const results = await decoded(['', 'xyz', 'abc', hex.toUpperCase(), `  ${hex}\r`, hex.slice(0, -2)]);
    expect(results.map(({ ok }) => ok)).toEqual([false, false, false, true, true, false]);
    expect(results[0]).toMatchObject({ error: 'The line is empty.', at: '' });
    expect(results[1]?.error).toContain('hexadecimal');
    expect(results[5]).toMatchObject({ error: expect.stringContaining('truncated'), at: 'header.length' });
  });

  it('names the field at fault', async () => {
    const cases: readonly (readonly [Uint8Array, string])[] = [
      [message(MessageCode.pingReq, Uint8Array.of(0, 1)), 'body.padding'],
      [message(MessageCode.updateReq, Uint8Array.of(0, 0, 0, 1, 9)), 'body.type'],
      [message(MessageCode.leaveAns, Uint8Array.of(1)), 'body'],
      [encodeWithPayload(HEADER, Uint8Array.of(0, 23)), 'body'],
    ];
    const results = await decoded(cases.map(([bytes]) => toHex(bytes)));
    expect(results.map(({ ok, at }) => ({ ok, at }))).toEqual(cases.map(([, at]) => ({ ok: false, at })));
  });

  it('names the stored value at fault', async () => {
    const result = await decodedOne(vector('store_req_sip_registration_uri').hex);
    const body = result.body as { kind_data: { values: unknown }[] };
    const [entry] = body.kind_data;
    if (entry !== undefined) entry.values = '00000001ff';
    const [hex = ''] = await encoded(result);
    expect(await decodedOne(hex)).toMatchObject({ ok: false, at: 'body.kind_data[0].values[0].storage_time' });
  });

  it('passes over a line that is too long without keeping it', async () => {
    const piece = 'ab'.repeat(512 * 1024);
    const { hex } = vector('ping_req');
    const input = chunks(piece, piece, piece, piece, piece, '\n', hex, '\n', hex);
    const lines = await linesOf((output) => decodeCommand({ input, output }));
    const results = lines.map((line) => JSON.parse(line) as Result);
    expect(results.map(({ ok }) => ok)).toEqual([false, true, true]);
    expect(results[0]?.error).toContain('longer than');
  });

  it('reads lines that arrive in pieces, and counts them', async () => {
    const { hex } = vector('ping_req');
    const input = chunks(hex.slice(0, 7), Buffer.from(hex.slice(7, 9)), `${hex.slice(9)}\n`, 'zz\n');
    const tally = await decodeCommand({ input, output: new PassThrough({ highWaterMark: 1 << 20 }) });
    expect(tally).toEqual({ lines: 2, failed: 1 });
  });

  it('waits for a slow reader', async () => {
    let held = 0;
    const output = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        held += 1;
        setImmediate(done);
      },
    });
    const { hex } = vector('ping_req');
    const tally = await decodeCommand({ input: chunks(`${hex}\n`.repeat(20)), output });
    expect([held, tally.failed]).toEqual([20, 0]);
  });

  it.each([
    { layer: 'packet' },
    { kind: 'nothing' },
    { kind: '0' },
    { kindModel: ['5=tree'] },
    { kindModel: ['5'] },
    { nodeIdLength: '15' },
    { nodeIdLength: 'x' },
  ])('refuses the options %j before reading', async (options) => {
    const output = new PassThrough();
    await expect(decodeCommand({ input: chunks('00\n'), output }, options)).rejects.toMatchObject({
      fault: { code: 'bad-option' },
    });
  });

  it('every vector, mutated, gives a typed error with a field path or is told exactly; nothing crashes', async () => {
    for (const given of vectorsOf('message')) {
      const lines = [...mutations(bytesOf(given), 25, given.hex.length)].map(toHex);
      const results = await decoded(lines, MODELS);
      expect(results).toHaveLength(lines.length);
      for (const [i, { ok, error, at, reencodes }] of results.entries()) {
        if (ok) expect({ line: lines[i], reencodes }).toEqual({ line: lines[i], reencodes: true });
        else expect({ error, at }).toEqual({ error: expect.stringMatching(/./), at: expect.any(String) });
      }
    }
  });
});

import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { PassThrough, Writable } from 'node:stream';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { type DecodeOptions, decodeCommand } from '#cli/decode.ts';
import { encodeCommand } from '#cli/encode.ts';
import { toHex } from '#platform/bytes.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { createSigner } from '#reload/security/signer.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { encode } from '#reload/wire/codec.ts';
import { CertificateType, KindId, MessageCode } from '#reload/wire/codes.ts';
import { fetchAns } from '#reload/wire/fetch.ts';
import { encodeWithPayload, type HeaderFields } from '#reload/wire/forwarding-header.ts';
import { framedMessage } from '#reload/wire/frame.ts';
import { hashToResourceId, idBytes, type NodeId, overlayHash } from '#reload/wire/ids.ts';
import { encodeContents, encodeMessage, splitMessage } from '#reload/wire/message.ts';
import { pstnGateway } from '#reload/wire/pstn-gateway.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';
import { ABSENT_SIGNATURE, type Signature } from '#reload/wire/security-block.ts';
import { encodeStoredData, type StoredDataValue } from '#reload/wire/stored-data.ts';
import { mutations } from '../vectors/mutations.ts';
import { bytesOf, vector, vectorsOf } from '../vectors/reload-vectors.ts';

const MODELS: DecodeOptions = { kindModel: ['2020=single', '0x802=array', '2070=dictionary'] };

/** Results are looked at as the JSON they are. */
interface Result {
  readonly ok?: boolean;
  readonly error?: string;
  readonly at?: string;
  readonly signature?: string;
  readonly reencodes?: boolean;
  readonly [key: string]: unknown;
}

async function* chunks(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* pieces;
}

async function linesOf(run: (output: Writable) => Promise<unknown>): Promise<readonly string[]> {
  const output = new PassThrough({ highWaterMark: 1 << 30 });
  await run(output);
  output.end();
  const text = Buffer.concat(await output.toArray()).toString();
  return text === '' ? [] : text.trimEnd().split('\n');
}

async function decoded(lines: readonly string[], options: DecodeOptions = {}): Promise<readonly Result[]> {
  const input = chunks(lines.map((line) => `${line}\n`).join(''));
  const results = await linesOf((output) => decodeCommand({ input, output }, options));
  return results.map((line) => JSON.parse(line) as Result);
}

async function decodedOne(bytes: Uint8Array | string, options: DecodeOptions = {}): Promise<Result> {
  const [result = {}] = await decoded([typeof bytes === 'string' ? bytes : toHex(bytes)], options);
  return result;
}

async function encoded(...values: readonly unknown[]): Promise<readonly string[]> {
  const input = chunks(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  return linesOf((output) => encodeCommand({ input, output }));
}

async function encodeFault(value: unknown): Promise<Result> {
  const [line = ''] = await encoded(value);
  return JSON.parse(line) as Result;
}

const HEADER: HeaderFields = {
  overlay: overlayHash('h4.example.org'),
  configurationSequence: 1,
  version: 10,
  ttl: 100,
  fragment: { offset: 0, last: true },
  transactionId: 0xfedcba9876543210n,
  maxResponseLength: 0,
  viaList: [],
  destinationList: [],
  options: [],
};
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

describe('the verdict on signatures', () => {
  it('is invalid when a byte of the contents was changed', async () => {
    const bytes = bytesOf(vector('ping_req'));
    const { header, contents, security } = splitMessage(bytes);
    const other = encodeContents({ ...contents, body: Uint8Array.of(0, 1, 9) });
    expect(await decodedOne(encodeMessage(header, other, security))).toMatchObject({ ok: true, signature: 'invalid' });
  });

  it('is invalid when the message was moved to another overlay or transaction', async () => {
    const { header, contentsBytes, security } = splitMessage(bytesOf(vector('ping_ans')));
    const moved = encodeMessage({ ...header, overlay: header.overlay - 1 }, contentsBytes, security);
    const replayed = encodeMessage({ ...header, transactionId: 1n }, contentsBytes, security);
    expect(await decodedOne(moved)).toMatchObject({ signature: 'invalid' });
    expect(await decodedOne(replayed)).toMatchObject({ signature: 'invalid' });
  });

  it('is unchecked only where the certificate of the signer is not in the security block', async () => {
    const { header, contentsBytes, security } = splitMessage(bytesOf(vector('ping_req')));
    const stranger = splitMessage(bytesOf(vector('ping_ans'))).security.certificates;
    const without = encodeMessage(header, contentsBytes, { ...security, certificates: [] });
    const withOther = encodeMessage(header, contentsBytes, { ...security, certificates: stranger });
    const withBoth = encodeMessage(header, contentsBytes, {
      ...security,
      certificates: [...stranger, ...security.certificates],
    });
    expect(await decodedOne(without)).toMatchObject({ ok: true, signature: 'unchecked', reencodes: true });
    expect(await decodedOne(withOther)).toMatchObject({ ok: true, signature: 'unchecked' });
    expect(await decodedOne(withBoth)).toMatchObject({ ok: true, signature: 'valid' });
  });

  it.each([
    ['store_req_dictionary', 'valid'],
    ['store_req_array_append', 'valid'],
    ['store_req_turn_service', 'valid'],
    ['store_req_certificate_by_node', 'valid'],
    ['fetch_ans_single', 'valid'],
    ['fetch_ans_array', 'valid'],
    ['fetch_ans_nonexistent', 'unchecked'],
  ])('is given for each stored value: %s', async (name, verdict) => {
    const text = JSON.stringify(await decodedOne(vector(name).hex, MODELS));
    expect([...text.matchAll(/"signature_check":"(\w+)"/g)].map((match) => match[1])).toEqual([verdict]);
  });

  it('is invalid for a stored value that was changed', async () => {
    const result = await decodedOne(vector('store_req_single').hex, MODELS);
    const changed = JSON.parse(JSON.stringify(result).replace('73696e676c652076616c7565', '73696e676c652076616c7566'));
    const [hex = ''] = await encoded(changed);
    expect(await decodedOne(hex, MODELS)).toMatchObject({
      signature: 'invalid',
      body: { kind_data: [{ values: [{ signature_check: 'invalid' }] }] },
    });
  });

  it('is valid for cert_hash_node_id and ECDSA, and for a ReDiR value found through its own place in the tree', async () => {
    const signer = createSigner(await multiNodeIdentity());
    const { nodeId, certificate } = signer;
    const provider = { type: 0, namespace: 'x-pstn-gateway', level: 2, node: 3, extension: new Uint8Array() };
    const value: StoredDataValue = {
      model: 'dictionary',
      key: idBytes(nodeId),
      exists: true,
      value: encode(redirServiceProvider, { ...provider, destinationList: [{ type: 'node', id: nodeId }] }),
    };
    const resource = hashToResourceId(Buffer.concat([Buffer.from('x-pstn-gateway'), Buffer.from([0, 2, 0, 3])]));
    const kind = KindId.redir;
    const signature = signer.sign(valueSignatureInput({ resource, kind, storageTime: 5n, value }));
    const values = encodeStoredData('dictionary', [{ storageTime: 5n, lifetime: 600, value, signature }]);
    const body = encode(fetchAns, { kindResponses: [{ kind, generation: 1n, values }] });
    const contents = encodeContents({ code: MessageCode.fetchAns, body, extensions: [] });
    const input = messageSignatureInput(HEADER.overlay, HEADER.transactionId, contents);
    const sealed = (own: Signature) =>
      encodeMessage(HEADER, contents, {
        certificates: [{ type: CertificateType.x509, certificate: certificate.der }],
        signature: own,
      });

    const good = await decodedOne(sealed(signer.sign(input)));
    expect(good).toMatchObject({
      signature: 'valid',
      security: { signature: { signature_algorithm: 3, identity: { type: 'cert_hash_node_id' } } },
      body: { kind_responses: [{ values: [{ signature_check: 'valid', value: { value: { level: 2 } } }] }] },
    });
    const weak = { ...signer.sign(input), hashAlgorithm: 2 };
    expect(await decodedOne(sealed(weak))).toMatchObject({ signature: 'invalid' });
  });

  async function multiNodeIdentity() {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
    const nodeIds = ['1'.repeat(32), '2'.repeat(32)] as NodeId[];
    const names = nodeIds.map((id) => ({ type: 'url', value: `reload://0110${id}@h4.example.org/` }) as const);
    const made = await X509CertificateGenerator.createSelfSigned(
      {
        serialNumber: '01',
        name: 'CN=test',
        notBefore: new Date(0),
        notAfter: new Date(4e12),
        signingAlgorithm: algorithm,
        keys,
        extensions: [new SubjectAlternativeNameExtension([...names, { type: 'email', value: 'eve@h4.example.org' }])],
      },
      webcrypto,
    );
    const certificate = readCertificate(new Uint8Array(made.rawData));
    const nodeId = nodeIds[1] as NodeId;
    return { nodeId, certificate, chain: [], privateKey: KeyObject.from(keys.privateKey) };
  }
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

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { createReloadNode } from '#reload/node/create-node.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import { CertificatePublisher } from '#reload/usages/certificate/certificate-publisher.ts';
import { encode } from '#reload/wire/codec.ts';
import { KindId, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { encodeModelSpecifier, fetchReq } from '#reload/wire/fetch.ts';
import { hashToResourceId, type ResourceId } from '#reload/wire/ids.ts';
import { memoryStore } from '#store/memory-store.ts';
import { eventually } from '../support/eventually.ts';
import { createTestOverlay } from '../support/overlay.ts';

/** A loopback network of this suite's own, so that the capture holds nobody else's traffic. */
const ADDRESS = '127.77.0.1';
const CAPTURE_FILTER = 'net 127.77.0.0/16';

const reason = spawnSync('tshark', ['--version']).error
  ? 'tshark is not installed (apt-get install tshark)'
  : undefined;
const required = process.env.CI === 'true';
if (reason !== undefined && !required) console.warn(`tshark suite skipped: ${reason}`);

/** What Wireshark calls the messages of RFC 6940 by code. */
const EXPECTED_CODES = {
  probe: [1, 2],
  attach: [3, 4],
  store: [7, 8],
  fetch: [9, 10],
  find: [13, 14],
  join: [15, 16],
  leave: [17, 18],
  update: [19, 20],
  'route query': [21, 22],
  ping: [23, 24],
  stat: [25, 26],
  'application attach': [29, 30],
};

describe.skipIf(reason !== undefined && !required)('tshark as a judge of overlay traffic', () => {
  const directory = mkdtempSync(join(tmpdir(), 'copperring-tshark-'));
  const capture = join(directory, 'overlay.pcap');
  const keylogFile = join(directory, 'keys');
  let decoded: readonly { readonly code: number; readonly malformed: boolean; readonly frames: number }[] = [];

  beforeAll(async () => {
    const tshark = await startCapture(capture);
    try {
      await makeTraffic(keylogFile);
      await captured(capture);
    } finally {
      tshark.kill('SIGINT');
      await once(tshark, 'exit');
    }
    decoded = decode(capture, keylogFile, directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(Object.entries(EXPECTED_CODES))(
    'captured traffic holds %s requests and answers, none malformed',
    (_name, codes) => {
      for (const code of codes) {
        const messages = decoded.filter((one) => one.code === code);
        expect(messages.length, `messages with code ${code}`).toBeGreaterThan(0);
      }
    },
  );

  it('captured overlay traffic decodes without a malformed frame', () => {
    expect(decoded.length).toBeGreaterThan(100);
    expect(decoded.filter(({ malformed }) => malformed)).toEqual([]);
  });
});

async function startCapture(file: string): Promise<ChildProcess> {
  const args = ['-i', 'lo', '-q', '-w', file, '-f', CAPTURE_FILTER];
  const tshark = spawn('tshark', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  if (!tshark.stderr) throw new Error('tshark has no standard error');
  // It says so once the capture runs; packets before that would be lost.
  for await (const line of createInterface({ input: tshark.stderr })) if (line.includes('Capturing on')) break;
  return tshark;
}

/** The capture lags behind: waits until a datagram that was sent after all the traffic has come into the file. */
async function captured(file: string): Promise<void> {
  const mark = randomBytes(16);
  const socket = createSocket('udp4');
  try {
    await eventually(() => {
      socket.send(mark, 9, ADDRESS);
      return readFileSync(file).includes(mark);
    });
  } finally {
    socket.close();
  }
}

/** Four peers and one that comes and goes, and every request that RFC 6940 knows. */
async function makeTraffic(keylogFile: string): Promise<void> {
  const overlay = await createTestOverlay({ clock: systemClock });
  const nodes: ReloadNode[] = [];
  const start = async (user: string) => {
    const identity = await overlay.identity(user);
    const deps = { identity, configuration: overlay.source, store: memoryStore(), log: silentLogger };
    const bootstrapNodes = nodes[0]?.listening.flatMap((at) => (at.type === 'unknown' ? [] : [at])) ?? [];
    const node = createReloadNode(
      { ...deps, clock: systemClock, random: systemRandom },
      {
        mode: 'peer',
        listen: { host: ADDRESS, port: 0 },
        bootstrapNodes,
        foundRing: nodes.length === 0,
        tls: { bindAddresses: [ADDRESS], advertise: [ADDRESS], keylogFile },
      },
    );
    await node.start();
    nodes.push(node);
    const publisher = new CertificatePublisher({
      records: node.records,
      certificate: identity.certificate,
      clock: systemClock,
      log: silentLogger,
    });
    await publisher.start();
    return node;
  };
  const a = await start('a');
  const b = await start('b');
  await start('c');
  const d = await start('d');
  const resource = hashToResourceId(Buffer.from(a.nodeId, 'hex'));
  await b.queries.ping([nodeDestination(d.nodeId)]);
  await b.queries.probe([nodeDestination(d.nodeId)]);
  // Node-IDs are random: of two peers one at least has to ask another for this resource.
  for (const node of [b, d]) await readRecord(node, resource);
  await b.queries.routeQuery(a.nodeId, resourceDestination(resource));
  const taken = new Promise((resolve) => a.onAppAttach(5060, resolve));
  const connection = await d.appAttach([nodeDestination(a.nodeId)], 5060, AbortSignal.timeout(5000));
  await taken;
  connection.stream.destroy();
  for (const node of nodes.toReversed()) await node.stop();
}

/** Fetch, Find and Stat of the certificates at a resource. */
async function readRecord(node: ReloadNode, resource: ResourceId): Promise<void> {
  const kind = KindId.certificateByNode;
  await node.records.fetch({ resource, kind });
  await node.queries.find(resource, [kind]);
  const modelSpecifier = encodeModelSpecifier({ model: 'array', indices: [{ first: 0, last: 7 }] });
  await node.exchange.request({
    destination: [resourceDestination(resource)],
    code: MessageCode.statReq,
    body: encode(fetchReq, { resource, specifiers: [{ kind, generation: 0n, modelSpecifier }] }),
  });
}

/** Lets tshark read the capture: every port that took a connection speaks TLS with RELOAD framing inside. */
function decode(capture: string, keys: string, directory: string) {
  const run = (args: readonly string[]) =>
    execFileSync('tshark', ['-r', capture, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const servers = run(['-Y', 'tcp.flags.syn==1 && tcp.flags.ack==1', '-T', 'fields', '-e', 'tcp.srcport']);
  const ports = [...new Set(servers.trim().split('\n'))];
  const script = join(directory, 'reload_tls.lua');
  writeFileSync(
    script,
    [
      // Wireshark's dissector takes one frame; a TLS record may hold an ACK and a message.
      'local framing = Dissector.get("reload-framing") or Dissector.get("reload-framing-tcp")',
      'local stream = Proto("reload_stream", "RELOAD frames in a stream")',
      'local function length(tvb, pinfo, offset)',
      '  if tvb(offset, 1):uint() == 0x81 then return 9 end',
      '  return 8 + tvb(offset + 5, 3):uint()',
      'end',
      'local function frame(tvb, pinfo, tree) return framing:call(tvb, pinfo, tree) end',
      'function stream.dissector(tvb, pinfo, tree)',
      '  dissect_tcp_pdus(tvb, tree, 8, length, frame)',
      '  return tvb:len()',
      'end',
      ...ports.map((port) => `DissectorTable.get("tls.port"):add(${port}, stream)`),
      '',
    ].join('\n'),
  );
  const fields = run([
    ...['-X', `lua_script:${script}`, '-o', `tls.keylog_file:${keys}`],
    ...ports.flatMap((port) => ['-d', `tcp.port==${port},tls`]),
    ...['-Y', 'reload || _ws.malformed', '-T', 'fields', '-E', 'separator=;', '-E', 'occurrence=a'],
    ...['-e', 'reload.message.code', '-e', '_ws.malformed', '-e', 'frame.number'],
  ]);
  return fields
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [codes = '', malformed = '', frame = ''] = line.split(';');
      return codes
        .split(',')
        .map((code) => ({ code: Number(code), malformed: malformed !== '', frames: Number(frame) }));
    });
}

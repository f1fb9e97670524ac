import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '#cli/program.ts';
import { loadConfig } from '#config/load.ts';
import { ControlServer, controlPath } from '#gateway/control.ts';
import { EventHub, type GatewayEvent } from '#gateway/events.ts';
import { reportTo } from '#gateway/mqtt-side.ts';
import { answerVoiceMail } from '#gateway/voice-mail/voice-mail-commands.ts';
import { VoiceMailSide } from '#gateway/voice-mail/voice-mail-side.ts';
import { readWav, writeWav } from '#media/wav.ts';
import { deviceDescription } from '#mqtt/home-assistant.ts';
import type { MqttReporter } from '#mqtt/reporter.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import { voice } from './line-caller.ts';
import { ALICE, FACTS } from './mailboxes.ts';

let directory: string;
let store: KeyValueStore | undefined;
let control: ControlServer | undefined;
let side: VoiceMailSide;
let events: GatewayEvent[];
let config: string;

/** Voice mail and control socket of a running node. */
async function start(): Promise<void> {
  const log = silentLogger;
  store = await openLmdbStore(join(directory, 'db'));
  const hub = new EventHub(log);
  hub.on((event) => events.push(event));
  const { voice_mail: options } = await loadConfig(config, {});
  side = new VoiceMailSide(
    { clock: systemClock, random: systemRandom, log, events: hub, store },
    { config: options, stateDirectory: directory },
  );
  await side.open();
  control = new ControlServer(controlPath(directory), (request) => answerVoiceMail(side, request));
  await control.start();
}

async function stop(): Promise<void> {
  await control?.stop();
  await side.stop();
  await store?.close();
  control = undefined;
  store = undefined;
}

beforeEach(async () => {
  events = [];
  directory = await mkdtemp(join(tmpdir(), 'copperring-commands-'));
  config = join(directory, 'copperring.toml');
  await writeFile(join(directory, 'pin'), '2718\n');
  await writeFile(
    config,
    `state = "${directory}"\n[[voice_mail.mailbox]]\nuser = "${ALICE}"\npin_file = "${join(directory, 'pin')}"\n`,
  );
  await start();
});
afterEach(async () => {
  if (store) await stop();
  await rm(directory, { recursive: true });
});

/** One command in this process, as if typed. */
async function run(...args: string[]) {
  const said = { output: '', errors: '' };
  const into = (name: keyof typeof said) =>
    ({
      write: (text: string) => {
        said[name] += text;
        return true;
      },
    }) as unknown as NodeJS.WriteStream;
  const deps = {
    environment: {},
    program: '',
    input: process.stdin,
    output: into('output'),
    errors: into('errors'),
    signal: new AbortController().signal,
  };
  const status = await runProgram(deps, ['voicemail', ...args, '--config', config]);
  return { status, ...said };
}

describe('copperring voicemail', () => {
  it('lists, exports and deletes messages of the running node', async () => {
    const { id } = await side.store.add(ALICE, voice(3), FACTS);
    const listed = await run('list');
    expect(listed.output).toMatch(new RegExp(`${ALICE}: 1 new, 0 heard\n  ${id} .* 3 s  new  \\+4930123456 \\(Ada\\)`));
    expect(JSON.parse((await run('list', '--json')).output)).toMatchObject([
      { user: ALICE, new: 1, messages: [{ id }] },
    ]);
    const file = join(directory, 'out.wav');
    expect((await run('export', id, file, '--user', ALICE)).status).toBe(0);
    expect(readWav(await readFile(file)).samples.length).toBe(24_000);
    expect((await run('delete', id, '--user', ALICE)).status).toBe(0);
    expect(side.store.list(ALICE)).toEqual([]);
    const wrong = await run('delete', id, '--user', ALICE);
    expect([wrong.status, wrong.errors]).toEqual([1, expect.stringContaining('there is no message')]);
    expect((await run('list', '--user', 'eve@home.example')).errors).toContain('has no mailbox here');
  });

  it('sets and takes back a greeting', async () => {
    const file = join(directory, 'greeting.wav');
    await writeFile(file, writeWav(Int16Array.from({ length: 70 * 8000 }, (_, i) => 5000 * Math.sin(i / 5))));
    expect((await run('greeting', file, '--user', ALICE)).status).toBe(0);
    // Cut to a minute.
    expect((await side.store.greeting(ALICE))?.length).toBe(480_000);
    expect((await run('greeting', '--user', ALICE)).status).toBe(0);
    expect(await side.store.greeting(ALICE)).toBeUndefined();
    await writeFile(file, 'no sound');
    expect((await run('greeting', file, '--user', ALICE)).errors).toContain('not a usable WAV file');
  });

  it('sets a PIN, which never stands in a command line', async () => {
    await writeFile(join(directory, 'new'), '314159\n');
    expect((await run('pin', '--user', ALICE, '--pin-file', join(directory, 'new'))).status).toBe(0);
    await writeFile(join(directory, 'new'), 'abc\n');
    expect((await run('pin', '--user', ALICE, '--pin-file', join(directory, 'new'))).errors).toContain(
      '4 to 12 digits',
    );
  });

  it('lists and exports while the node is not running, too', async () => {
    const { id } = await side.store.add(ALICE, voice(3), FACTS);
    await side.store.markHeard(ALICE, id);
    await stop();
    expect((await run('list')).output).toContain(`${ALICE}: 0 new, 1 heard\n  ${id}`);
    const file = join(directory, 'out.wav');
    expect((await run('export', id, file, '--user', ALICE)).status).toBe(0);
    expect(readWav(await readFile(file)).samples.length).toBe(24_000);
    expect((await run('delete', id, '--user', ALICE)).errors).toContain('no copperring process is running');
  });
});

describe('voice mail at the broker', () => {
  it('is told as a state of all mailboxes, and as an event for each new message', async () => {
    const told: unknown[] = [];
    const reporter = {
      call: () => {},
      voiceMail: (report: unknown) => told.push(report),
      event: (report: unknown) => told.push(report),
    } as unknown as MqttReporter;
    const report = reportTo(reporter, []);
    const { id } = await side.store.add(ALICE, voice(3), FACTS);
    await side.store.markHeard(ALICE, id);
    for (const event of events) report(event);
    expect(told).toEqual([
      { new: 0, total: 0, mailboxes: { [ALICE]: { new: 0, total: 0 } } },
      { new: 1, total: 1, mailboxes: { [ALICE]: { new: 1, total: 1 } } },
      { event_type: 'message', user: ALICE, new: 1 },
      { new: 0, total: 1, mailboxes: { [ALICE]: { new: 0, total: 1 } } },
    ]);
  });

  it('is a sensor in Home Assistant where there are mailboxes', () => {
    const options = { id: 'pi', base: 'copperring/pi', eventTypes: [], commands: false };
    expect(JSON.stringify(deviceDescription(options))).not.toContain('voice_mail');
    expect(deviceDescription({ ...options, voiceMail: true })).toMatchObject({
      components: { voice_mail: { state_topic: 'copperring/pi/voicemail', value_template: '{{ value_json.new }}' } },
    });
  });
});

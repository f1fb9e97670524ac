import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConfigFault, loadConfig, stateDirectory } from '#config/load.ts';
import { parseHostPort, printHostPort } from '#config/values.ts';
import type { Failure } from '#platform/failure.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'copperring-config-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function load(toml: string, environment: Record<string, string> = {}) {
  const file = join(directory, 'copperring.toml');
  await writeFile(file, toml);
  return loadConfig(file, environment);
}

async function faultOf(promise: Promise<unknown>): Promise<Failure<ConfigFault>> {
  return promise.then(
    () => expect.unreachable('the configuration was accepted'),
    (thrown) => thrown,
  );
}

const GATEWAY = `
roles = ["gateway", "proxy"]
[overlay]
name = "Home.Example"
listen = "[::1]:0"
[overlay.timers]
update_seconds = 5
[line]
device = "/dev/copperring-line"
country = "DE"
number = "+4930123456"
rings = ["alice@home.example"]
[[dial_plan.allow]]
callers = ["*@home.example"]
prefixes = ["+49"]
[[phones]]
user = "alice@home.example"
password = "secret"
[sip]
rtp_ports = [10000, 10100]
[mqtt]
url = "mqtt://localhost"
`;

describe('the configuration', () => {
  it('reads a gateway with everything else by default', async () => {
    const config = await load(GATEWAY);
    expect(config.overlay).toMatchObject({
      name: 'home.example',
      listen: { host: '::1', port: 0 },
    });
    expect(config.overlay.timers.update_seconds).toBe(5);
    expect(config.lines).toMatchObject([{ name: 'line', country: 'DE', serves: ['+'], ring_seconds: 60 }]);
    expect(config.dial_plan).toMatchObject({ international: false, emergency: false, calls_per_hour: 20 });
    expect(config.sip).toMatchObject({ listen: { host: '127.0.0.1', port: 5060 }, rtp_ports: [10_000, 10_100] });
    expect(config.mqtt).toMatchObject({ prefix: 'copperring', commands: false });
  });

  it('is complete without a file, and then knows nothing of MQTT or a line', async () => {
    const config = await loadConfig(undefined, {});
    expect(config.roles).toEqual(['peer']);
    expect(config.mqtt).toBeUndefined();
    expect(config.lines).toEqual([]);
  });

  it('lets the environment override the file, as TOML where it is TOML', async () => {
    const config = await load(GATEWAY, {
      COPPERRING_SIP__LISTEN: '127.0.0.1:5070',
      COPPERRING_DIAL_PLAN__CALLS_PER_HOUR: '3',
      COPPERRING_ROLES: '["gateway", "proxy", "bootstrap"]',
      COPPERRING_STATE: '/srv/copperring',
      HOME: '/root',
    });
    expect(config.sip.listen.port).toBe(5070);
    expect(config.dial_plan.calls_per_hour).toBe(3);
    expect(config.roles).toContain('bootstrap');
    expect(stateDirectory(config, {})).toBe('/srv/copperring');
    expect(stateDirectory({ state: undefined }, { XDG_DATA_HOME: '/data' })).toBe('/data/copperring');
  });

  it('lists every fault at once, with its path and what to do', async () => {
    const failure = await faultOf(
      load(`
roles = ["gateway", "switchboard"]
colour = "red"
[overlay]
listen = "nowhere"
[overlay.timers]
ping = 1
[line]
country = "XX"
number = "030 123456"
ring_seconds = 1
[[dial_plan.allow]]
callers = []
prefixes = ["49"]
[sip]
rtp_ports = [20, 10]
[mqtt]
url = "http://localhost"
`),
    );
    expect(failure.fault.code).toBe('invalid');
    const problems = new Map(failure.fault.problems.map(({ path, advice }) => [path, advice]));
    expect(Array.from(problems.keys()).sort()).toEqual([
      'colour',
      'dial_plan.allow[0].callers',
      'dial_plan.allow[0].prefixes[0]',
      'line.country',
      'line.number',
      'line.ring_seconds',
      'mqtt.url',
      'overlay.listen',
      'overlay.timers.ping',
      'roles[1]',
      'sip.rtp_ports',
      'sip.rtp_ports[0]',
      'sip.rtp_ports[1]',
    ]);
    expect(problems.get('colour')).toMatch(/no such setting/);
    expect(problems.get('line.country')).toMatch(/^give one of AO, AR, AT, .*, ZA$/);
    expect(problems.get('line.ring_seconds')).toBe('give at least 5');
    expect(problems.get('line.number')).toMatch(/E\.164/);
    for (const path of problems.keys()) expect(failure.message).toContain(`\n  ${path}: `);
  });

  it('finds settings that contradict each other', async () => {
    const failure = await faultOf(
      load(`
roles = ["peer", "client", "gateway", "enrollment"]
[line]
emulated = true
device = "/dev/ttyACM0"
[[phones]]
user = "a@b.example"
password = "x"
[[phones]]
user = "a@B.example"
password = "x"
`),
    );
    expect(failure.fault.problems.map(({ path }) => path)).toEqual([
      'roles',
      'line.emulated',
      'phones',
      'enrollment.directory',
      'phones[1].user',
    ]);
    expect((await faultOf(load('roles = ["gateway"]'))).fault.problems[0]?.path).toBe('line');
  });

  it('takes one line or several, and tells the faults of either by its own path', async () => {
    const two = await load('[[line]]\nname = "a"\ndevice = "/dev/a"\n[[line]]\nname = "b"\nemulated = true\n');
    expect(two.lines.map(({ name }) => name)).toEqual(['a', 'b']);
    const paths = async (toml: string, environment: Record<string, string> = {}) =>
      (await faultOf(load(toml, environment))).fault.problems.map(({ path }) => path);
    expect(await paths('[line]\ncolour = 1\n')).toEqual(['line.colour']);
    expect(await paths('[line]\n')).toEqual(['line.device']);
    expect(await paths('[[line]]\nemulated = true\n[[line]]\ncolour = 1\n')).toEqual(['line[1].colour']);
    const sound = (device: string) => `audio_device = "${device}"\n`;
    const mobile = `[[line]]\ndevice = "/dev/a"\n${sound('/dev/b')}`;
    expect((await load(mobile)).lines[0]?.audio_device).toBe('/dev/b');
    expect(await paths(`[[line]]\nemulated = true\n${sound('/dev/b')}`)).toEqual(['line[0].audio_device']);
    expect(await paths(`[[line]]\ndevice = "/dev/a"\n${sound('/dev/a')}`)).toEqual(['line[0].audio_device']);
    expect(await paths(`${mobile}[[line]]\nname = "b"\ndevice = "/dev/b"\n`)).toEqual(['line[1].device']);
    expect(await paths('[[line]]\ndevice = "/dev/a"\n[[line]]\ndevice = "/dev/a"\n')).toEqual([
      'line[1].name',
      'line[1].device',
    ]);
    expect((await load('[line]\nemulated = true\n', { COPPERRING_LINE__COUNTRY: 'DE' })).lines[0]?.country).toBe('DE');
    expect(await paths('[[line]]\nemulated = true\n', { COPPERRING_LINE__COUNTRY: 'DE' })).toEqual(['line.country']);
  });

  it('says where a file is not TOML, not there or too large', async () => {
    expect((await faultOf(load('roles = [\n'))).fault.code).toBe('not-toml');
    expect((await faultOf(loadConfig(join(directory, 'absent.toml'), {}))).fault.code).toBe('unreadable');
    expect((await faultOf(load(`# ${'x'.repeat(1_000_000)}`))).message).toContain('1000000 bytes');
  });

  it('never puts a password into a fault', async () => {
    const failure = await faultOf(load('[[phones]]\nuser = "a"\npassword = "hunter2"\nextra = "hunter2"\n'));
    expect(failure.message).not.toContain('hunter2');
  });

  it('accepts the file that ships for the Pi', async () => {
    const config = await loadConfig(resolve('firmware-config/copperring.toml'), {});
    expect(config).toMatchObject({
      roles: ['peer', 'gateway'],
      lines: [{ device: '/dev/copperring-line', country: 'DE' }],
    });
    expect(config.dial_plan.allow).toHaveLength(1);
  });

  it('takes addresses apart and prints them', () => {
    for (const text of ['127.0.0.1:5060', '[::1]:0', 'gw.example:65535'])
      expect(printHostPort(parseHostPort(text)!)).toBe(text);
    for (const text of ['5060', ':5060', '::1:5060', '[::1]', '[zz]:1', 'a:65536', 'a b:1', 'a:-1'])
      expect(parseHostPort(text)).toBeUndefined();
  });
});

import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Program, runToEnd } from '../../cli/program.ts';
import { parseTranscripts } from './replay.ts';

let folder = '';
let gateway: Program | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copperring-profiles-'));
});
afterEach(async () => {
  await gateway?.end('SIGKILL');
  gateway = undefined;
  await rm(folder, { recursive: true });
});

function run(settings: Readonly<Record<string, string>>): Program {
  const environment = { COPPERRING_STATE: folder, COPPERRING_SIP__LISTEN: '127.0.0.1:0', ...settings };
  return new Program(['run', '--json-events'], { environment, input: 'open' });
}

const ask = async (...args: string[]) => {
  const { output, errors, status } = await runToEnd([...args, '--state', folder, '--json']);
  expect(errors).toBe('');
  expect(status).toBe(0);
  return output;
};

describe('a running gateway', () => {
  it('shows profile and half duplex in its status and in the record of a call, and keeps a masked transcript', async () => {
    const transcript = join(folder, 'modem.jsonl');
    gateway = run({
      COPPERRING_LINE__PROFILE: 'generic-half-duplex',
      COPPERRING_LINE__TRANSCRIPT: transcript,
      COPPERRING_DIAL_PLAN__ALLOW: '[{ callers = ["*"], prefixes = ["+"] }]',
    });
    await gateway.event('ready');
    expect(JSON.parse(await ask('status')).lines).toMatchObject([
      { state: 'idle', traits: { profile: 'generic-half-duplex', duplex: 'half' } },
    ]);
    // The node speaks with a tone the whole time, so by turns it is hardly ever silent.
    const call = JSON.parse(await ask('call', '+12025550123', '--seconds', '4'));
    expect(call.seconds).toBeGreaterThan(3.5);
    const [record] = (await ask('calls')).split('\n').map((line) => JSON.parse(line));
    expect(record).toMatchObject({ callee: '+12025550123', outcome: 'answered', halfDuplex: true });
    const { status } = await gateway.end('SIGINT');
    gateway = undefined;
    expect(status).toBe(0);

    const text = await readFile(transcript, 'utf8');
    expect(text).not.toContain('2025550123');
    const [first] = parseTranscripts(text);
    const said = first?.entries.flatMap((entry) => ('to' in entry ? [entry.to] : [])) ?? [];
    expect(said).toContain('AT+VTX');
    expect(said).not.toContain('AT+VTR');
    expect(said.at(-1)).toBe('AT+FCLASS=0');
    expect(text).not.toContain('"begin"');
  });

  it("takes a user's own profile from the folder, and does not start with one that is wrong or not there", async () => {
    const profiles = join(folder, 'modems');
    await mkdir(profiles);
    await writeFile(join(profiles, 'mine.toml'), 'name = "mine"\ntitle = "Mine"\n[[match]]\nfmi = ["Copperring"]\n');
    gateway = run({ COPPERRING_LINE__PROFILES: profiles });
    await gateway.event('ready');
    expect(JSON.parse(await ask('status')).lines).toMatchObject([{ traits: { profile: 'mine', duplex: 'full' } }]);
    await gateway.end('SIGINT');
    gateway = undefined;

    await copyFile(join(profiles, 'mine.toml'), join(profiles, 'twice.toml'));
    const twice = await run({ COPPERRING_LINE__PROFILES: profiles }).outcome();
    expect(twice.status).toBe(1);
    expect(twice.errors).toContain('mine: two files have this name');
    const unknown = await run({ COPPERRING_LINE__PROFILE: 'nothing' }).outcome();
    expect(unknown.status).toBe(1);
    expect(unknown.errors).toContain('there is no such modem profile; give one of');
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const program = resolve('dist/copperring.mjs');

interface Outcome {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

describe('the command line', () => {
  let directory: string;
  const children: ChildProcess[] = [];

  function start(args: readonly string[], environment: Record<string, string> = {}): ChildProcess {
    const env = { PATH: process.env.PATH, COPPERRING_STATE: join(directory, 'state'), ...environment };
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    children.push(child);
    return child;
  }

  async function finish(child: ChildProcess): Promise<Outcome> {
    let output = '';
    let errors = '';
    child.stdout?.on('data', (bytes) => {
      output += bytes;
    });
    child.stderr?.on('data', (bytes) => {
      errors += bytes;
    });
    child.stdin?.end();
    const [status] = await once(child, 'close');
    return { status, output, errors };
  }

  const run = (...args: string[]) => finish(start(args));

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'copperring-cli-'));
  });
  afterEach(() => {
    for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('runs on its own defaults, tells how to register and what to dial, and ends with status 0 at Ctrl-C', async () => {
    const child = start(['run'], { COPPERRING_SIP__LISTEN: '127.0.0.1:0' });
    const lines: string[] = [];
    if (child.stdout === null) throw new Error('no output');
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.startsWith('Ctrl-C')) child.kill('SIGINT');
    }
    const status = child.exitCode ?? (await once(child, 'close'))[0];
    const text = lines.join('\n');
    expect(status).toBe(0);
    expect(text).toMatch(/telephone line is EMULATED/);
    expect(text).toMatch(/SIP phones register at 127\.0\.0\.1:\d+/);
    expect(text).toMatch(/user alice, password [a-z2-9]{12}, domain home\.example/);
    expect(text).toMatch(/Then dial/);
    expect(text).toMatch(/line {6}emulated-line \(emulated\): idle/);
    expect(text).toMatch(/withdrawn: stopping/);
  });

  it('prints events as JSON for a parent process, answers status meanwhile, and keeps its identity over a restart', async () => {
    const nodes: string[] = [];
    for (let round = 0; round < 2; round++) {
      const child = start(['run', '--json-events'], { COPPERRING_SIP__LISTEN: '127.0.0.1:0' });
      if (child.stdout === null) throw new Error('no output');
      for await (const line of createInterface({ input: child.stdout })) {
        const event = JSON.parse(line);
        if (event.event !== 'ready') continue;
        nodes.push(event.nodeId);
        const { output, status } = await run('status', '--json');
        expect(status).toBe(0);
        expect(JSON.parse(output)).toMatchObject({
          node: { nodeId: event.nodeId, joined: true },
          lines: [{ emulated: true, traits: { profile: 'generic-v253', duplex: 'full' } }],
        });
        const second = await finish(start(['run'], { COPPERRING_SIP__LISTEN: '127.0.0.1:0' }));
        expect(second).toMatchObject({ status: 1, errors: expect.stringContaining('another copperring process') });
        child.kill('SIGTERM');
      }
    }
    expect(nodes[1]).toBe(nodes[0]);
  });

  it('says why an overlay of its own could not be made, and ends with status 1', async () => {
    const state = join(directory, 'spoilt');
    await mkdir(state);
    await writeFile(join(state, 'overlay'), 'in the way');
    const { status, errors } = await finish(start(['run'], { COPPERRING_STATE: state }));
    expect(status).toBe(1);
    expect(errors).toMatch(/own overlay could not be made: .*overlay/);
  });

  it('lists every fault of a configuration and ends with status 1', async () => {
    const file = join(directory, 'bad.toml');
    await writeFile(file, 'roles = ["gateway"]\ncolour = 1\n[line]\ncountry = "XX"\n[sip]\nlisten = "x"\n');
    const { status, errors } = await run('run', '--config', file);
    expect(status).toBe(1);
    for (const path of ['colour', 'line.country', 'sip.listen']) expect(errors).toContain(`\n  ${path}: `);
  });

  it('says what to do when this node was never enrolled', async () => {
    const file = join(directory, 'peer.toml');
    await writeFile(file, 'roles = ["peer"]\n');
    const fresh = { COPPERRING_STATE: join(directory, 'fresh') };
    const { status, errors } = await finish(start(['run', '--config', file], fresh));
    expect([status, errors]).toEqual([1, expect.stringContaining('copperring enroll')]);
  });

  it('ends with status 1 when there is no running node to ask, and with 2 when the command line is wrong', async () => {
    expect(await run('status', '--state', join(directory, 'nowhere'))).toMatchObject({
      status: 1,
      errors: expect.stringContaining('no copperring process is running'),
    });
    expect((await run('frobnicate')).status).toBe(2);
    expect((await run('enroll')).status).toBe(2);
    expect(await run('--version')).toMatchObject({ status: 0, output: '0.1.0\n' });
  });

  it('decodes lines from standard input and reports failures by its status', async () => {
    const child = start(['decode']);
    child.stdin?.write('zz\n');
    const { status, output } = await finish(child);
    expect([status, JSON.parse(output).ok]).toEqual([1, false]);
  });
});

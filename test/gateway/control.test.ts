import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlServer, controlPath, controlRequest } from '#gateway/control.ts';

let directory: string;
let server: ControlServer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'copperring-control-'));
  server = new ControlServer(controlPath(directory), async (request) => {
    if (request.command === 'fail') throw new Error('it failed');
    return { echo: request };
  });
  await server.start();
});
afterEach(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

describe('the control socket', () => {
  it('answers the owner’s requests, and is open to nobody else', async () => {
    expect(await controlRequest(controlPath(directory), { command: 'status' })).toEqual({
      echo: { command: 'status' },
    });
    expect((await stat(controlPath(directory))).mode & 0o777).toBe(0o600);
  });

  it('passes the reason of a failure on', async () => {
    await expect(controlRequest(controlPath(directory), { command: 'fail' })).rejects.toThrow('it failed');
  });

  it('survives garbage and floods', async () => {
    const socket = connect(controlPath(directory));
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('garbage\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.write('x'.repeat(2_000_000));
    await closed;
    expect(await controlRequest(controlPath(directory), { command: 'status' })).toBeDefined();
  });

  it('refuses a second process on one state directory, and takes over from one that died', async () => {
    const second = new ControlServer(controlPath(directory), async () => ({}));
    await expect(second.start()).rejects.toThrow(/another copperring process/);
    await server.stop();
    await expect(controlRequest(controlPath(directory), {})).rejects.toThrow(/no copperring process/);
    await second.start();
    await second.stop();
  });

  it('finds a short path for a long state directory', () => {
    expect(controlPath(`/${'long/'.repeat(40)}`).length).toBeLessThan(100);
  });
});

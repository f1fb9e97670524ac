import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlServer, controlPath, controlRequest } from '#gateway/control.ts';

let directory: string;
let server: ControlServer;
/** Lets the requests go on that have to wait. */
let waiting: (() => void)[];
beforeEach(async () => {
  waiting = [];
  directory = await mkdtemp(join(tmpdir(), 'copperring-control-'));
  server = new ControlServer(controlPath(directory), async (request) => {
    if (request.command === 'fail') throw new Error('it failed');
    if (request.command === 'wait') await new Promise<void>((resolve) => waiting.push(resolve));
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

  it('serves 32 connections at a time, and closes further ones', async () => {
    const sockets = Array.from({ length: 32 }, () => connect(controlPath(directory)));
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.write('{}\n');
      await new Promise((resolve) => socket.once('data', resolve));
    }
    await expect(controlRequest(controlPath(directory), {})).rejects.toThrow();
    sockets[0]?.end();
    await new Promise((resolve) => sockets[0]?.once('close', resolve));
    expect(await controlRequest(controlPath(directory), { command: 'status' })).toBeDefined();
    for (const socket of sockets) socket.destroy();
  });

  it('handles 16 requests of a connection at a time, any number in turn, and closes one that sends more', async () => {
    const patient = connect(controlPath(directory));
    const impatient = connect(controlPath(directory));
    for (const socket of [patient, impatient]) socket.on('error', () => {});
    const answers = createInterface({ input: patient })[Symbol.asyncIterator]();
    for (let round = 0; round < 3; round++) {
      patient.write('{}\n'.repeat(16));
      for (let i = 0; i < 16; i++) expect(JSON.parse((await answers.next()).value ?? '')).toMatchObject({ ok: true });
    }
    const closed = new Promise((resolve) => impatient.once('close', resolve));
    impatient.write('{"command":"wait"}\n'.repeat(1000));
    await closed;
    expect(waiting).toHaveLength(16);
    for (const goOn of waiting) goOn();
    patient.destroy();
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

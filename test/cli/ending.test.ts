import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestPhone } from '../gateway/phone.ts';
import { Program } from './program.ts';

describe('how the program ends', () => {
  it.each(['decode', 'encode'])('%s ends at Ctrl-C while it waits for input', async (command) => {
    const waiting = new Program([command], { input: 'open' });
    waiting.child.stdin?.write('{}\n');
    await waiting.line(/"ok":false/);
    expect((await waiting.end('SIGINT')).status).toBe(1);
  });

  it('a gateway stops in order when nobody reads its output any more', async () => {
    const state = await mkdtemp(join(tmpdir(), 'copperring-ending-'));
    const environment = { COPPERRING_STATE: state, COPPERRING_SIP__LISTEN: '127.0.0.1:0' };
    const gateway = new Program(['run'], { environment });
    const [, proxy = ''] = await gateway.line(/^SIP phones register at (\S+)/);
    const [, password = ''] = await gateway.line(/password (\S+),/);
    gateway.child.stdout?.destroy();
    const phone = new TestPhone({ user: 'alice@home.example', password, proxy });
    // What it has to tell of this finds no reader.
    await phone.register();
    const { status, errors } = await gateway.outcome();
    await phone.stack.stop();
    await rm(state, { recursive: true });
    expect([status, errors]).toEqual([0, '']);
  });
});

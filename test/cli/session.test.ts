import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sameTone } from '#demo/report.ts';
import { controlPath, controlRequest } from '#gateway/control.ts';
import { heardHz, talk } from '../gateway/events.ts';
import { TestPhone } from '../gateway/phone.ts';
import { Program, runToEnd } from './program.ts';

/** What a user does after `npm start`, with a phone of the user's own. */
describe('a session with the program on its own defaults', () => {
  let state: string;
  let gateway: Program;
  let phone: TestPhone;

  const environment = () => ({ COPPERRING_STATE: state, COPPERRING_SIP__LISTEN: '127.0.0.1:0' });
  const command = (...args: string[]) => runToEnd(args, { environment: environment() });
  const calls = () => controlRequest(controlPath(state), { command: 'calls' });

  async function start(): Promise<void> {
    gateway = new Program(['run'], { environment: environment() });
    await gateway.line(/^Ctrl-C/);
  }

  beforeAll(async () => {
    state = await mkdtemp(join(tmpdir(), 'copperring-session-'));
    await start();
  });
  afterAll(async () => {
    await phone?.stack.stop();
    await gateway.end('SIGINT');
    await rm(state, { recursive: true });
  });

  it('lets a phone register with what it printed, and says so', async () => {
    const [, proxy = ''] = await gateway.line(/^SIP phones register at (\S+)/);
    const [, name, password = '', domain] = await gateway.line(/user (\S+), password (\S+), domain (\S+)/);
    phone = new TestPhone({ user: `${name}@${domain}`, password, proxy });
    await phone.register();
    await gateway.line(/^phone {5}alice@home\.example: its registration is in the overlay/);
  });

  it('connects the number it told to dial with the emulated exchange, and prints the call and its digits', async () => {
    const [, number = ''] = await gateway.line(/^ {2}(\d{10}) or any other number/);
    const call = await phone.call(number);
    await gateway.line(/alice@home\.example calls \+12025550123 over the line: answered/);
    expect(heardHz(await talk(call, 880, 1000))).toBeCloseTo(523, -1);
    call.media.sendDigits('7');
    await Promise.all([talk(call, 880, 500), gateway.line(/digit 7 from the phone/)]);
    await call.hangUp();
    await gateway.line(/alice@home\.example calls \+12025550123 over the line: ended/);
  });

  it('R7890-2.4-02 answers status, discover and call from a second terminal', async () => {
    const status = await command('status');
    expect(status.output).toMatch(/^roles {5}peer, gateway, proxy;/);
    expect(status.output).toMatch(/^line {6}emulated-line \(emulated\): idle .*; published$/m);
    expect(status.output).toMatch(/^phone {5}alice@home\.example: registered, published$/m);
    const calling = command('call', 'alice@home.example', '--seconds', '1', '--tone', '600', '--json');
    const incoming = await phone.nextCall();
    expect(incoming.assertedIdentity).toContain('gw1@pstn.home.example');
    const call = await incoming.answer();
    expect(heardHz(await talk(call, 1200, 900))).toBeCloseTo(600, -1);
    const placed = await calling;
    expect(placed.status).toBe(0);
    expect(JSON.parse(placed.output)).toMatchObject({ answered: true, end: expect.any(String) });
    expect(sameTone(JSON.parse(placed.output).heardHz, 1200), placed.output).toBe(true);
    expect(await command('discover', '+12025550123')).toMatchObject({ status: expect.any(Number), errors: '' });
    expect(await command('call', 'nobody@home.example')).toMatchObject({
      status: 1,
      errors: expect.stringContaining('nobody@home.example cannot be called: 480'),
    });
  });

  it('ends with status 0 at Ctrl-C in the middle of a call, and hangs that call up', async () => {
    const call = await phone.call('2025550123');
    const ending = gateway.end('SIGINT');
    expect((await call.ended).by).toBe('remote');
    expect(await ending).toMatchObject({ status: 0, output: expect.stringMatching(/withdrawn: stopping/) });
    // Its registrar is gone: unregistering would take half a minute to fail.
    await phone.stack.stop();
  });

  it('still has the records of its calls after a restart', async () => {
    await start();
    expect(await calls()).toMatchObject({
      calls: [
        { direction: 'to-line', caller: 'alice@home.example', callee: '+12025550123' },
        { direction: 'to-line', caller: 'alice@home.example', callee: '+12025550123', end: 'phone: hung up' },
      ],
    });
  });
});

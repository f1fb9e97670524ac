import { PassThrough } from 'node:stream';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { runProgram } from '#cli/program.ts';
import { checkConfig } from '#config/check.ts';
import { readPinHash } from '#gateway/calls/pin-hash.ts';
import { matchesPassword } from '#reload/enrollment/password.ts';

async function run(args: readonly string[], input: string) {
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  streams.input.end(input);
  const deps = { ...streams, environment: {}, program: '', signal: new AbortController().signal };
  const status = await runProgram(deps as never, args);
  const text = (stream: PassThrough) => String(stream.read() ?? '');
  return { status, output: text(streams.output), errors: text(streams.errors) };
}

describe('copperring pin', () => {
  it('prints what the configuration takes, and nothing of the PIN', async () => {
    const { status, output } = await run(['pin', '--name', 'family', '--from', 'line'], '271828\n');
    expect(status).toBe(0);
    expect(output).not.toContain('271828');
    const checked = checkConfig(parse(output));
    if (!('config' in checked)) throw new Error(JSON.stringify(checked.problems));
    const [pin] = checked.config.pins;
    expect(pin).toMatchObject({ name: 'family', from: ['line'] });
    expect(await matchesPassword('271828', readPinHash(pin!.hash))).toBe(true);
    expect(await matchesPassword('271829', readPinHash(pin!.hash))).toBe(false);
  });

  it('refuses PINs that are short or no digits, and wants to know who may enter them', async () => {
    expect(await run(['pin', '--name', 'x', '--from', 'line'], '1234\n')).toMatchObject({ status: 1, output: '' });
    expect(await run(['pin', '--name', 'x', '--from', 'line'], 'secret\n')).toMatchObject({ status: 1, output: '' });
    expect(await run(['pin', '--name', 'x'], '271828\n')).toMatchObject({ status: 2, output: '' });
  });
});

import { describe, expect, it } from 'vitest';
import { vectorsOf } from '../vectors/reload-vectors.ts';
import { MODELS } from './json-lines.ts';
import { runToEnd } from './program.ts';

const models = (MODELS.kindModel ?? []).flatMap((model) => ['--kind-model', model]);

describe('decode and encode as programs', () => {
  it.each([
    ['message', models],
    ['frame', []],
    ['value', []],
  ] as const)('take every %s of the vectors from hex to JSON and back', async (layer, options) => {
    const hex = vectorsOf(layer).map((vector) => vector.hex);
    const decoded = await runToEnd(['decode', '--layer', layer, ...options], { input: `${hex.join('\n')}\n` });
    const results = decoded.output.split('\n').map((line) => JSON.parse(line));
    expect(decoded.status).toBe(0);
    expect(results.map(({ ok, reencodes }) => ok && reencodes)).toEqual(hex.map(() => true));
    const encoded = await runToEnd(['encode'], { input: `${decoded.output}\n` });
    expect([encoded.status, encoded.output.split('\n')]).toEqual([0, hex]);
  });

  it('tell errors in their lines and in their exit status, and go on behind them', async () => {
    const [good] = vectorsOf('message');
    const decoded = await runToEnd(['decode'], { input: `00\n${good?.hex}\n` });
    const [bad, fine] = decoded.output.split('\n').map((line) => JSON.parse(line));
    expect(decoded.status).toBe(1);
    expect(bad).toMatchObject({ ok: false, error: expect.any(String), at: expect.any(String) });
    expect(fine).toMatchObject({ ok: true });
    const encoded = await runToEnd(['encode'], { input: `{"ok":true}\n${JSON.stringify(fine)}\n` });
    expect([encoded.status, encoded.output.split('\n')[1]]).toEqual([1, good?.hex]);
  });
});

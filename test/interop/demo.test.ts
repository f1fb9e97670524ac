import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DemoReport, sameTone } from '#demo/report.ts';

const program = resolve('dist/copperring.mjs');
const LIMIT_MS = 120_000;

const hasBaresip = !spawnSync('baresip', ['-h'], { stdio: 'ignore' }).error;
const withBaresip = hasBaresip || process.env.CI === 'true';
if (!withBaresip) console.warn('SKIPPED: baresip is not installed (apt-get install baresip-core)');

interface Run {
  readonly status: number | null;
  readonly lines: readonly string[];
  /** When each line came, ms after the start. */
  readonly at: readonly number[];
  readonly errors: string;
}

async function runDemo(path = process.env.PATH): Promise<Run> {
  const lines: string[] = [];
  const at: number[] = [];
  let errors = '';
  const startedAt = performance.now();
  const child = spawn(process.execPath, [program, 'demo', '--json'], {
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.on('data', (bytes) => {
    errors += bytes;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    at.push(performance.now() - startedAt);
  });
  const [status] = await once(child, 'close');
  return { status, lines, at, errors };
}

/** The report, or what went wrong instead. */
function reportOf({ lines, errors }: Run): DemoReport {
  try {
    return JSON.parse(lines.at(-1) ?? '');
  } catch {
    throw new Error(`the demo printed no report:\n${lines.join('\n')}\n${errors}`);
  }
}

/** PATH without the folders that hold baresip; what else they hold is linked into `directory`. */
function pathWithoutBaresip(directory: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const without = folders.filter((folder) => !existsSync(join(folder, 'baresip')));
  for (const folder of folders.filter((one) => !without.includes(one))) {
    for (const name of readdirSync(folder)) {
      if (name !== 'baresip' && !existsSync(join(directory, name))) {
        symlinkSync(join(folder, name), join(directory, name));
      }
    }
  }
  return [directory, ...without].join(delimiter);
}

/** What the demo told at its steps: the number that was dialled and the one that rang, in E.164. */
function drawnIn({ lines }: Run, act: string): string {
  return /\+\d{7,15}/.exec(lines.find((line) => line.includes(`s  ${act}`)) ?? '')?.[0] ?? '';
}

function itHeld(ran: () => Run): void {
  const report = () => reportOf(ran());

  it('(a) finds the gateway by number through ReDiR from another peer', () => {
    const { discovery } = report();
    expect(discovery).toMatchObject({
      namespace: expect.stringMatching(/^x-pstn-gateway:\+\d{1,3}$/),
      nodeId: expect.stringMatching(/^[0-9a-f]{32}$/),
      ms: expect.any(Number),
    });
  });

  it('(b) dials out from the phone: the exchange answers, each hears the tone of the other, and the digits arrive', () => {
    const { outbound } = report();
    expect(outbound.answered).toBe(true);
    expect(sameTone(outbound.phoneHeardHz, outbound.lineSentHz), JSON.stringify(outbound)).toBe(true);
    expect(sameTone(outbound.lineHeardHz, outbound.phoneSentHz), JSON.stringify(outbound)).toBe(true);
    expect(sameTone(outbound.phoneSentHz, outbound.lineSentHz)).toBe(false);
    expect(outbound.dtmfSent).toMatch(/^[0-9*#]{5}$/);
    expect(outbound.dtmf).toBe(outbound.dtmfSent);
    expect(outbound.setupMs).toBeGreaterThan(0);
    expect(outbound.setupMs).toBeLessThanOrEqual(1500);
  });

  it('(c) rings the phone with the caller ID of the line, joins both, and the exchange hangs up', () => {
    const { inbound } = report();
    expect(inbound.answered).toBe(true);
    expect(inbound.callerId.length).toBeGreaterThanOrEqual(7);
    expect(drawnIn(ran(), '(c)')).toContain(inbound.callerId.replace(/^\+?0*/, ''));
    expect(sameTone(inbound.phoneHeardHz, inbound.lineSentHz), JSON.stringify(inbound)).toBe(true);
    expect(sameTone(inbound.lineHeardHz, inbound.phoneSentHz), JSON.stringify(inbound)).toBe(true);
  });

  it('(d) kill -9 of the responsible peer during a call: the call goes on, every record is fetched through every survivor', () => {
    const { peerKilled } = report();
    expect(peerKilled).toMatchObject({ callSurvived: true, recordsLost: 0, missing: [] });
    expect(peerKilled.records).toBeGreaterThan(0);
  });

  it('(d) SIGSTOP of the responsible peer during a call: the call goes on, every record is fetched through every survivor', () => {
    const { peerStopped } = report();
    expect(peerStopped).toMatchObject({ callSurvived: true, recordsLost: 0, missing: [] });
    expect(peerStopped.records).toBeGreaterThan(0);
  });

  it('(e) restarts the gateway: same Node-ID, discovered again within 10 s', () => {
    const { gatewayRestart } = report();
    expect(gatewayRestart.sameNodeId).toBe(true);
    expect(gatewayRestart.rediscoveredMs).toBeLessThanOrEqual(10_000);
  });
}

describe.skipIf(!withBaresip)('npm run demo with an unmodified baresip', () => {
  let run: Run;
  beforeAll(async () => {
    run = await runDemo();
  }, LIMIT_MS);

  it('ends with status 0 within 90 s, prints the report as its last line, and names baresip in it', () => {
    const report = reportOf(run);
    expect({ status: run.status, faults: report.faults }).toEqual({ status: 0, faults: [] });
    expect(report).toMatchObject({ ok: true, phone: 'baresip', peers: 6 });
    expect(run.at.at(-1)).toBeLessThan(90_000);
  });

  it('shows its progress while it runs', () => {
    const steps = run.lines.filter((line) => /^ *\d+\.\d s {2}/.test(line));
    for (const act of ['(a)', '(b)', '(c)', '(d)', '(e)']) {
      expect(
        steps.some((step) => step.includes(act)),
        act,
      ).toBe(true);
    }
    const times = steps.map((step) => Number.parseFloat(step));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    // Told when it happens, not all at the end.
    const [first = 0, last = 0] = [run.at[0], run.at.at(-1)];
    expect(last - first).toBeGreaterThan(5000);
  });

  itHeld(() => run);
});

describe('npm run demo without baresip', () => {
  const directory = mkdtempSync(join(tmpdir(), 'copperring-path-'));
  let run: Run;
  beforeAll(async () => {
    run = await runDemo(pathWithoutBaresip(directory));
  }, LIMIT_MS);
  afterAll(() => rmSync(directory, { recursive: true }));

  it('takes the own phone of Copperring, says so in the report, and ends with status 0', () => {
    const report = reportOf(run);
    expect({ status: run.status, faults: report.faults }).toEqual({ status: 0, faults: [] });
    expect(report).toMatchObject({ ok: true, phone: 'copperring' });
  });

  itHeld(() => run);
});

/** Processes that have `text` in their environment. */
function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text);
    } catch {
      return false;
    }
  });
}

describe('npm run demo that is broken off', () => {
  it.each(['founding', 'enrolling', 'starting', 'registering', '(b)'])(
    'at "%s" ends with status 1, and leaves neither processes nor files',
    async (step) => {
      const directory = mkdtempSync(join(tmpdir(), 'copperring-broken-off-'));
      const env = { ...process.env, TMPDIR: directory };
      const child = spawn(process.execPath, [program, 'demo'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
      const lines = createInterface({ input: child.stdout });
      lines.on('line', (line) => line.includes(`s  ${step}`) && child.kill('SIGINT'));
      expect(await once(child, 'close')).toEqual([1, null]);
      expect(processesWith(directory)).toEqual([]);
      expect(readdirSync(directory)).toEqual([]);
      rmSync(directory, { recursive: true });
    },
  );
});

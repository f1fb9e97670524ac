import { SaxesParser } from 'saxes';
import { describe, expect, it, vi } from 'vitest';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { createTestOverlay } from '../support/overlay.ts';
import { KeyedSecurity } from './keyed-security.ts';
import { readArguments } from './scale/arguments.ts';
import { Deaths } from './scale/deaths.ts';
import { type Report, reportOf } from './scale/report.ts';
import { Scenario } from './scale/scenario.ts';
import { svgOf } from './scale/svg.ts';
import { sweepSvg, sweepTable } from './scale/sweep.ts';
import { tableOf } from './scale/table.ts';

interface Run {
  readonly scenario: Scenario;
  readonly report: Report;
}

async function simulate(line: string): Promise<Run> {
  const read = readArguments(line.split(' '));
  if (typeof read === 'number') throw new Error(`arguments refused: ${line}`);
  const scenario = await Scenario.create(read.scenario, () => {});
  await scenario.run();
  return { scenario, report: reportOf(scenario) };
}

function expectWellFormed(xml: string): void {
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw error;
  });
  parser.write(xml).close();
}

describe('the simulator', { timeout: 120_000 }, () => {
  it('finds every record of a calm ring within the hops that Chord promises', async () => {
    const { report, scenario } = await simulate('--peers 40 --seed calm --minutes 1 --lookups 200');
    const { lookups, ring, records } = report;
    expect(lookups).toMatchObject({ count: 200, rightAtFirstTry: 200, rightPercent: 100, readerDied: 0 });
    expect(lookups.meanHops).toBeGreaterThan(1);
    expect(lookups.meanHops).toBeLessThanOrEqual(lookups.hopsGoal);
    expect(lookups.hops.reduce((sum, count) => sum + count, 0)).toBe(200);
    expect(ring).toMatchObject({ peers: 40, isRight: true, meanRecords: 3 });
    expect(records).toEqual({ acknowledged: 40, refused: 0, lost: 0, lostWithoutExcuse: 0 });
    expect(report.maintenance.messagesPerSecond).toBeGreaterThan(0);
    expect(tableOf(report)).toMatch(/right +100 % of 200/);
    const svg = svgOf(scenario, report);
    expectWellFormed(svg);
    expect(svg.match(/M[\d.]+ [\d.]+h0/g)).toHaveLength(40);
  });

  it('comes to the same report for the same arguments, and to another for another seed', async () => {
    const line =
      '--peers 24 --minutes 1 --churn 5m --crash-share 70% --loss 2% --duplicate --reorder 5% --latency lognormal:40:0.6 --skew 3s --seed';
    const [one, again, other] = [await simulate(`${line} a`), await simulate(`${line} a`), await simulate(`${line} b`)];
    expect(JSON.stringify(again.report)).toBe(JSON.stringify(one.report));
    expect(JSON.stringify(other.report)).not.toBe(JSON.stringify(one.report));
    const { churn, lookups, records } = one.report;
    expect(churn?.crashes).toBeGreaterThan(0);
    expect(churn?.leaves).toBeGreaterThan(0);
    expect(churn?.joins).toBeGreaterThan(0);
    expect(lookups.rightPercent).toBeGreaterThan(90);
    expect(records.lostWithoutExcuse).toBe(0);
  });

  it('runs over links that carry datagrams, of which some are lost, doubled and overtaken', async () => {
    const { report } = await simulate(
      '--peers 24 --seed datagrams --minutes 1 --links datagram --loss 3% --duplicate 2% --reorder 2%',
    );
    expect(report.lookups.rightPercent).toBe(100);
    expect(report.records.lost).toBe(0);
    expect(report.ring.isRight).toBe(true);
    expect(tableOf(report)).toMatch(/links over datagrams/);
  });

  it('parts a ring into halves and tells when it is whole again', async () => {
    const { report } = await simulate('--peers 24 --seed parted --minutes 2 --partition 15s:1m --lookups 150');
    expect(report.partition?.ringSeconds).toBeGreaterThan(0);
    expect(report.partition?.recordsSeconds).toBeGreaterThanOrEqual(report.partition?.ringSeconds ?? 0);
    expect(report.lookupsWhileParted?.rightPercent).toBeLessThan(100);
    expect(report.ring.isRight).toBe(true);
    expect(report.records.lost).toBe(0);
    expect(tableOf(report)).toMatch(/one ring again after/);
  });

  it('takes a crowd of newcomers at once', async () => {
    const { report } = await simulate('--peers 20 --seed crowd --minutes 1 --flash-join 20');
    expect(report.flashJoin?.seconds).toBeGreaterThan(0);
    expect(report.ring).toMatchObject({ peers: 40, isRight: true });
  });

  it.each([
    ['drop', '25%'],
    ['misroute', '25%'],
    ['lie', '25%'],
    ['stale', '25%'],
    ['flood', '10%'],
  ])('lets some peers %s and tells how many lookups survive', async (vice, share) => {
    const { report } = await simulate(`--peers 24 --seed m --minutes 1 --lookups 100 --malicious ${vice}:${share}`);
    const { lookups, malicious } = report;
    expect(malicious?.[vice]).toBeGreaterThan(0);
    expect(lookups.rightAtFirstTry + lookups.rightAtRetry + lookups.wrong + lookups.failed).toBe(lookups.count);
    expect(lookups.rightPercent).toBeGreaterThan(30);
    if (vice === 'drop') expect(lookups.rightAtFirstTry).toBeLessThan(lookups.count);
    if (vice === 'stale') expect(lookups.wrong).toBeGreaterThan(0);
  });

  it('runs with real signatures just as well', async () => {
    const { report } = await simulate('--peers 12 --seed real --minutes 0.5 --signatures ecdsa');
    expect(report.signatures).toMatch(/ECDSA on P-256/);
    expect(report.lookups.rightPercent).toBe(100);
  });
});

describe('the arguments of the simulator', () => {
  it.each([
    ['--peers 1', /2 to 20000/],
    ['--peers 12.5', /whole number/],
    ['--loss 80%', /up to 50%/],
    ['--churn 30', /with its unit/],
    ['--latency gaussian:1', /uniform:5-25/],
    ['--partition 1m', /two times/],
    ['--partition 4m:3m --minutes 5', /within the measured phase/],
    ['--malicious steal:5%', /drop, misroute, lie, stale, flood/],
    ['--malicious drop:40%,lie:40%', /More than half/],
    ['--signatures none', /keyed, ecdsa/],
    ['--pears 3', /unknown option/],
  ])('%s is refused with a reason', (line, reason) => {
    const written: string[] = [];
    const keep = (text: unknown) => {
      written.push(String(text));
      return true;
    };
    const spies = [
      vi.spyOn(process.stderr, 'write').mockImplementation(keep),
      vi.spyOn(console, 'error').mockImplementation(keep),
    ];
    expect(readArguments(line.split(' '))).toBe(1);
    for (const spy of spies) spy.mockRestore();
    expect(written.join('')).toMatch(reason);
  });

  it('says what there is', () => {
    const out = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
    expect(readArguments(['--help'])).toBe(0);
    const help = out.mock.calls.join('');
    out.mockRestore();
    for (const option of ['--churn', '--partition', '--malicious', '--sweep', '--json']) expect(help).toContain(option);
  });
});

describe('what the simulator is made of', () => {
  it('excuses a loss only where three neighbours died within one interval', () => {
    const id = (digit: string) => digit.repeat(32) as NodeId;
    const deaths = new Deaths(1000);
    deaths.died(id('2'), 0, [id('1'), id('3'), id('4'), id('5')]);
    deaths.died(id('3'), 500, [id('1'), id('4'), id('5')]);
    expect(deaths.arcs).toBe(0);
    deaths.died(id('4'), 1001, [id('1'), id('5')]);
    expect(deaths.arcs).toBe(0);
    const quick = new Deaths(1000);
    quick.died(id('2'), 0, [id('1'), id('3'), id('4'), id('5')]);
    quick.died(id('3'), 500, [id('1'), id('4'), id('5')]);
    quick.died(id('4'), 900, [id('1'), id('5')]);
    expect(quick.arcs).toBe(1);
    expect(quick.excuses(id('2') as string as ResourceId)).toBe(true);
    expect(quick.excuses(id('5') as string as ResourceId)).toBe(false);
  });

  it('notices by keyed hashes what was changed, and whose certificate is missing', async () => {
    const { configurationSigner } = await createTestOverlay();
    const { privateKey, certificate } = configurationSigner;
    const { publicKey, notBefore, notAfter } = certificate;
    const security = new KeyedSecurity('home.example', {
      secret: new Uint8Array(32),
      key: { privateKey, publicKey },
      validity: { notBefore, notAfter },
    });
    const member = security.identity('one', 'a1'.repeat(16) as NodeId);
    const other = security.identity('two', 'b2'.repeat(16) as NodeId);
    const input = (text: string) => (identity: Uint8Array) => Buffer.concat([Buffer.from(text), identity]);
    const signature = security.signer(member).sign(input('text'));
    const bucket = [other.certificate.der, member.certificate.der];
    expect(security.verify(signature, bucket, input('text')).nodeId).toBe(member.nodeId);
    expect(() => security.verify(signature, bucket, input('texd'))).toThrow(/does not fit/);
    expect(() => security.verify(signature, [other.certificate.der], input('text'))).toThrow(/did not come/);
    expect(security.checkCertificate(other.certificate.der).userName).toBe('two@home.example');
  });

  it('draws and lists the points of a sweep', () => {
    const point = { messagesPerSecond: 1.5, bytesPerSecond: 900, rightPercent: 100, meanHops: 3 };
    const points = [
      { ...point, peers: 100, meanLifetime: undefined },
      { ...point, peers: 200, meanLifetime: undefined },
      { ...point, peers: 200, meanLifetime: 30 },
    ];
    expectWellFormed(sweepSvg(points));
    expect(sweepTable(points).split('\n')).toHaveLength(5);
    expect(sweepTable(points)).toContain('| 200 | 30 min | 1.50 | 900 | 100 % | 3.00 |');
  });
});

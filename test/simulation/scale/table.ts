import type { LookupReport, Report } from './report.ts';

/** The report for people to read. */
export function tableOf(report: Report): string {
  return [
    ...heading(report),
    ...lookupLines(report),
    ...recordLines(report),
    ...eventLines(report),
    ...traffic(report),
  ].join('\n');
}

function heading({ options, signatures, ring, growth }: Report): string[] {
  return [
    `${options.peers} peers, seed ${options.seed}, signatures: ${signatures}${options.links === 'datagram' ? ', links over datagrams' : ''}`,
    row('ring grown in', `${growth.seconds} s of virtual time, ${growth.failedJoins} joins failed`),
    row('every peer knew its neighbours', `${growth.ringAfterSeconds} s after the last join`),
    row('at the end', `${ring.peers} peers, the ring ${ring.isRight ? 'is right' : 'is not right'}`),
    row('links a peer', `${ring.meanLinks} on average, ${ring.maxLinks} at most`),
    row('records a peer, with copies', `${ring.meanRecords}`),
  ];
}

function lookupLines({ lookups, lookupsWhileParted }: Report): string[] {
  const lines = ['', 'Lookups', ...linesOf(lookups)];
  lines.push(row('mean hops', `${lookups.meanHops}, goal at most ${lookups.hopsGoal}`));
  if (lookups.readerDied > 0) lines.push(row('reader died meanwhile', `${lookups.readerDied}`));
  const most = Math.max(1, ...lookups.hops);
  for (const [hops, count] of lookups.hops.entries()) {
    lines.push(row(`  ${hops} hops`, `${String(count).padStart(7)} ${'#'.repeat(Math.round((40 * count) / most))}`));
  }
  if (lookupsWhileParted !== undefined)
    lines.push('', 'Lookups from the parting to the healing', ...linesOf(lookupsWhileParted));
  return lines;
}

function linesOf(lookups: LookupReport): string[] {
  const { count, rightAtFirstTry, rightAtRetry, wrong, failed, rightPercent, milliseconds } = lookups;
  return [
    row('right', `${rightPercent} % of ${count}`),
    row('  at first try, at a retry', `${rightAtFirstTry}, ${rightAtRetry}`),
    row('  wrong value, none', `${wrong}, ${failed}`),
    row('milliseconds', `median ${milliseconds.median}, p95 ${milliseconds.p95}, p99 ${milliseconds.p99}`),
  ];
}

function recordLines({ records }: Report): string[] {
  const { acknowledged, refused, lost, lostWithoutExcuse } = records;
  return [
    '',
    'Records',
    row('acknowledged, not stored', `${acknowledged}, ${refused}`),
    row('lost', `${lost}, of them ${lostWithoutExcuse} without three neighbours dying at once`),
  ];
}

function eventLines({ churn, partition, flashJoin, malicious }: Report): string[] {
  const lines: string[] = [];
  if (churn !== undefined) {
    lines.push(row('crashes, leaves', `${churn.crashes}, ${churn.leaves}`));
    lines.push(row('joins, failed', `${churn.joins}, ${churn.failedJoins}`));
    lines.push(row('three neighbours died at once', `${churn.threeNeighboursDiedAtOnce} times`));
  }
  if (partition !== undefined) {
    const { ringSeconds, recordsSeconds } = partition;
    lines.push(
      row('one ring again after', inTime(ringSeconds)),
      row('all records reachable after', inTime(recordsSeconds)),
    );
  }
  if (flashJoin !== undefined) lines.push(row(`${flashJoin.peers} newcomers in after`, inTime(flashJoin.seconds)));
  if (malicious !== undefined) {
    lines.push(
      row(
        'malicious peers',
        Object.entries(malicious)
          .map(([vice, count]) => `${vice} ${count}`)
          .join(', '),
      ),
    );
  }
  return lines.length === 0 ? [] : ['', 'Events', ...lines];
}

function traffic({ maintenance }: Report): string[] {
  const line = (code: string, messages: number, bytes: number) =>
    row(code, `${messages.toFixed(3).padStart(9)} messages/s ${bytes.toFixed(1).padStart(10)} bytes/s`);
  return [
    '',
    'Maintenance, for each peer',
    line('all', maintenance.messagesPerSecond, maintenance.bytesPerSecond),
    ...maintenance.byCode.map(({ code, messagesPerSecond, bytesPerSecond }) =>
      line(`  ${code}`, messagesPerSecond, bytesPerSecond),
    ),
  ];
}

function inTime(seconds: number | undefined): string {
  return seconds === undefined ? 'not in time' : `${seconds} s`;
}

function row(name: string, value: string): string {
  return `${name.padEnd(34)} ${value}`;
}

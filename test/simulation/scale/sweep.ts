import type { ScenarioOptions } from './options.ts';
import { type Report, reportOf } from './report.ts';
import { type Progress, Scenario } from './scenario.ts';
import { escaped, fixed } from './svg.ts';

const SIZES = [50, 100, 200, 500, 1000] as const;
const SIZE_OF_CHURN = 200;
/** Mean lifetimes in minutes. */
const LIFETIMES = [240, 120, 60, 30, 15] as const;
const MINUTE = 60_000;

export interface SweepPoint {
  readonly peers: number;
  /** Minutes. */
  readonly meanLifetime: number | undefined;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly rightPercent: number;
  readonly meanHops: number;
}

/** Maintenance traffic by the size of the ring, and by churn. */
export async function sweep(base: ScenarioOptions, progress: Progress): Promise<readonly SweepPoint[]> {
  const points: SweepPoint[] = [];
  const run = async (peers: number, lifetime: number | undefined) => {
    const churn = lifetime === undefined ? undefined : lifetime * MINUTE;
    const scenario = await Scenario.create(
      { ...base, peers, churn, records: peers, lookups: 2 * peers },
      (phase, done, of) => progress(`${peers} peers, lifetime ${lifetime ?? 'unlimited'}: ${phase}`, done, of),
    );
    await scenario.run();
    const point = pointOf(reportOf(scenario), lifetime);
    points.push(point);
    console.error(rowOf(point));
  };
  for (const peers of SIZES) await run(peers, undefined);
  for (const lifetime of LIFETIMES) await run(SIZE_OF_CHURN, lifetime);
  return points;
}

function pointOf({ options, maintenance, lookups }: Report, meanLifetime: number | undefined): SweepPoint {
  const { messagesPerSecond, bytesPerSecond } = maintenance;
  const { rightPercent, meanHops } = lookups;
  return { peers: options.peers, meanLifetime, messagesPerSecond, bytesPerSecond, rightPercent, meanHops };
}

export function sweepTable(points: readonly SweepPoint[]): string {
  const head = ['peers', 'mean lifetime', 'messages/s a peer', 'bytes/s a peer', 'lookups right', 'mean hops'];
  return [line(head), line(head.map(() => '---:')), ...points.map(rowOf)].join('\n');
}

function rowOf(point: SweepPoint): string {
  return line([
    String(point.peers),
    point.meanLifetime === undefined ? '-' : `${point.meanLifetime} min`,
    point.messagesPerSecond.toFixed(2),
    point.bytesPerSecond.toFixed(0),
    `${point.rightPercent} %`,
    point.meanHops.toFixed(2),
  ]);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** Two charts side by side: traffic by N, and by churn (lost peers an hour, as a share of the ring). */
export function sweepSvg(points: readonly SweepPoint[]): string {
  const bySize = points.filter(({ meanLifetime }) => meanLifetime === undefined);
  const calm = bySize.filter(({ peers }) => peers === SIZE_OF_CHURN);
  const byChurn = [...calm, ...points.filter(({ meanLifetime }) => meanLifetime !== undefined)];
  const most = Math.max(1, ...points.map(({ bytesPerSecond }) => bytesPerSecond));
  const departures = (lifetime: number | undefined) => (lifetime === undefined ? 0 : 60 / lifetime);
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 400" font-family="sans-serif" font-size="13">',
    '<title>Maintenance traffic of a peer, by the size of the ring and by the lifetime of its peers</title>',
    '<rect width="1000" height="400" fill="white"/>',
    ...chart(70, most, {
      title: 'bytes/s a peer, by the number of peers; nobody goes',
      points: bySize.map(({ peers, bytesPerSecond }) => ({
        at: Math.log2(peers),
        label: `${peers}`,
        value: bytesPerSecond,
      })),
    }),
    ...chart(570, most, {
      title: `bytes/s a peer, by departures of each place an hour; ${SIZE_OF_CHURN} peers`,
      points: byChurn.map(({ meanLifetime, bytesPerSecond }) => ({
        at: departures(meanLifetime),
        label: `${fixed(departures(meanLifetime))}`,
        value: bytesPerSecond,
      })),
    }),
    '</svg>',
    '',
  ].join('\n');
}

interface Chart {
  readonly title: string;
  readonly points: readonly { readonly at: number; readonly label: string; readonly value: number }[];
}

function chart(x: number, most: number, { title, points }: Chart): string[] {
  const [top, width, height] = [60, 370, 280];
  const first = Math.min(...points.map(({ at }) => at));
  const span = Math.max(...points.map(({ at }) => at)) - first || 1;
  const placed = points.map(({ at, label, value }) => ({
    px: fixed(x + (width * (at - first)) / span),
    py: fixed(top + height - (height * value) / most),
    label,
    value,
  }));
  return [
    `<text x="${x}" y="30">${escaped(title)}</text>`,
    `<path d="M${x} ${top}V${top + height}H${x + width}" fill="none" stroke="#333"/>`,
    `<path d="M${placed.map(({ px, py }) => `${px} ${py}`).join('L')}" fill="none" stroke="#2e86c1" stroke-width="2"/>`,
    ...placed.flatMap(({ px, py, label, value }) => [
      `<circle cx="${px}" cy="${py}" r="4" fill="#2e86c1"/>`,
      `<text x="${px}" y="${top + height + 20}" text-anchor="middle">${label}</text>`,
      `<text x="${px}" y="${fixed(Number(py) - 10)}" text-anchor="middle" font-size="11">${value.toFixed(0)}</text>`,
    ]),
  ];
}

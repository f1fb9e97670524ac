import type { NodeId } from '#reload/wire/ids.ts';
import type { Report } from './report.ts';
import type { Scenario } from './scenario.ts';

const RADIUS = 240;
const CENTRE = 270;
const CHART = { x: 600, y: 60, width: 380, height: 400 } as const;

/** The ring, honest peers dark and dishonest ones red, with the fingers of one peer, and beside it how many hops lookups took. */
export function svgOf(scenario: Scenario, report: Report): string {
  const { peers } = scenario.population;
  const first = peers[0];
  const fingers = first?.node.status().fingers ?? [];
  const honest = peers.filter(({ mischief }) => mischief === undefined).map(({ node }) => node.nodeId);
  const dishonest = peers.filter(({ mischief }) => mischief !== undefined).map(({ node }) => node.nodeId);
  const dot = Math.max(1.5, Math.min(7, 900 / Math.max(1, peers.length)));
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1020 540" font-family="sans-serif" font-size="13">',
    '<title>The ring, the fingers of one peer, and the hops of all lookups</title>',
    '<rect width="1020" height="540" fill="white"/>',
    `<circle cx="${CENTRE}" cy="${CENTRE}" r="${RADIUS}" fill="none" stroke="#bbb"/>`,
    ...(first === undefined ? [] : fingers.map((finger) => chord(first.node.nodeId, finger))),
    dots(honest, '#1b4f72', dot),
    dots(dishonest, '#c0392b', dot * 1.5),
    `<text x="${CENTRE}" y="${CENTRE}" text-anchor="middle">${peers.length} peers, seed ${escaped(report.options.seed)}</text>`,
    ...histogram(report),
    '</svg>',
    '',
  ].join('\n');
}

function histogram({ lookups }: Report): string[] {
  const { x, y, width, height } = CHART;
  const most = Math.max(1, ...lookups.hops);
  const step = width / lookups.hops.length;
  const bars = lookups.hops.flatMap((count, hops) => {
    const tall = (height * count) / most;
    const left = x + hops * step;
    return [
      `<rect x="${fixed(left + step * 0.1)}" y="${fixed(y + height - tall)}" width="${fixed(step * 0.8)}" height="${fixed(tall)}" fill="#5dade2"/>`,
      `<text x="${fixed(left + step / 2)}" y="${y + height + 18}" text-anchor="middle">${hops}</text>`,
    ];
  });
  return [
    `<text x="${x}" y="${y - 25}">hops of ${lookups.count} lookups: mean ${lookups.meanHops}, goal at most ${lookups.hopsGoal}</text>`,
    ...bars,
    `<line x1="${x}" y1="${y + height}" x2="${x + width}" y2="${y + height}" stroke="#333"/>`,
  ];
}

/** Many points as one path: a ring of 10,000 stays a small file. */
function dots(ids: readonly NodeId[], colour: string, size: number): string {
  const path = ids.map((id) => {
    const { x, y } = place(id);
    return `M${fixed(x)} ${fixed(y)}h0`;
  });
  return `<path d="${path.join('')}" stroke="${colour}" stroke-width="${fixed(size)}" stroke-linecap="round"/>`;
}

function chord(from: NodeId, to: NodeId): string {
  const [a, b] = [place(from), place(to)];
  return `<line x1="${fixed(a.x)}" y1="${fixed(a.y)}" x2="${fixed(b.x)}" y2="${fixed(b.y)}" stroke="#e59866"/>`;
}

/** Node-ID 0 stands at the top, the others follow clockwise. */
function place(id: NodeId): { readonly x: number; readonly y: number } {
  const angle = (2 * Math.PI * Number.parseInt(id.slice(0, 8), 16)) / 2 ** 32;
  return { x: CENTRE + RADIUS * Math.sin(angle), y: CENTRE - RADIUS * Math.cos(angle) };
}

export function fixed(value: number): string {
  return Number(value.toFixed(1)).toString();
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

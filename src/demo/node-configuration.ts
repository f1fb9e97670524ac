import { LINE_COUNTRY } from '#demo/draw.ts';

/** Configuration files of the demo's processes, as TOML. */

export interface NodePlace {
  readonly overlay: string;
  readonly state: string;
  /** `host:port` where newcomers are taken. */
  readonly listen: string;
  /** Starts the ring. */
  readonly found: boolean;
}

export function enrollmentToml(state: string, directory: string, port: number): string {
  return toml([
    ['', { roles: ['enrollment'], state, log_level: 'info' }],
    ['enrollment', { listen: `127.0.0.1:${port}`, directory }],
  ]);
}

export function peerToml(place: NodePlace): string {
  return toml(member(place, ['peer']));
}

export function clientToml(place: NodePlace): string {
  return toml(member(place, ['client']));
}

export function gatewayToml(
  place: NodePlace,
  line: { readonly device: string; readonly rings: string; readonly serves: string },
): string {
  return toml([
    ...member(place, ['gateway']),
    ['line', { name: 'line', device: line.device, country: LINE_COUNTRY, serves: [line.serves], rings: [line.rings] }],
    ['dial_plan', {}],
    ['[dial_plan.allow]', { callers: [line.rings], prefixes: [line.serves] }],
    ['sip', { listen: '127.0.0.1:0' }],
  ]);
}

export function proxyToml(place: NodePlace, phone: { readonly user: string; readonly password: string }): string {
  return toml([...member(place, ['proxy']), ['[phones]', { ...phone }], ['sip', { listen: '127.0.0.1:0' }]]);
}

type Section = readonly [name: string, values: Readonly<Record<string, unknown>>];

function member({ overlay, state, listen, found }: NodePlace, roles: readonly string[]): readonly Section[] {
  return [
    ['', { roles, state, log_level: 'info' }],
    ['overlay', { name: overlay, listen, found, loopback: true }],
  ];
}

/** Strings, numbers, Booleans and lists of them are written alike in JSON and TOML. */
function toml(sections: readonly Section[]): string {
  return sections
    .map(([name, values]) => {
      const lines = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
      return [...(name === '' ? [] : [`[${name}]`]), ...lines, ''].join('\n');
    })
    .join('\n');
}

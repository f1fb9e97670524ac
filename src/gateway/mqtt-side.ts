import type { GatewayEvent } from '#gateway/events.ts';
import type { CallReport, CredentialsReport, EventReport, MqttReporter } from '#mqtt/reporter.ts';

const IDLE: CallReport = {
  state: 'idle',
  direction: null,
  caller: null,
  caller_name: null,
  callee: null,
  last_end: null,
};

/** Of several certificates the one in the worst state is shown. */
const GRAVITY = ['valid', 'failing', 'ending', 'not-yet-valid', 'expired'] as const;

type CallEvent = Extract<GatewayEvent, { event: 'call' }>;

/** Tells the broker what happens. With several calls at a time the call topic shows the latest one. `lines`: names in the configuration's order. */
export function reportTo(reporter: MqttReporter, lines: readonly string[]): (event: GatewayEvent) => void {
  let overlay = { joined: false, published: false, node_id: null as string | null };
  const tellOverlay = (change: Partial<typeof overlay>) => {
    overlay = { ...overlay, ...change };
    reporter.overlay(overlay);
  };
  reporter.call(IDLE);
  const certificates = new Map<string, CredentialsReport>();
  return (event) => {
    switch (event.event) {
      case 'joined':
        return tellOverlay({ joined: true, node_id: event.nodeId });
      case 'isolated':
        return tellOverlay({ joined: false });
      case 'published':
        return tellOverlay({ published: true });
      case 'withdrawn':
        return tellOverlay({ published: false });
      case 'stopping':
        return tellOverlay({ joined: false });
      case 'line': {
        const { state, emulated, reason = null } = event;
        const report = { state, present: state !== 'absent' && state !== 'starting', emulated, reason };
        reporter.namedLine(event.line, report);
        return event.line === lines[0] ? reporter.line(report) : undefined;
      }
      case 'credentials': {
        const { user, state, notAfter, reason = null } = event;
        certificates.set(user, { user, state, not_after: new Date(notAfter).toISOString(), reason });
        const worst = [...certificates.values()].sort((a, b) => GRAVITY.indexOf(b.state) - GRAVITY.indexOf(a.state))[0];
        return worst && reporter.credentials(worst);
      }
      case 'call':
        reporter.call(callReport(event));
        return reporter.event(callEvent(event));
      case 'digit':
        return reporter.event({ event_type: 'dtmf', digit: event.digit, from: event.from });
    }
  };
}

function callReport(event: CallEvent): CallReport {
  const { direction, caller, callee } = event;
  const shown = { direction, caller, callee, caller_name: event.callerName ?? null, last_end: null };
  switch (event.state) {
    case 'dialling':
    case 'ringing':
      return { ...shown, state: event.state };
    case 'answered':
      return { ...shown, state: 'active' };
    default:
      return { ...IDLE, last_end: event.reason ?? event.state };
  }
}

const EVENT_NAMES = {
  dialling: 'dial',
  ringing: 'ring',
  answered: 'answered',
  ended: 'ended',
  missed: 'missed',
  refused: 'refused',
} as const;

function callEvent(event: CallEvent): EventReport {
  const { direction, caller, callee, callerName = null, reason = null } = event;
  return { event_type: EVENT_NAMES[event.state], direction, caller, caller_name: callerName, callee, reason };
}

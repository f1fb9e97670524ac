import type { GatewayEvent } from '#gateway/events.ts';
import type { CallReport, CredentialsReport, EventReport, MqttReporter, VoiceMailReport } from '#mqtt/reporter.ts';

const IDLE: CallReport = {
  state: 'idle',
  direction: null,
  caller: null,
  caller_name: null,
  callee: null,
  last_end: null,
  last_cause: null,
  answer: null,
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
  const tellVoiceMail = voiceMailTo(reporter);
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
      case 'voice-mail':
        return tellVoiceMail(event);
      case 'screening': {
        const { allow, block, passed } = event;
        return reporter.screening({ allow, block, passed });
      }
      default: {
        const report = duringCall(event);
        return report && reporter.event(report);
      }
    }
  };
}

/** The state of all mailboxes, and an event for each message that came. The first word of a mailbox is its state at the start. */
function voiceMailTo(reporter: MqttReporter) {
  const mailboxes = new Map<string, VoiceMailReport['mailboxes'][string]>();
  return ({ user, new: fresh, old }: Extract<GatewayEvent, { event: 'voice-mail' }>): void => {
    const before = mailboxes.get(user);
    mailboxes.set(user, { new: fresh, total: fresh + old });
    const all = [...mailboxes.values()];
    const sum = (count: (mailbox: (typeof all)[number]) => number) => all.reduce((total, box) => total + count(box), 0);
    reporter.voiceMail({
      new: sum((box) => box.new),
      total: sum((box) => box.total),
      mailboxes: Object.fromEntries(mailboxes),
    });
    if (before !== undefined && fresh > before.new) reporter.event({ event_type: 'message', user, new: fresh });
  };
}

/** What happens while two people talk, or when somebody calls for help. */
function duringCall(event: GatewayEvent): EventReport | undefined {
  switch (event.event) {
    case 'digit':
      return { event_type: 'dtmf', digit: event.digit, from: event.from };
    case 'call-waiting':
      return { event_type: 'call_waiting', caller: event.caller ?? null, caller_name: event.callerName ?? null };
    case 'telephone':
      return { event_type: event.offHook ? 'telephone_lifted' : 'telephone_put_down', by: event.by };
    case 'flash':
      return { event_type: 'flash', done: event.done };
    case 'emergency': {
      const { caller, callee, line = null, isTest } = event;
      return { event_type: 'emergency', caller, callee, line, test: isTest };
    }
    default:
      return undefined;
  }
}

function callReport(event: CallEvent): CallReport {
  const { direction, caller, callee } = event;
  const answer = event.answer === 'none' ? null : event.answer;
  const ends = { last_end: null, last_cause: null };
  const shown = { direction, caller, callee, caller_name: event.callerName ?? null, answer, ...ends };
  switch (event.state) {
    case 'dialling':
    case 'ringing':
      return { ...shown, state: event.state };
    case 'answered':
      return { ...shown, state: 'active' };
    default:
      return { ...IDLE, last_end: event.reason ?? event.state, last_cause: event.cause ?? null };
  }
}

const EVENT_NAMES = {
  dialling: 'dial',
  ringing: 'ring',
  answered: 'answered',
  ended: 'ended',
  missed: 'missed',
  refused: 'refused',
  blocked: 'blocked',
} as const;

function callEvent(event: CallEvent): EventReport {
  const { direction, caller, callee, callerName = null, reason = null, cause = null, outcome = null, answer } = event;
  const parties = { direction, caller, caller_name: callerName, callee };
  return { event_type: EVENT_NAMES[event.state], ...parties, reason, cause, outcome, answer };
}

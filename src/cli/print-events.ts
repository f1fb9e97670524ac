import type { GatewayEvent } from '#gateway/events.ts';
import { printable } from '#platform/log.ts';

/** One line for people about what happened; undefined for what need not be told. */
export function eventLine(event: GatewayEvent): string | undefined {
  switch (event.event) {
    case 'line': {
      const kind = event.emulated ? ' (emulated)' : '';
      const detail = event.reason ?? event.modem;
      return `line      ${event.line}${kind}: ${event.state}${detail === undefined ? '' : `, ${printable(detail)}`}`;
    }
    case 'joined':
      return `overlay   joined ${event.overlay} as node ${event.nodeId}`;
    case 'isolated':
      return `overlay   ${event.overlay} is out of reach; looking for it`;
    case 'published':
      return `overlay   ${event.name} is published as a gateway (${event.namespaces.join(', ')})`;
    case 'withdrawn':
      return `overlay   ${event.name} is withdrawn: ${event.reason}`;
    case 'registration':
      return `phone     ${event.aor}: ${REGISTRATIONS[event.state]}`;
    case 'credentials': {
      const end = new Date(event.notAfter).toISOString();
      const why = event.reason === undefined ? '' : `; latest renewal failed: ${printable(event.reason)}`;
      return `identity  certificate of ${printable(event.user)}: ${event.state}, until ${end}${why}`;
    }
    case 'call':
      return callLine(event);
    case 'emergency':
      return `call ${event.id}    EMERGENCY: ${printable(event.caller)} dials ${printable(event.callee)}${event.isTest ? ' (a test number)' : ''}`;
    case 'digit':
      return `call ${event.id}    digit ${event.digit} from the ${event.from}`;
    case 'call-waiting':
      return `call ${event.id}    another call waits: ${printable(event.caller ?? 'caller not told')}`;
    case 'telephone':
      return `call ${event.id}    ${event.by} on the line ${event.offHook ? 'lifted' : 'put down'}`;
    case 'flash':
      return `call ${event.id}    hook flash ${event.done ? 'given' : 'not possible'}`;
    case 'voice-mail':
      return `mailbox   ${event.user}: ${event.new} new, ${event.old} heard`;
    case 'stopping':
      return 'stopping';
    case 'screening':
    case 'ready':
    case 'stopped':
      return undefined;
  }
}

const REGISTRATIONS = {
  registered: 'registered here',
  published: 'its registration is in the overlay',
  gone: 'no longer registered',
  failed: 'the overlay does not have its registration yet',
} as const;

function callLine(event: Extract<GatewayEvent, { event: 'call' }>): string {
  const { id, direction, state, callerName, reason } = event;
  const name = callerName === undefined ? '' : ` (${printable(callerName)})`;
  const caller = `${printable(event.caller)}${name}`;
  const callee = printable(event.callee);
  const parties = direction === 'to-line' ? `${caller} calls ${callee} over the line` : `${caller} calls over the line`;
  const why = reason === undefined ? '' : `, ${printable(reason)}`;
  return `call ${id}    ${parties}: ${state}${why}`;
}

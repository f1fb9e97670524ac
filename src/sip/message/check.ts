import { allOf, WORD } from '#sip/message/characters.ts';
import { malformed } from '#sip/message/fault.ts';
import { fieldValue, type HeaderField, splitList } from '#sip/message/headers.ts';
import type { SipMessage } from '#sip/message/message.ts';
import { parseNameAddress } from '#sip/message/name-address.ts';
import { checkDate, parseNumber, parseSeconds } from '#sip/message/scalars.ts';
import { parseVia } from '#sip/message/via.ts';

/** Fields that a message has exactly once (RFC 3261 §8.1.1, §20 table 2). */
const MANDATORY: readonly string[] = ['from', 'to', 'call-id', 'cseq'];
const SINGLE: ReadonlySet<string> = new Set([
  ...MANDATORY,
  'max-forwards',
  'content-length',
  'content-type',
  'expires',
  'date',
]);

/**
 * Refuses a message whose fields this element goes by are missing, doubled or not of their grammar.
 * Fields it does not know are left alone (RFC 3261 §16.3 step 1).
 */
export function checkMessage(message: SipMessage): void {
  const seen = new Set<string>();
  for (const field of message.headers.fields) {
    if (SINGLE.has(field.key)) {
      if (seen.has(field.key)) throw malformed(field.key, 'it appears more than once');
      seen.add(field.key);
    }
    checkField(field);
  }
  for (const key of MANDATORY) if (!seen.has(key)) throw malformed(key, 'it is missing');
  // The getters parse and keep what every later step uses.
  if (message.via === undefined || message.from === undefined || message.to === undefined) return;
  if (message.kind === 'request') {
    if (message.cseq.method !== message.method) throw malformed('cseq', 'its method is not that of the request line');
    if (message.sipUri?.headers !== undefined) throw malformed('Request-URI', 'it carries header fields');
  } else if (message.cseq.method === '') throw malformed('cseq', 'its method is missing');
}

function checkField(field: HeaderField): void {
  switch (field.key) {
    case 'via':
      // The topmost one is parsed by its getter; the others only matter to their own elements.
      for (const element of splitList(fieldValue(field), 'Via')) if (element !== '') parseVia(element);
      return;
    case 'contact':
      checkContact(fieldValue(field));
      return;
    case 'route':
    case 'record-route':
      for (const element of splitList(fieldValue(field), field.key)) parseNameAddress(element, field.key);
      return;
    case 'call-id':
      if (!allOf(fieldValue(field), WORD)) throw malformed('call-id', 'it is not a word');
      return;
    case 'max-forwards':
      parseNumber(fieldValue(field), 'max-forwards', 255);
      return;
    case 'content-length':
      parseNumber(fieldValue(field), 'content-length', 2 ** 32 - 1);
      return;
    case 'expires':
    case 'min-expires':
      parseSeconds(fieldValue(field), field.key);
      return;
    case 'date':
      checkDate(fieldValue(field));
      return;
    default:
      return;
  }
}

function checkContact(value: string): void {
  if (value === '*') return;
  for (const element of splitList(value, 'Contact')) parseNameAddress(element, 'Contact');
}

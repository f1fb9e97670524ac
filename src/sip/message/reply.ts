import { Headers, type NewField } from '#sip/message/headers.ts';
import { type ResponseParts, type SipRequest, SipResponse } from '#sip/message/message.ts';

const PHRASES: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  181: 'Call Is Being Forwarded',
  183: 'Session Progress',
  200: 'OK',
  202: 'Accepted',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  423: 'Interval Too Brief',
  430: 'Flow Failed',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  484: 'Address Incomplete',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  491: 'Request Pending',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
  513: 'Message Too Large',
  600: 'Busy Everywhere',
  603: 'Decline',
};

export function phraseOf(status: number): string {
  return PHRASES[status] ?? 'Unknown';
}

export interface ReplyOptions {
  readonly phrase?: string;
  /** Given to the To field when the request has no tag there (RFC 3261 §8.2.6.2). */
  readonly toTag?: string;
  readonly fields?: readonly NewField[];
  readonly body?: ResponseParts['body'];
}

/** A response with the fields that RFC 3261 §8.2.6.2 has it take from the request. */
export function replyTo(request: SipRequest, status: number, options: ReplyOptions = {}): SipResponse {
  let headers = new Headers(request.headers.copy('Via', 'From', 'To', 'Call-ID', 'CSeq'));
  if (options.toTag !== undefined && request.toTag === undefined) {
    headers = headers.set('To', `${request.headers.value('To') ?? ''};tag=${options.toTag}`);
  }
  for (const [name, value] of options.fields ?? []) headers = headers.append(name, value);
  const phrase = options.phrase ?? phraseOf(status);
  return new SipResponse({ status, phrase, headers, ...(options.body === undefined ? {} : { body: options.body }) });
}

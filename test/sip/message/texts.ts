export const INVITE_FIELDS: readonly string[] = [
  'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK74bf9;rport',
  'Max-Forwards: 70',
  'From: "Alice" <sip:alice@home.example>;tag=9fxced76sl',
  'To: <sip:bob@home.example>',
  'Call-ID: 3848276298220188511@atlanta.example.com',
  'CSeq: 1 INVITE',
  'Contact: <sip:alice@192.0.2.1:5060>',
];

/** A message of the given fields; Content-Length is added at the end. */
export function text(fields: readonly string[], body = '', startLine = 'INVITE sip:bob@home.example SIP/2.0'): string {
  return `${[startLine, ...fields, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`;
}

export function bytes(latin1: string): Uint8Array {
  return new Uint8Array(Buffer.from(latin1, 'latin1'));
}

import { describe, expect, it } from 'vitest';
import type { CallerId } from '#pstn/line.ts';
import { streamPair } from '../../sip/support.ts';
import { TestGateway } from '../4-call-handling/test-gateway.ts';
import { ALICE } from './screened.ts';

const NUMBER = '030555013';
const NAME = 'GRACE';
/** As a careless driver might hand it on: the mark, and the number and name all the same. */
const WITHHELD: CallerId = { number: NUMBER, name: NAME, presentation: 'withheld' };

/** A gateway, what its phones are sent as bytes, and its phone. */
function gateway() {
  const gw = new TestGateway({ line: [{ device: 'fake', rings: [ALICE] }] });
  const alice = gw.phone(ALICE);
  const sent: string[] = [];
  alice.reach = () => {
    const [near, far] = streamPair({ name: 'gw1@pstn.home.example', node: 'gateway' }, { name: ALICE, node: ALICE });
    far.duplex.on('data', (bytes: Buffer) => sent.push(bytes.toString('utf8')));
    alice.stack.attachStream(far);
    return { transport: 'stream', stream: near };
  };
  return { gw, alice, sent };
}

describe('a caller who withholds the number', () => {
  it('is anonymous on the wire: From as RFC 3323 has it, Privacy: id, no P-Asserted-Identity, no name', async () => {
    const { gw, alice, sent } = gateway();
    gw.line.ring(WITHHELD);
    await gw.until(() => alice.incoming[0]);
    const invite = sent.join('');
    expect(invite).toMatch(/\r\nFrom: "?Anonymous"? <sip:anonymous@anonymous\.invalid>;tag=/);
    expect(invite).toMatch(/\r\nPrivacy: id\r\n/);
    expect(invite).not.toMatch(/P-Asserted-Identity|P-Preferred-Identity|Remote-Party-ID/i);
    expect(invite).not.toMatch(/555013|GRACE/);
  });

  it('leaves neither number nor name in events, log and record', async () => {
    const { gw, alice } = gateway();
    const ringing = gw.line.ring(WITHHELD);
    await gw.until(() => alice.incoming[0]);
    ringing.stop('caller-gave-up');
    const record = await gw.over();
    expect(record).toMatchObject({ caller: 'withheld', outcome: 'missed' });
    expect(JSON.stringify([gw.events, gw.logged, record])).not.toMatch(/555013|GRACE/);
  });

  it('differs from one who shows it: that number is asserted to members, as E.164', async () => {
    const { gw, alice, sent } = gateway();
    gw.line.ring({ number: NUMBER, name: NAME, presentation: 'available' });
    await gw.until(() => alice.incoming[0]);
    const invite = sent.join('');
    expect(invite).toMatch(/\r\nP-Asserted-Identity: <sip:\+4930555013@pstn\.home\.example>\r\n/);
    expect(invite).not.toMatch(/\r\nPrivacy:/);
  });
});

describe('a member who withholds the number', () => {
  it('has the line asked to do so, where the line has a prefix for it, and only then', async () => {
    const rules = { allow: [{ callers: ['*'], prefixes: ['+'] }], international: true };
    const gw = new TestGateway({ line: [{ device: 'fake', dial: { withhold: '*31#' } }], dial_plan: rules });
    const alice = gw.phone(ALICE);
    void alice.call('+4989123456', { withheld: true }).catch(() => {});
    expect((await gw.until(() => gw.line.diallings[0])).digits).toBe('*31#089123456');
    gw.line.diallings[0]!.fail({ code: 'busy' });
    await gw.over();
    void alice.call('+4989123456').catch(() => {});
    expect((await gw.until(() => gw.line.diallings[1])).digits).toBe('089123456');
  });
});

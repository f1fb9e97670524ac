import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silence } from '#media/g711.ts';
import { PacedSound, Recorder, RecordingSource } from '#media/paced.ts';
import { concat } from '#platform/bytes.ts';
import { systemClock } from '#platform/clock.ts';
import type { Call } from '#sip/ua/call-engine.ts';
import { TestOverlay } from '../../gateway/overlay.ts';
import type { TestPhone } from '../../gateway/phone.ts';
import { eventually } from '../../support/eventually.ts';
import { likeness } from './likeness.ts';
import { voice } from './line-caller.ts';

const OVERLAY = 'mail.example';
const MAIL = `vm@pstn.${OVERLAY}`;
const STRANGER = `stranger@${OVERLAY}`;
const ALICE = `alice@${OVERLAY}`;
const BOB = `bob@${OVERLAY}`;
const SPEECH = voice(4);

/** What a phone says, and a recording of what it hears. */
function talkWith(call: Call, sound: Uint8Array): { readonly heard: Recorder; stop(): void } {
  const heard = new Recorder(60);
  const paced = new PacedSound(systemClock, call.media, { source: new RecordingSource(sound, false), sink: heard });
  paced.start();
  void call.ended.then(() => paced.stop());
  return { heard, stop: () => paced.stop() };
}

/** Hears the greeting and its tone, about 3 s, then speaks. */
const AFTER_GREETING = concat(silence(3.5 * 8000), SPEECH);

describe('voice mail in an overlay: RFC 7374’s service voice-mail', () => {
  const overlay = new TestOverlay(OVERLAY);
  let alice: TestPhone;
  let bob: TestPhone;
  let mail: Awaited<ReturnType<TestOverlay['run']>>;

  beforeAll(async () => {
    await overlay.create([MAIL, STRANGER, ALICE, BOB, `p1@${OVERLAY}`, `p2@${OVERLAY}`]);
    const voiceMail = { mailbox: [{ user: ALICE, pin: '271828' }], silence_seconds: 2 };
    mail = await overlay.run('mail', MAIL, { roles: ['peer'], voice_mail: voiceMail });
    await overlay.run('stranger', STRANGER, { roles: ['peer'], voice_mail: voiceMail });
    alice = await overlay.phone('p1', `p1@${OVERLAY}`, ALICE);
    bob = await overlay.phone('p2', `p2@${OVERLAY}`, BOB);
  }, 60_000);
  afterAll(() => overlay.stop(), 60_000);

  const nodes = () => overlay.running.at(-1)?.application.member?.voiceMailNodes(AbortSignal.timeout(10_000));
  const box = () => mail.application.member?.voiceMail?.store;

  it('R7374-10.4-01 nodes with mailboxes stand under the registered name; who is trusted is told by the certificate', async () => {
    await eventually(async () => (await nodes())?.length === 2, 20_000);
    const found = await nodes();
    expect(found?.map(({ userName, trusted }) => [userName, trusted]).sort()).toEqual([
      [STRANGER, false],
      [MAIL, true],
    ]);
  }, 30_000);

  it('a caller of a user without any phone is led to the node that has the mailbox, and leaves a message there', async () => {
    await alice.unregister();
    let call: Call | undefined;
    // The overlay forgets the phone a moment later.
    await eventually(async () => {
      call = await bob.call(`sip:${ALICE}`).catch(() => undefined);
      return call !== undefined;
    });
    if (call === undefined) throw new Error('nobody answered');
    const talk = talkWith(call, AFTER_GREETING);
    await eventually(() => box()?.counts(ALICE).new === 1, 30_000);
    await call.ended;
    const [message] = box()?.list(ALICE) ?? [];
    expect(message).toMatchObject({ caller: BOB, heard: false });
    expect(message?.seconds).toBeGreaterThan(3);
    const kept = await box()?.sound(ALICE, message?.id ?? '');
    expect(likeness(SPEECH.subarray(8000, 14_000), kept ?? new Uint8Array())).toBeGreaterThan(0.95);
    expect(talk.heard.sound.length).toBeGreaterThan(8 * 8000);
    expect(mail.application.status().voiceMail).toEqual({
      published: true,
      mailboxes: [{ user: ALICE, new: 1, old: 0 }],
    });
    const stranger = overlay.running.find(({ application }) => application.status().node?.userName === STRANGER);
    expect(stranger?.application.member?.voiceMail?.store.counts(ALICE).new).toBe(0);
  }, 60_000);

  it('the owner hears it from the own phone, without PIN', async () => {
    const call = await alice.call(`sip:voicemail@${OVERLAY}`);
    const talk = talkWith(call, new Uint8Array());
    await new Promise((resolve) => setTimeout(resolve, 2000));
    call.media.sendDigits('1');
    await eventually(() => box()?.counts(ALICE).old === 1, 20_000);
    expect(likeness(SPEECH.subarray(8000, 12_000), talk.heard.sound)).toBeGreaterThan(0.9);
    call.media.sendDigits('#');
    expect((await call.ended).by).toBe('remote');
  }, 60_000);

  it('the number that phones dial leads there too', async () => {
    const call = await alice.call('*98');
    talkWith(call, new Uint8Array());
    call.media.sendDigits('#');
    expect((await call.ended).by).toBe('remote');
  }, 60_000);

  it('nobody else gets in, and who has no mailbox is told so', async () => {
    await expect(bob.call(`sip:voicemail@${OVERLAY}`)).rejects.toMatchObject({ fault: { code: 'rejected' } });
    await expect(bob.call(`sip:nobody@${OVERLAY}`)).rejects.toMatchObject({ fault: { code: 'rejected' } });
  }, 30_000);

  it('R7374-4.6-01 a node that stops is withdrawn, and callers hear that the user is away', async () => {
    await mail.application.stop();
    await eventually(async () => (await nodes())?.every(({ userName }) => userName !== MAIL) === true, 20_000);
    await expect(bob.call(`sip:${ALICE}`)).rejects.toMatchObject({ fault: { status: 480 } });
  }, 60_000);
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MailFileSystem } from '#gateway/voice-mail/mail-files.ts';
import { systemFiles } from '#gateway/voice-mail/mail-files.ts';
import { MailboxDesk, type MailboxDeskOptions } from '#gateway/voice-mail/mailbox-desk.ts';
import type { MailboxLimits, MailboxStore } from '#gateway/voice-mail/mailbox-store.ts';
import { PinBook } from '#gateway/voice-mail/pin-book.ts';
import { FAX, type VoiceMailEnd } from '#gateway/voice-mail/voice-mail.ts';
import { silence } from '#media/g711.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { LineCaller, noise, voice } from './line-caller.ts';
import { ALICE, TestMailboxes, timeless } from './mailboxes.ts';
import { SipCaller } from './sip-caller.ts';

const CALLER_ID = { number: '+4930123456', name: 'Ada', presentation: 'available' } as const;
/** The tone before recordings, and the keys' answers (docs/VOICEMAIL.md). */
const RECORD = 1000;
const FULL = 350;
const KEPT = 880;
const COUNT = 698;
const WRONG = 290;

let boxes: TestMailboxes;
let store: MailboxStore;
beforeEach(async () => {
  boxes = await TestMailboxes.create();
});
afterEach(() => boxes.remove());

interface Setup {
  readonly limits?: Partial<MailboxLimits>;
  readonly files?: MailFileSystem;
  readonly pin?: string;
  readonly options?: Partial<MailboxDeskOptions>;
  readonly greeting?: Uint8Array;
}

/** Voice mail, and a caller it has just answered. */
async function answered({ limits = {}, files = systemFiles, pin, options = {}, greeting }: Setup = {}) {
  store = await boxes.open({ limits: { maxSeconds: 20, ...limits }, files });
  const records = (await boxes.database()).namespace('pins');
  const pins = new PinBook(
    { clock: boxes.clock, random: systemRandom, records },
    new Map(pin === undefined ? [] : [[ALICE, pin]]),
  );
  const desk = new MailboxDesk(
    {
      clock: boxes.clock,
      log: silentLogger,
      store,
      pins: timeless(boxes.clock, pins),
      defaultGreeting: () => greeting,
    },
    {
      answerAfterSeconds: 20,
      ownPhoneWithoutPin: true,
      minSeconds: 2,
      recording: { maxSeconds: 20, silenceSeconds: 4 },
      ...options,
    },
  );
  const caller = new LineCaller(boxes.clock);
  const hangUp = new AbortController();
  let ended: VoiceMailEnd | undefined;
  const taken = desk.take(caller.call, { callerId: CALLER_ID, line: 'line', user: ALICE }, hangUp.signal);
  void taken.then((end) => {
    ended = end;
  });
  return { desk, caller, hangUp, taken, isOver: () => ended !== undefined };
}

describe('a caller whom nobody answered', () => {
  it('hears greeting and tone, speaks, falls silent, and hears that the message is kept', async () => {
    const { caller, taken, isOver } = await answered();
    await caller.hears(RECORD);
    await caller.says(voice(6));
    await caller.until(isOver);
    expect(await taken).toMatchObject({ left: true, seconds: expect.closeTo(6, 0) });
    expect(caller.bursts(784)).toBe(2);
    expect(caller.bursts(KEPT)).toBe(1);
    expect(store.list(ALICE)).toMatchObject([{ caller: '+4930123456', callerName: 'Ada', line: 'line', heard: false }]);
  });

  it('hears the user’s own greeting, which # cuts short', async () => {
    const { caller, taken, isOver } = await answered({ greeting: new ToneGenerator([500]).next(80_000) });
    await caller.listens(2);
    expect(caller.bursts(500)).toBe(1);
    caller.presses('#');
    await caller.hears(RECORD);
    await caller.says(voice(4));
    caller.presses('#');
    await caller.until(isOver);
    expect(await taken).toMatchObject({ left: true });
  });

  it('who hangs up while speaking leaves what was said so far', async () => {
    const { caller, taken } = await answered();
    await caller.hears(RECORD);
    await caller.says(voice(5));
    await caller.hangsUp();
    expect(await taken).toMatchObject({ left: true, seconds: expect.closeTo(5, 0) });
  });

  it('who hangs up in the greeting, says nothing, or next to nothing leaves no message', async () => {
    const early = await answered();
    await early.caller.listens(1);
    await early.caller.hangsUp();
    expect(await early.taken).toMatchObject({ left: false, why: 'hung up during the greeting' });
    const mute = await answered();
    await mute.caller.hears(RECORD);
    await mute.caller.says(noise(8, -55));
    await mute.caller.until(mute.isOver);
    expect(await mute.taken).toMatchObject({ left: false, why: 'nothing was said' });
    const short = await answered();
    await short.caller.hears(RECORD);
    await short.caller.says(voice(1));
    await short.caller.until(short.isOver);
    expect(await short.taken).toMatchObject({ left: false, why: 'too short' });
    expect(store.list(ALICE)).toEqual([]);
  });

  it('who speaks without end is cut at the greatest length', async () => {
    const { caller, taken, isOver } = await answered();
    await caller.hears(RECORD);
    await caller.says(voice(21));
    await caller.until(isOver);
    expect(await taken).toMatchObject({ left: true, seconds: expect.closeTo(20, 0) });
  });

  it('finds the mailbox full and hears that, as when the disk is full in the end', async () => {
    const full = await answered({ limits: { maxMessages: 1 } });
    await store.add(ALICE, voice(3), { caller: 'x', callerName: undefined, line: undefined });
    await full.caller.until(full.isOver);
    expect(await full.taken).toMatchObject({ left: false, why: 'mailbox full: messages' });
    expect(full.caller.bursts(FULL)).toBe(5);
    expect(full.caller.bursts(RECORD)).toBe(0);
    const files = {
      ...systemFiles,
      writeSynced: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    };
    const late = await answered({ files });
    await late.caller.hears(RECORD);
    await late.caller.says(voice(4));
    await late.caller.until(late.isOver);
    expect(await late.taken).toEqual({ left: false, why: 'mailbox full' });
    expect(late.caller.bursts(FULL)).toBe(5);
    expect(late.caller.bursts(KEPT)).toBe(0);
  });

  it('keeps what was recorded when the gateway stops or somebody ends the call', async () => {
    const stopped = await answered();
    await stopped.caller.hears(RECORD);
    await stopped.caller.says(voice(5));
    const stopping = stopped.desk.stop();
    await stopped.caller.until(stopped.isOver);
    await stopping;
    expect(await stopped.taken).toMatchObject({ left: true });
    const ended = await answered();
    await ended.caller.listens(1);
    ended.hangUp.abort(new Error('hung up by MQTT'));
    await ended.caller.until(ended.isOver);
    expect(await ended.taken).toMatchObject({ left: false, why: 'hung up during the greeting' });
  });

  it('keeps nothing of a fax machine', async () => {
    const fax = await answered();
    await fax.caller.hears(RECORD);
    await fax.caller.says(voice(5));
    fax.hangUp.abort(FAX);
    await fax.caller.until(fax.isOver);
    expect(await fax.taken).toMatchObject({ left: false });
    expect(store.list(ALICE)).toEqual([]);
  });
});

describe('the owner who calls from elsewhere', () => {
  const left = (seconds: number) =>
    store.add(ALICE, voice(seconds), { caller: 'x', callerName: undefined, line: undefined });

  it('presses * in the greeting, enters the PIN and hears the messages, sample by sample', async () => {
    const { caller, taken, isOver } = await answered({ pin: '271828' });
    await left(3);
    await caller.listens(1);
    await left(2);
    caller.presses('*271828#');
    await caller.hears(COUNT);
    await caller.listens(2);
    expect(caller.bursts(COUNT)).toBe(2);
    const since = caller.heard.length;
    caller.presses('1');
    await caller.until(() => store.counts(ALICE).old === 1);
    const heard = Buffer.from(caller.heard.subarray(since));
    expect(heard.includes(Buffer.from(voice(3).subarray(400, 23_000)))).toBe(true);
    caller.presses('13');
    await caller.until(() => store.list(ALICE).length === 1);
    caller.presses('#');
    await caller.until(isOver);
    expect(await taken).toEqual({ left: false, why: 'the owner called' });
    expect(store.list(ALICE)).toMatchObject([{ seconds: 3, heard: true }]);
  });

  it('records a greeting that the next caller hears', async () => {
    const { caller, isOver } = await answered({ pin: '2718' });
    await caller.listens(1);
    caller.presses('*2718#');
    await caller.hears(392);
    caller.presses('9');
    await caller.hears(RECORD);
    const greeting = concat(voice(3), silence(1600));
    await caller.says(greeting);
    caller.presses('#');
    await caller.hears(KEPT);
    await caller.hangsUp();
    await caller.until(isOver);
    const next = await answered();
    await next.caller.hears(RECORD);
    expect(Buffer.from(next.caller.heard).includes(Buffer.from(voice(3).subarray(800, 20_000)))).toBe(true);
  });

  it('by SIP needs the PIN too where phones are not trusted, and is not let in without one', async () => {
    const options = { ownPhoneWithoutPin: false };
    const { desk } = await answered({ pin: '271828', options });
    await left(3);
    const phone = new SipCaller();
    const visit = desk.visitBySip(phone.incoming, ALICE);
    await boxes.clock.advance(3000);
    expect(phone.bursts(COUNT)).toBe(0);
    phone.presses('271828#');
    await boxes.clock.runUntil(() => phone.bursts(COUNT) > 0);
    phone.presses('#');
    await boxes.clock.run(visit);
    expect(phone.ended).toBe('hung up');
    const other = new SipCaller();
    await (await answered({ options })).desk.visitBySip(other.incoming, ALICE);
    expect(other.ended).toBe('rejected 403');
  });

  it('gets nowhere with wrong PINs, and the caller who has none at all neither', async () => {
    const { caller, taken, isOver } = await answered({ pin: '271828' });
    await left(3);
    await caller.listens(1);
    for (const pin of ['*1111#', '2222#', '3333#']) {
      caller.presses(pin);
      await caller.hears(WRONG);
    }
    await caller.until(isOver);
    expect(await taken).toEqual({ left: false, why: 'the owner called' });
    expect(caller.bursts(COUNT)).toBe(0);
    const none = await answered();
    await none.caller.listens(1);
    none.caller.presses('*');
    await none.caller.until(none.isOver);
    expect(await none.taken).toEqual({ left: false, why: 'the mailbox has no PIN' });
  });
});

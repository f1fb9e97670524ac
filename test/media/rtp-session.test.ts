import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { PacedSound, Recorder, RecordingSource } from '#media/paced.ts';
import { readRtcp } from '#media/rtcp.ts';
import { writeRtp } from '#media/rtp.ts';
import { openRtpSession, type RtpOptions } from '#media/rtp-session.ts';
import type { MediaSession } from '#media/session.ts';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { VoicePath } from '#media/voice-path.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

const open: MediaSession[] = [];

async function session(options: Partial<RtpOptions> = {}, clock = systemClock): Promise<MediaSession> {
  const opened = await openRtpSession(
    { clock, random: systemRandom, logger: silentLogger },
    { address: '127.0.0.1', ...options },
  );
  open.push(opened);
  return opened;
}

async function pair(
  options: Partial<RtpOptions> = {},
  edit = (sdp: string) => sdp,
): Promise<[MediaSession, MediaSession]> {
  const [a, b] = [await session(options), await session(options)];
  b.applyRemote(edit(a.localDescription));
  a.applyRemote(b.localDescription);
  return [a, b];
}

const port = (description: string) => Number(/m=audio (\d+)/.exec(description)?.[1]);

/** Plays one piece at `from` and lets the datagrams arrive at `to`. */
async function exchange(from: MediaSession, to: MediaSession, pieces: Iterable<Uint8Array>): Promise<Uint8Array> {
  const heard: Uint8Array[] = [];
  for (const piece of pieces) {
    from.play(piece);
    const before = to.statistics.packetsReceived;
    for (let turn = 0; turn < 50 && to.statistics.packetsReceived === before; turn++) await new Promise(setImmediate);
    heard.push(to.take(piece.length));
  }
  return Buffer.concat(heard);
}

function tone(frequency: number, pieces: number): Uint8Array[] {
  const generator = new ToneGenerator([frequency]);
  return Array.from({ length: pieces }, () => generator.next(160));
}

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

describe('an RTP session', () => {
  it.each([
    ['127.0.0.1', 'PCMU'],
    ['127.0.0.1', 'PCMA'],
    ['::1', 'PCMU'],
  ])('carries sound both ways at %s in %s', async (address, codec) => {
    const only = (sdp: string) => sdp.replace('RTP/AVP 0 8', codec === 'PCMA' ? 'RTP/AVP 8' : 'RTP/AVP 0');
    const [a, b] = await pair({ address }, only);
    expect(b.localDescription).toContain(codec);
    const [atB, atA] = [await exchange(a, b, tone(620, 100)), await exchange(b, a, tone(1330, 100))];
    expect(dominantFrequencyOfMulaw(atB)?.frequency).toBeCloseTo(620, -1);
    expect(dominantFrequencyOfMulaw(atA)?.frequency).toBeCloseTo(1330, -1);
    expect(a.statistics.packetsSent).toBe(100);
    expect(b.statistics).toMatchObject({ packetsReceived: 100, packetsLost: 0, packetsLate: 0 });
  });

  it('takes even ports of the configured range, with RTCP on the next', async () => {
    const made = [
      await session({ ports: { first: 42_101, last: 42_120 } }),
      await session({ ports: { first: 42_101, last: 42_120 } }),
    ];
    for (const each of made) {
      expect(port(each.localDescription) % 2).toBe(0);
      expect(port(each.localDescription)).toBeGreaterThan(42_101);
      expect(port(each.localDescription)).toBeLessThan(42_120);
    }
    await expect(
      session({ ports: { first: port(made[0]!.localDescription), last: port(made[0]!.localDescription) + 1 } }),
    ).rejects.toThrow(/no free pair/);
  });

  it('sends digits as events, once each, and as tones to a peer that takes no events', async () => {
    for (const edit of [(sdp: string) => sdp, (sdp: string) => sdp.replace('0 8 101', '0 8')]) {
      const [a, b] = await pair({}, edit);
      let digits = '';
      b.onDigit((digit) => {
        digits += digit;
      });
      a.sendDigits('159#');
      await exchange(a, b, tone(0, 70));
      expect(digits).toBe('159#');
    }
  });

  it('tells a hook flash, event 16, once for all its packets, and offers to take it', async () => {
    const phone = createSocket('udp4');
    phone.bind(0, '127.0.0.1');
    await once(phone, 'listening');
    const a = await session();
    expect(a.localDescription).toContain('a=fmtp:101 0-16');
    a.applyRemote(a.localDescription.replace(/m=audio \d+/, `m=audio ${phone.address().port}`));
    let flashes = 0;
    let digits = '';
    a.onFlash(() => flashes++);
    a.onDigit((digit) => {
      digits += digit;
    });
    for (let sequence = 1; sequence <= 6; sequence++) {
      const payload = new Uint8Array([16, sequence > 3 ? 0x8a : 10, 0, 160]);
      const packet = writeRtp({
        marker: sequence === 1,
        payloadType: 101,
        sequence,
        timestamp: 1000,
        ssrc: 1,
        payload,
      });
      phone.send(packet, port(a.localDescription), '127.0.0.1');
    }
    for (let turn = 0; turn < 200 && a.statistics.packetsReceived < 6; turn++) await new Promise(setImmediate);
    phone.close();
    expect([flashes, digits]).toEqual([1, '']);
  });

  it('ignores packets of hosts the description does not name, and latches to the port they come from', async () => {
    const listener = createSocket('udp4');
    listener.bind(0, '127.0.0.1');
    await once(listener, 'listening');
    const a = await session();
    a.applyRemote(a.localDescription.replaceAll('127.0.0.1', '192.0.2.1').replace(/m=audio \d+/, 'm=audio 9'));
    const packet = writeRtp({
      marker: false,
      payloadType: 0,
      sequence: 1,
      timestamp: 0,
      ssrc: 1,
      payload: new Uint8Array(160),
    });
    listener.send(packet, port(a.localDescription), '127.0.0.1');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(a.statistics.packetsReceived).toBe(0);

    const b = await session();
    b.applyRemote(b.localDescription.replace(/m=audio \d+/, 'm=audio 9'));
    const arrived = once(listener, 'message');
    listener.send(packet, port(b.localDescription), '127.0.0.1');
    while (b.statistics.packetsReceived === 0) await new Promise(setImmediate);
    b.play(new Uint8Array(160));
    expect((await arrived)[0].length).toBe(172);
    listener.close();
  });

  it('stops sending while the peer holds, and answers hold with its mirror', async () => {
    const [a, b] = await pair();
    b.applyRemote(a.localDescription.replace('sendrecv', 'sendonly'));
    expect(b.localDescription).toContain('a=recvonly');
    b.play(new Uint8Array(1600));
    expect(b.statistics.packetsSent).toBe(0);
    b.applyRemote(a.localDescription);
    expect(b.localDescription).toContain('a=sendrecv');
    b.play(new Uint8Array(1600));
    expect(b.statistics.packetsSent).toBe(10);
    expect(() => b.applyRemote(a.localDescription.replaceAll('IP4 127.0.0.1', 'IP6 ::1'))).toThrow(/IP version/);
  });

  it('survives any datagram', async () => {
    const [a] = await pair();
    const socket = createSocket('udp4');
    for (let i = 0; i < 500; i++) {
      const bytes = systemRandom.bytes(i % 100);
      if (bytes.length > 1) bytes[0] = 0x80;
      if (bytes.length > 1 && i % 2) bytes[1] = 101;
      socket.send(bytes, port(a.localDescription) + (i % 2), '127.0.0.1');
    }
    await new Promise((resolve) => socket.send('', port(a.localDescription), '127.0.0.1', resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(a.take(160).length).toBe(160);
    socket.close();
  });

  it('reports about every five seconds and says goodbye', async () => {
    const clock = new VirtualClock();
    const a = await session({}, clock);
    const rtcp = createSocket('udp4');
    rtcp.bind(0, '127.0.0.1');
    await once(rtcp, 'listening');
    const received: Uint8Array[] = [];
    rtcp.on('message', (bytes) => received.push(bytes));
    a.applyRemote(a.localDescription.replace('a=sendrecv', `a=rtcp:${rtcp.address().port}\r\na=sendrecv`));
    a.play(new Uint8Array(160));
    await clock.advance(60_000);
    while (received.length < 8) await new Promise(setImmediate);
    expect(received.length).toBeLessThanOrEqual(24);
    const before = received.length;
    a.close();
    while (received.length === before) await new Promise(setImmediate);
    expect(readRtcp(received[0]!)?.reports[0]?.sender).toMatchObject({ packets: 1, octets: 160 });
    expect(readRtcp(received[1]!)?.reports[0]?.sender).toBeUndefined();
    expect(readRtcp(received.at(-1)!)?.goodbyes.length).toBe(1);
    rtcp.close();
  });
});

describe('the voice path between line and session', () => {
  it('plays what the line heard and gives exactly as many samples back, at any piece size', async () => {
    const [a, b] = await pair();
    const path = new VoicePath(a, { cancelEcho: true, automaticGain: true });
    for (const size of [1, 37, 160, 400]) expect(path.exchange(new Uint8Array(size)).length).toBe(size);
    expect(a.statistics.packetsSent).toBe(Math.floor(598 / 160));
    b.close();
  });
});

describe('paced sound', () => {
  it('plays and records at 8000 samples a second of the clock, and makes up for a stall', async () => {
    const clock = new VirtualClock();
    const played: number[] = [];
    const stub: Pick<MediaSession, 'play' | 'take'> = {
      play: (samples) => void played.push(samples.length),
      take: (count) => new Uint8Array(count).fill(7),
    };
    const [a] = await pair();
    const mixed = Object.assign(Object.create(a), stub) as MediaSession;
    const recorder = new Recorder(3);
    const paced = new PacedSound(clock, mixed, {
      source: new RecordingSource(new Uint8Array(100), true),
      sink: recorder,
    });
    paced.start();
    await clock.advance(5000);
    paced.stop();
    await clock.advance(1000);
    expect(played.reduce((sum, n) => sum + n, 0)).toBe(40_000);
    expect(recorder.sound.length).toBe(24_000);
  });

  it('plays a recording once, then silence', () => {
    const source = new RecordingSource(Uint8Array.of(1, 2, 3), false);
    expect(Array.from(source.next(5))).toEqual([1, 2, 3, 255, 255]);
    expect(Array.from(new RecordingSource(Uint8Array.of(1, 2), true).next(5))).toEqual([1, 2, 1, 2, 1]);
  });
});

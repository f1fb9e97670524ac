import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { DtmfDetector, dtmfSound, isDigits } from '#media/dtmf.ts';
import { alawToMulaw, mulawToAlaw } from '#media/g711.ts';
import { JitterBuffer } from '#media/jitter-buffer.ts';
import { type Agreement, agree, OFFERED_CODECS, TELEPHONE_EVENT } from '#media/negotiation.ts';
import { Reception } from '#media/reception.ts';
import { middleOfNtp, readRtcp, writeRtcp } from '#media/rtcp.ts';
import { type RtpPacket, readRtp, writeRtp } from '#media/rtp.ts';
import { bindRtpSockets, type PortRange, type RtpSockets } from '#media/rtp-sockets.ts';
import { parseSdp, printSdp, type SdpMedia } from '#media/sdp.ts';
import type { MediaFault, MediaSession, MediaStatistics } from '#media/session.ts';
import { EventReceiver, EventSender, FLASH } from '#media/telephone-event.ts';
import { concat, toHex } from '#platform/bytes.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import { type Random, randomBelow } from '#platform/random.ts';

export interface RtpDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface RtpOptions {
  /** The local IP address to bind. */
  readonly address: string;
  /** The address to tell the peer, by default `address`; needed when that is a wildcard. */
  readonly advertise?: string;
  /** By default the system chooses. */
  readonly ports?: PortRange;
}

/** 20 ms. */
const PACKET_SAMPLES = 160;
/** RFC 3550 §6.2: the minimum interval, varied by half either way. */
const REPORT_INTERVAL_MS = 5000;
/** In-band digits that may wait to be played, in samples: 10 s. */
const MAX_INBAND = 80_000;

/** Opens the sockets of one call leg. Rejects when no ports are free. */
export async function openRtpSession(deps: RtpDeps, options: RtpOptions): Promise<MediaSession> {
  return new RtpSession(deps, options, await bindRtpSockets(options.address, options.ports, deps.random));
}

class RtpSession implements MediaSession {
  readonly #deps: RtpDeps;
  readonly #options: RtpOptions;
  readonly #sockets: RtpSockets;
  readonly #jitter = new JitterBuffer();
  readonly #eventSender = new EventSender();
  readonly #eventReceiver = new EventReceiver();
  readonly #detector = new DtmfDetector((digit) => this.#tellDigit(digit));
  readonly #digitListeners: ((digit: string) => void)[] = [];
  readonly #flashListeners: (() => void)[] = [];
  readonly #canonicalName: string;
  readonly #sessionId: number;
  readonly #ssrc: number;
  #version = 1;
  #offer: readonly SdpMedia[] | undefined;
  #agreement: Agreement | undefined;
  /** Where the peer's packets came from, once they did (RFC 4961). */
  #latched: { readonly address: string; readonly port: number } | undefined;
  #peerIsThisHost = false;
  #reception: Reception | undefined;
  #suspect: { readonly ssrc: number; readonly sequence: number } | undefined;
  #sequence: number;
  #timestamp: number;
  #talking = false;
  #pending: Uint8Array = new Uint8Array(0);
  #inband: Uint8Array = new Uint8Array(0);
  #sent = 0;
  #octetsSent = 0;
  #sentAtReport = 0;
  #lostBefore = 0;
  #receivedBefore = 0;
  #reportTimer: Timer | undefined;
  #closed = false;

  constructor(deps: RtpDeps, options: RtpOptions, sockets: RtpSockets) {
    this.#deps = deps;
    this.#options = options;
    this.#sockets = sockets;
    const view = new DataView(deps.random.bytes(16).buffer);
    this.#ssrc = view.getUint32(0);
    this.#timestamp = view.getUint32(4);
    this.#sequence = view.getUint16(8);
    this.#sessionId = view.getUint32(12);
    this.#canonicalName = toHex(deps.random.bytes(12));
    sockets.rtp.on('message', (bytes, from) => this.#onRtp(bytes, from));
    sockets.rtcp.on('message', (bytes, from) => this.#onRtcp(bytes, from.address));
    for (const socket of [sockets.rtp, sockets.rtcp]) {
      socket.on('error', (error) => deps.logger.debug('socket error', { error: error.message }));
    }
  }

  get localDescription(): string {
    const { codec, events, direction, mediaIndex } = this.#agreement ?? {};
    return printSdp({
      sessionId: this.#sessionId,
      version: this.#version,
      address: this.#options.advertise ?? this.#options.address,
      port: this.#sockets.port,
      direction: direction ?? 'sendrecv',
      codecs: codec ? [codec, ...(events ? [events] : [])] : OFFERED_CODECS,
      answering: this.#offer && mediaIndex !== undefined ? { media: this.#offer, taken: mediaIndex } : undefined,
    });
  }

  applyRemote(description: string): void {
    const media = parseSdp(description);
    const agreement = agree(media);
    this.#checkFamily(agreement);
    const before = this.#agreement;
    this.#agreement = agreement;
    this.#offer = media;
    if (before) this.#version++;
    if (before && (before.address !== agreement.address || before.port !== agreement.port)) this.#latched = undefined;
    this.#peerIsThisHost = agreement.address !== undefined && isOwn(agreement.address);
    if (!before) this.#scheduleReport();
  }

  play(samples: Uint8Array): void {
    if (this.#closed || !this.#agreement) return;
    const all = this.#pending.length === 0 ? samples : concat(this.#pending, samples);
    let offset = 0;
    for (; offset + PACKET_SAMPLES <= all.length; offset += PACKET_SAMPLES) {
      this.#sendInterval(all.subarray(offset, offset + PACKET_SAMPLES));
    }
    this.#pending = all.slice(offset);
  }

  take(count: number, spare = 0): Uint8Array {
    const samples = this.#jitter.take(count, spare);
    if (this.#agreement && !this.#agreement.events) this.#detector.push(samples);
    return samples;
  }

  sendDigits(digits: string): void {
    if (this.#closed || !isDigits(digits)) return;
    if (this.#agreement?.events) this.#eventSender.enqueue(digits);
    else if (this.#inband.length < MAX_INBAND) this.#inband = concat(this.#inband, dtmfSound(digits));
  }

  onDigit(listener: (digit: string) => void): void {
    this.#digitListeners.push(listener);
  }

  onFlash(listener: () => void): void {
    this.#flashListeners.push(listener);
  }

  get statistics(): MediaStatistics {
    return {
      packetsSent: this.#sent,
      packetsReceived: this.#receivedBefore + (this.#reception?.received ?? 0),
      packetsLost: this.#lostBefore + (this.#reception?.lost ?? 0),
      jitterMs: (this.#reception?.jitter ?? 0) / 8,
      ...this.#jitter.report,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#reportTimer?.cancel();
    // The goodbye leaves after a turn of the event loop; until then its socket must stay open.
    this.#report(true, () => this.#sockets.rtcp.close());
    this.#closed = true;
    this.#sockets.rtp.close();
  }

  /** Sends 20 ms: an event in progress, digits as tones, or the sound itself. */
  #sendInterval(sound: Uint8Array): void {
    const agreement = this.#agreement;
    const timestamp = this.#timestamp;
    this.#timestamp = (this.#timestamp + PACKET_SAMPLES) >>> 0;
    if (agreement === undefined || !mayTalk(agreement)) {
      this.#talking = false;
      return;
    }
    const event = agreement.events && this.#eventSender.next(timestamp);
    if (agreement.events && event) {
      this.#talking = false;
      this.#send({ ...event, payloadType: agreement.events.payloadType });
      return;
    }
    let samples = sound;
    if (this.#inband.length > 0) {
      samples = sound.slice();
      samples.set(this.#inband.subarray(0, PACKET_SAMPLES));
      this.#inband = this.#inband.slice(PACKET_SAMPLES);
    }
    const payload = agreement.codec.name === 'PCMA' ? mulawToAlaw(samples) : samples;
    this.#send({ marker: !this.#talking, timestamp, payload, payloadType: agreement.codec.payloadType });
    this.#talking = true;
  }

  #send(packet: Omit<RtpPacket, 'sequence' | 'ssrc'>): void {
    const agreement = this.#agreement;
    const to = this.#latched ?? { address: agreement?.address, port: agreement?.port };
    if (to.address === undefined || to.port === undefined) return;
    const bytes = writeRtp({ ...packet, sequence: this.#sequence, ssrc: this.#ssrc });
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#sent++;
    this.#octetsSent += packet.payload.length;
    this.#sockets.rtp.send(bytes, to.port, to.address, (error) => {
      if (error) this.#deps.logger.debug('sound not sent', { error: error.message });
    });
  }

  #onRtp(bytes: Uint8Array, from: { readonly address: string; readonly port: number }): void {
    const agreement = this.#agreement;
    const packet = readRtp(bytes);
    if (this.#closed || !agreement || !packet || !this.#isPeer(from.address)) return;
    if (agreement.direction === 'sendonly' || agreement.direction === 'inactive') return;
    const { payloadType } = packet;
    const codec = codecOf(agreement, payloadType);
    if (!codec || !this.#acceptSource(packet)) return;
    this.#latched = { address: from.address, port: from.port };
    if (codec === TELEPHONE_EVENT) {
      const digit = this.#eventReceiver.receive(packet.timestamp, packet.payload);
      if (digit === FLASH) for (const listener of this.#flashListeners) listener();
      else if (digit !== undefined) this.#tellDigit(digit);
    } else this.#jitter.put(packet.timestamp, codec === 'PCMA' ? alawToMulaw(packet.payload) : packet.payload);
  }

  /** One source at a time; another one takes over with its second packet in sequence (RFC 3550 §A.1). */
  #acceptSource(packet: RtpPacket): boolean {
    const now = this.#deps.clock.now();
    const known = this.#reception;
    if (known && known.ssrc === packet.ssrc) {
      const outcome = known.accept(packet, now);
      if (outcome !== 'restarted') return outcome === 'new';
    }
    const confirmed =
      this.#suspect?.ssrc === packet.ssrc && ((packet.sequence - this.#suspect.sequence) & 0xffff) === 1;
    if (known && !confirmed) {
      this.#suspect = packet;
      return false;
    }
    this.#lostBefore += known?.lost ?? 0;
    this.#receivedBefore += known?.received ?? 0;
    this.#suspect = undefined;
    this.#jitter.reset();
    this.#reception = new Reception(packet);
    return this.#reception.accept(packet, now) === 'new';
  }

  #onRtcp(bytes: Uint8Array, from: string): void {
    if (this.#closed || !this.#agreement || !this.#isPeer(from)) return;
    const now = this.#deps.clock.now();
    for (const report of readRtcp(bytes)?.reports ?? []) {
      if (report.sender && report.ssrc === this.#reception?.ssrc) {
        this.#reception.senderReport(middleOfNtp(report.sender.time), now);
      }
    }
  }

  #scheduleReport(): void {
    const ms = REPORT_INTERVAL_MS / 2 + randomBelow(this.#deps.random, REPORT_INTERVAL_MS);
    this.#reportTimer = this.#deps.clock.after(ms, () => {
      this.#report(false, () => {});
      this.#scheduleReport();
    });
  }

  #report(bye: boolean, sent: () => void): void {
    const agreement = this.#agreement;
    if (agreement?.address === undefined) {
      sent();
      return;
    }
    const now = this.#deps.clock.now();
    const talked = this.#sent > this.#sentAtReport;
    this.#sentAtReport = this.#sent;
    const sender = { time: now, rtpTimestamp: this.#timestamp, packets: this.#sent, octets: this.#octetsSent };
    const bytes = writeRtcp(
      {
        ssrc: this.#ssrc,
        sender: talked ? sender : undefined,
        blocks: this.#reception ? [this.#reception.report(now)] : [],
      },
      this.#canonicalName,
      bye,
    );
    const port = this.#latched && this.#latched.port !== agreement.port ? this.#latched.port + 1 : agreement.rtcpPort;
    this.#sockets.rtcp.send(bytes, Math.min(port, 65_535), this.#latched?.address ?? agreement.address, (error) => {
      if (error) this.#deps.logger.debug('report not sent', { error: error.message });
      sent();
    });
  }

  /**
   * Only packets of the host that the description named are taken, whatever their port. A host talks to itself over
   * loopback even when it described itself by its outer address.
   */
  #isPeer(address: string): boolean {
    const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
    const negotiated = this.#agreement?.address;
    return negotiated !== undefined && (plain === negotiated || (this.#peerIsThisHost && isOwn(plain)));
  }

  #checkFamily(agreement: Agreement): void {
    if (agreement.address === undefined || isIP(agreement.address) === isIP(this.#options.address)) return;
    throw new Failure<MediaFault>(
      { code: 'bad-description', detail: 'other IP version' },
      `the peer's sound is at ${agreement.address}, which cannot be reached from ${this.#options.address}; use the same IP version at both`,
    );
  }

  #tellDigit(digit: string): void {
    for (const listener of this.#digitListeners) listener(digit);
  }
}

function mayTalk(agreement: Agreement): boolean {
  return agreement.address !== undefined && (agreement.direction === 'sendrecv' || agreement.direction === 'sendonly');
}

/** Which codec a received payload type stands for: the agreed ones, and those of the offer, which the peer may use as well (RFC 3264 §7). */
function codecOf(agreement: Agreement, payloadType: number): string | undefined {
  if (payloadType === agreement.codec.payloadType) return agreement.codec.name;
  if (payloadType === agreement.events?.payloadType) return TELEPHONE_EVENT;
  return OFFERED_CODECS.find((codec) => codec.payloadType === payloadType)?.name;
}

function isOwn(address: string): boolean {
  if (address === '::1' || address.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.address === address));
}

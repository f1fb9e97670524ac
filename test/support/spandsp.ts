import { existsSync } from 'node:fs';
import koffi from 'koffi';

/**
 * libspandsp, which was written by others and is used by many exchanges, as a judge of tones, DTMF and caller ID. Its objects are opaque
 * pointers; sound is 16-bit linear at 8000 samples a second.
 */
const NAMES = ['libspandsp.so.2', 'libspandsp.so.3'];
const PLACES = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib/arm-linux-gnueabihf',
  '/usr/lib64',
  '/usr/lib',
];
const path = PLACES.flatMap((place) => NAMES.map((name) => `${place}/${name}`)).find((file) => existsSync(file));

/** Why the suites that need it can't run, undefined when they can. In CI they run and fail. */
export const spandspMissing =
  path === undefined ? 'libspandsp is not installed (apt-get install libspandsp2)' : undefined;

const BLOCK = 160;

type Native = (...args: readonly unknown[]) => unknown;

let library: ReturnType<typeof koffi.load> | undefined;
const functions = new Map<string, Native>();

const digitsCallback = koffi.proto('void spandspDigits(void *user, const char *digits, int len)');
const messageCallback = koffi.proto('void spandspMessage(void *user, const uint8_t *message, int len)');
const toneCallback = koffi.proto('void spandspTone(void *user, int code, int level, int delay)');
const segmentCallback = koffi.proto('void spandspSegment(void *user, int f1, int f2, int duration)');

function call(prototype: string, ...args: readonly unknown[]): unknown {
  if (path === undefined) throw new Error(spandspMissing);
  library ??= koffi.load(path);
  const known: Native = functions.get(prototype) ?? library.func(prototype);
  functions.set(prototype, known);
  return known(...args);
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number') throw new Error('libspandsp gave no number');
  return value;
}

function inBlocks(sound: Int16Array, take: (block: Int16Array) => void): void {
  for (let at = 0; at < sound.length; at += BLOCK) take(sound.slice(at, at + BLOCK));
}

/** Runs `use` with a callback registered for native code. */
function withCallback<T>(
  callback: Parameters<typeof koffi.register>[0],
  type: unknown,
  use: (pointer: unknown) => T,
): T {
  const registered = koffi.register(callback, koffi.pointer(type as ReturnType<typeof koffi.proto>));
  try {
    return use(registered);
  } finally {
    koffi.unregister(registered);
  }
}

/** DTMF as its generator makes it: level of the low tone in dBm0, the high one `twist` dB above it. */
export function spandspDtmf(
  digits: string,
  {
    onMs = 50,
    offMs = 55,
    level = -10,
    twist = 0,
  }: { onMs?: number; offMs?: number; level?: number; twist?: number } = {},
): Int16Array {
  const tx = call('void *dtmf_tx_init(void *s, void *callback, void *user)', null, null, null);
  call('void dtmf_tx_set_level(void *s, int level, int twist)', tx, level, twist);
  call('void dtmf_tx_set_timing(void *s, int on, int off)', tx, onMs, offMs);
  call('int dtmf_tx_put(void *s, const char *digits, int len)', tx, digits, -1);
  const sound = drain(
    'int dtmf_tx(void *s, _Out_ int16_t *amp, int max)',
    tx,
    8 * (onMs + offMs) * (digits.length + 1),
  );
  call('int dtmf_tx_free(void *s)', tx);
  return sound;
}

/** The digits that its receiver hears. */
export function spandspDigitsIn(sound: Int16Array, options: { filterDialTone?: boolean } = {}): string {
  let heard = '';
  const collect = (_user: unknown, digits: string, length: number) => {
    heard += digits.slice(0, length);
  };
  withCallback(collect, digitsCallback, (callback) => {
    const rx = call('void *dtmf_rx_init(void *s, void *callback, void *user)', null, callback, null);
    if (options.filterDialTone) {
      call('void dtmf_rx_parms(void *s, int filter, float twist, float reverse, float threshold)', rx, 1, -1, -1, -100);
    }
    inBlocks(sound, (block) => call('int dtmf_rx(void *s, const int16_t *amp, int samples)', rx, block, block.length));
    call('int dtmf_rx_free(void *s)', rx);
  });
  return heard;
}

/** Its standards of caller ID. */
export const adsi = { class: 1, clip: 2, aclip: 3, jclip: 4, clipDtmf: 5 } as const;

export interface AdsiField {
  readonly type: number;
  readonly body: string;
}

/** One message of caller ID as its transmitter sends it: the message type and its fields; `alert` puts the tone of 2130 + 2750 Hz before it. */
export function spandspCallerId(
  standard: number,
  messageType: number,
  fields: readonly AdsiField[],
  options: { readonly alert?: boolean } = {},
): Int16Array {
  const tx = call('void *adsi_tx_init(void *s, int standard)', null, standard);
  const message = new Uint8Array(256);
  let length = addField(tx, message, -1, messageType, undefined);
  for (const { type, body } of fields) length = addField(tx, message, length, type, body);
  if (options.alert) call('void adsi_tx_send_alert_tone(void *s)', tx);
  call('int adsi_tx_put_message(void *s, const uint8_t *msg, int len)', tx, message, length);
  const sound = drain('int adsi_tx(void *s, _Out_ int16_t *amp, int max)', tx, 8000 * 10);
  call('int adsi_tx_free(void *s)', tx);
  return sound;
}

function addField(tx: unknown, message: Uint8Array, length: number, type: number, body: string | undefined): number {
  const bytes = body === undefined ? null : Buffer.from(body, 'latin1');
  return numberOf(
    call(
      'int adsi_add_field(void *s, _Inout_ uint8_t *msg, int len, uint8_t type, const uint8_t *body, int body_len)',
      ...[tx, message, length, type, bytes, bytes?.length ?? 0],
    ),
  );
}

/** The messages that its receiver hears, as raw bytes. */
export function spandspMessagesIn(standard: number, sound: Int16Array): Uint8Array[] {
  const heard: Uint8Array[] = [];
  const collect = (_user: unknown, message: unknown, length: number) => {
    heard.push(Uint8Array.from(koffi.decode(message, koffi.array('uint8_t', length, 'Array'))));
  };
  withCallback(collect, messageCallback, (callback) => {
    const rx = call('void *adsi_rx_init(void *s, int standard, void *put, void *user)', null, standard, callback, null);
    inBlocks(sound, (block) => call('int adsi_rx(void *s, const int16_t *amp, int len)', rx, block, block.length));
    call('int adsi_rx_free(void *s)', rx);
  });
  return heard;
}

/** Tones by which modems and fax machines introduce themselves, with its numbers for them. */
export const connectTone = {
  cng: 1,
  ans: 2,
  ansPhaseReversals: 3,
  ansam: 4,
  ansamPhaseReversals: 5,
  faxPreamble: 6,
  cedOrPreamble: 7,
  bellAns: 8,
  callingTone: 9,
} as const;

export function spandspConnectTone(tone: number, samples: number): Int16Array {
  const tx = call('void *modem_connect_tones_tx_init(void *s, int type)', null, tone);
  const sound = drain('int modem_connect_tones_tx(void *s, _Out_ int16_t *amp, int max)', tx, samples);
  call('int modem_connect_tones_tx_free(void *s)', tx);
  return sound;
}

/** What its receiver of one tone reports, in order; 0 is the end of a tone. */
export function spandspConnectTonesIn(tone: number, sound: Int16Array): number[] {
  const heard: number[] = [];
  const collect = (_user: unknown, code: number) => {
    heard.push(code);
  };
  withCallback(collect, toneCallback, (callback) => {
    const rx = call(
      'void *modem_connect_tones_rx_init(void *s, int type, void *cb, void *user)',
      null,
      tone,
      callback,
      null,
    );
    inBlocks(sound, (block) =>
      call('int modem_connect_tones_rx(void *s, const int16_t *amp, int len)', rx, block, block.length),
    );
    call('int modem_connect_tones_rx_free(void *s)', rx);
  });
  return heard;
}

/** One element of a cadence for its supervisory tone detector: 0 for no frequency. */
export interface SuperToneElement {
  readonly f1: number;
  readonly f2: number;
  readonly minMs: number;
  readonly maxMs: number;
}

export interface SuperToneReport {
  /** Tones that were recognised, by their place in the list; -1 is the end of one. */
  readonly tones: readonly number[];
  /** The segments it saw: frequencies and length in ms. */
  readonly segments: readonly { readonly f1: number; readonly f2: number; readonly ms: number }[];
}

/** What its supervisory tone detector makes of a sound. */
export function spandspSuperTones(
  patterns: readonly (readonly SuperToneElement[])[],
  sound: Int16Array,
): SuperToneReport {
  const tones: number[] = [];
  const segments: { f1: number; f2: number; ms: number }[] = [];
  const descriptor = call('void *super_tone_rx_make_descriptor(void *d)', null);
  for (const pattern of patterns) {
    const id = call('int super_tone_rx_add_tone(void *d)', descriptor);
    for (const { f1, f2, minMs, maxMs } of pattern) {
      call(
        'int super_tone_rx_add_element(void *d, int tone, int f1, int f2, int min, int max)',
        ...[descriptor, id, f1, f2, minMs, maxMs],
      );
    }
  }
  withCallback(
    (_user: unknown, code: number) => void tones.push(code),
    toneCallback,
    (onTone) =>
      withCallback(
        (_user: unknown, f1: number, f2: number, ms: number) => void segments.push({ f1, f2, ms }),
        segmentCallback,
        (onSegment) => {
          const rx = call(
            'void *super_tone_rx_init(void *s, void *d, void *cb, void *user)',
            null,
            descriptor,
            onTone,
            null,
          );
          call('void super_tone_rx_segment_callback(void *s, void *cb)', rx, onSegment);
          inBlocks(sound, (block) =>
            call('int super_tone_rx(void *s, const int16_t *amp, int len)', rx, block, block.length),
          );
          call('int super_tone_rx_free(void *s)', rx);
        },
      ),
  );
  return { tones, segments };
}

/** What a generator gives until it has no more, or `max` samples. */
function drain(prototype: string, tx: unknown, max: number): Int16Array {
  const out = new Int16Array(max);
  let at = 0;
  while (at < max) {
    const block = new Int16Array(Math.min(BLOCK, max - at));
    const made = numberOf(call(prototype, tx, block, block.length));
    if (made <= 0) break;
    out.set(block.subarray(0, made), at);
    at += made;
  }
  return out.subarray(0, at);
}

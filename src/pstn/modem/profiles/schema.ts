import * as z from 'zod/mini';
import { isHarmless } from '#pstn/modem/profiles/harmless.ts';

/** Ways of coding one sample of sound on the wire between modem and computer. */
const CODINGS = ['mulaw', 'alaw', 'unsigned-8', 'signed-8', 'linear-16'] as const;
const MAX_COMMANDS = 32;
const MAX_RULES = 16;
const MAX_TEXTS = 8;

function listOf<T extends z.ZodMiniType>(item: T, most: number) {
  return z._default(z.array(item).check(z.maxLength(most)), []);
}

function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.prefault(z.strictObject(shape), {} as never);
}

const words = z.string().check(z.minLength(1), z.maxLength(400));

/** An AT command. Nothing in a profile dials or answers. */
const command = z.string().check(
  z.refine((text) => /^AT[\x20-\x7e]{0,62}$/.test(text), 'give one AT command of at most 64 characters'),
  z.refine(
    (text) => !text.startsWith('AT') || isHarmless(text),
    'a profile must not dial or answer: give one command that does neither',
  ),
);

/** Texts that all have to stand in one answer, upper or lower case. */
const texts = z.optional(
  z.array(z.string().check(z.minLength(2), z.maxLength(60))).check(z.minLength(1), z.maxLength(MAX_TEXTS)),
);

/** One way to know the modem: all that is named must hold. */
const rule = z
  .strictObject({ ati: texts, ati3: texts, fmi: texts, fmm: texts, vsm: texts })
  .check(z.refine((given) => Object.keys(given).length > 0, 'name at least one answer and a text in it'));

/** The characters of codes behind DLE (ITU-T V.253 §9). */
const codes = z.string().check(z.regex(/^[\x21-\x7e]{0,80}$/, 'give printable characters, one for each code'));
const code = z.string().check(z.regex(/^[\x21-\x7e]$/, 'give one character'));

const volts = z.number().check(z.gte(0), z.lte(100));
const byte = z.int().check(z.gte(0), z.lte(255));
const gain = z.optional(
  z
    .strictObject({ least: byte, most: byte, set: z.optional(byte) })
    .check(z.refine(({ least, most, set = least }) => least <= set && set <= most, 'set lies between least and most')),
);

const common = {
  name: z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'give 1 to 32 small letters, digits and hyphens')),
  title: z.string().check(z.minLength(1), z.maxLength(80)),
  /** What is known, and from where. */
  known: listOf(z.strictObject({ says: words, from: z.enum(['standard', 'manual', 'measured', 'emulator']) }), 24),
  /** Any one of them is enough; what demands most wins. */
  match: listOf(rule, MAX_RULES),
  /** Taken when nothing else matches. */
  fallback: z._default(z.boolean(), false),
  traps: listOf(words, MAX_RULES),
};

const voice = z.strictObject({
  ...common,
  kind: z._default(z.literal('voice'), 'voice'),
  /** Sent once after identification; a refusal does not matter. */
  init: listOf(command, MAX_COMMANDS),
  country: section({
    /** For every country; `{t35}` stands for its code in ITU-T T.35. */
    commands: listOf(command, MAX_TEXTS),
    /** For one country more, by its ISO 3166 code. */
    only: z._default(
      z.record(z.string().check(z.regex(/^[A-Z]{2}$/)), z.array(command).check(z.maxLength(MAX_TEXTS))),
      {},
    ),
  }),
  voice: section({
    /** In order of preference. The number is taken from the row of `+VSM=?` whose name begins with one of `named`. */
    methods: z._default(
      z.array(z.strictObject({ coding: z.enum(CODINGS), named: texts })).check(z.minLength(1), z.maxLength(MAX_TEXTS)),
      [{ coding: 'mulaw' }, { coding: 'alaw' }],
    ),
    /** What goes each way, bytes a second; what needs more is not chosen. */
    most_bytes_per_second: z._default(z.int().check(z.gte(8000), z.lte(1_000_000)), 11_520),
  }),
  duplex: section({
    /** `try`: +VTR is tried in the first call, and half duplex taken when it is refused. */
    mode: z._default(z.enum(['full', 'half', 'try']), 'try'),
    /** Codes that leave +VTR, tried one after the other. */
    exit: z._default(z.array(z.enum(['^', 'etx'])).check(z.minLength(1), z.maxLength(2)), ['^', 'etx']),
  }),
  gain: section({ transmit: gain, receive: gain }),
  caller_id: section({
    /** `sound`: the modem gives none, so it is read out of the sound between the rings. */
    from: z._default(z.enum(['modem', 'sound']), 'modem'),
    commands: listOf(command, MAX_TEXTS),
    /** Whether ATZ forgets it. */
    cleared_by_reset: z._default(z.boolean(), true),
    /** Lets the sound of the line in without lifting the receiver. */
    snoop: z.optional(command),
  }),
  codes: section({
    /** Reports that are believed; others are ignored. */
    trusted: z._default(codes, 'RrbKdicfeaHhPplLJsqwX@'),
    /** The telephone in the modem's own socket. */
    handset: z.optional(z.strictObject({ lifted: code, down: code })),
    /** A telephone elsewhere on the line. */
    extension: z.optional(z.strictObject({ lifted: code, down: code })),
  }),
  /** `shielded`: within `/` and `~`; `repeats`: again and again while held; `bare`: one report for one press. */
  dtmf: z._default(z.enum(['shielded', 'repeats', 'bare']), 'repeats'),
  /**
   * `modem`: by ATD. `own`: the modem only goes off hook; dial tone, digits and what comes behind them are ours. In full duplex only.
   */
  dialling: z._default(z.enum(['modem', 'own']), 'modem'),
  /** Whether `+VTS=!` interrupts the loop for a moment. */
  flash: z._default(z.boolean(), true),
  /** Volts between tip and ring, on hook. */
  voltage: z.optional(z.strictObject({ ask: command, no_line_below: volts, in_use_below: volts })),
});

const cellular = z.strictObject({
  ...common,
  kind: z.literal('cellular'),
  /** Sent once after identification; a refusal does not matter. */
  init: listOf(command, MAX_COMMANDS),
  call: section({
    hang_up: z._default(command, 'AT+CHUP'),
    /** A call may be told as answered when the far end begins to ring; 'answered' is then inferred. */
    early_answer: z._default(z.boolean(), false),
  }),
  /** The serial device for sound: 16 bits, 8000 a second. */
  sound: z.strictObject({
    on: command,
    off: command,
    /** When it is switched on: once the call is answered, or before it begins. */
    at: z.enum(['answer', 'dialling']),
    /** Restarts the module, where its sound went bad. */
    restart: z.optional(command),
  }),
  /** Keys that the far end presses: the report's name, and whether the key or its ASCII code follows. */
  keys: z.strictObject({
    report: z.string().check(z.regex(/^[+^][A-Z]{2,20}$/, "give a report's name, such as +RXDTMF")),
    as: z.enum(['key', 'code']),
  }),
});

/** What a file in firmware-config/modems or in the user's folder may say. Types are inferred from here. */
export const profileSchemas = { voice, cellular };

export type VoiceProfile = z.output<typeof voice>;
export type CellularProfile = z.output<typeof cellular>;
export type ModemProfile = VoiceProfile | CellularProfile;
export type Coding = (typeof CODINGS)[number];

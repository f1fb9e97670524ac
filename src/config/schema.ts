import * as z from 'zod/mini';
import { dialPlan } from '#config/dial.ts';
import { line } from '#config/line.ts';
import { pins } from '#config/pins.ts';
import { screening } from '#config/screening.ts';
import { section, withDefault } from '#config/shapes.ts';
import { domainName, hostPort, text, userName, whole } from '#config/values.ts';
import { voiceMail } from '#config/voice-mail.ts';

const ROLES = ['peer', 'client', 'gateway', 'proxy', 'enrollment', 'bootstrap'] as const;

const portRange = z
  .tuple([whole(1024, 65_535), whole(1024, 65_535)])
  .check(z.refine(([first, last]) => last > first, 'give [first, last], the last one larger'));

const overlay = section({
  /** Refuses an identity of any other overlay. */
  name: z.optional(domainName),
  /** Where bootstrap links are taken. Port 0 lets the system choose. */
  listen: z.prefault(hostPort, '0.0.0.0:6084'),
  /** Addresses told to others in place of the interfaces' own, for example behind a port forwarding. */
  advertise: withDefault(z.array(text).check(z.maxLength(8)), []),
  /** Offers loopback addresses too; for rings on one machine. */
  loopback: withDefault(z.boolean(), false),
  /** First and last port of the listeners for links that others open by Attach; by default the system chooses. */
  attach_ports: z.optional(portRange),
  /** First contacts, in place of those of the configuration document. */
  bootstrap: withDefault(z.array(hostPort).check(z.maxLength(32)), []),
  /** Finds peers on the local network by DNS-SD, and lets them find this one; by default unless `loopback`. */
  dns_sd: z.optional(z.boolean()),
  /** Starts the ring: joins nobody when no bootstrap node answers. */
  found: withDefault(z.boolean(), false),
  /** Where `copperring enroll` put this node's identity; by default `identity` in the state directory. */
  identity: z.optional(text),
  /** TLS secrets are appended to this file, for packet captures. Whoever reads it can read every link. */
  keylog: z.optional(text),
  /** They shorten what the document and the program set by themselves, for rings that have to settle fast. */
  timers: section({
    update_seconds: z.optional(whole(1, 86_400)),
    ping_seconds: z.optional(whole(1, 86_400)),
    /** A neighbour not heard for so long is pinged, and given up after `suspicion_ms` more. */
    liveness_ms: z.optional(whole(100, 3_600_000)),
    suspicion_ms: z.optional(whole(100, 3_600_000)),
    /** Between the loss of a neighbour and new copies of its records. */
    hold_down_ms: z.optional(whole(0, 3_600_000)),
    /** Changes within this time go into one Update. */
    coalesce_ms: z.optional(whole(0, 10_000)),
    join_ms: z.optional(whole(1000, 3_600_000)),
    unreachable_ms: z.optional(whole(100, 3_600_000)),
  }),
});

const phone = z.strictObject({
  user: userName,
  /** The phone's SIP password and, to obtain its overlay certificate, the password at the enrollment server. */
  password: text,
});

const sip = section({
  /** Where phones register, by UDP and TCP. Port 0 lets the system choose. */
  listen: z.prefault(hostPort, '127.0.0.1:5060'),
  /** Takes any free port when the configured one is taken. */
  any_port: withDefault(z.boolean(), false),
  /** The IP address for sound; by default loopback with `overlay.loopback`, else the first of a network interface. */
  media_address: z.optional(text),
  /** Told to phones in place of `media_address`. */
  advertise: z.optional(text),
  rtp_ports: z.optional(portRange),
});

const enrollment = section({
  listen: z.prefault(hostPort, '127.0.0.1:8443'),
  /** The folder that `overlay create` made. */
  directory: z.optional(text),
  /** How long new certificates last; there is no revocation but by a new document. */
  validity_days: withDefault(whole(1, 3650), 365),
});

const mqtt = z.strictObject({
  url: z.string().check(z.regex(/^(?:mqtt|mqtts|ws|wss):\/\/\S{1,500}$/, 'give mqtt://host:port or mqtts://host:port')),
  username: z.optional(text),
  password: z.optional(text),
  prefix: withDefault(z.string().check(z.regex(/^[0-9A-Za-z_/-]{1,64}$/)), 'copperring'),
  /** Names this gateway below the prefix; by default `overlay.name` with other characters made `_`, else `gateway`. */
  id: z.optional(z.string().check(z.regex(/^[0-9A-Za-z_-]{1,32}$/))),
  /** Home Assistant's discovery. */
  discovery: withDefault(z.boolean(), true),
  discovery_prefix: withDefault(z.string().check(z.regex(/^[0-9A-Za-z_/-]{1,64}$/)), 'homeassistant'),
  /** Takes commands from MQTT: hanging up, and the lists of callers. Anyone who may publish there may use it. */
  commands: withDefault(z.boolean(), false),
});

const limits = section({
  /** Call records kept. */
  call_records: withDefault(whole(10, 1_000_000), 10_000),
  /** Days for which they are kept. */
  call_record_days: withDefault(whole(1, 36_500), 365),
  /** What they keep of telephone numbers and names from the line. */
  record_numbers: withDefault(z.enum(['full', 'masked', 'none'] as const), 'full'),
  /** Calls handled at the same time. */
  calls: withDefault(whole(1, 1000), 20),
});

/** The whole configuration file. Types are inferred from here; docs name the keys as written here. */
export const configSchema = z.strictObject({
  roles: withDefault(z.array(z.enum(ROLES)).check(z.minLength(1)), ['peer']),
  /** Where identity, records and the control socket live. */
  state: z.optional(text),
  log_level: withDefault(z.enum(['debug', 'info', 'warn', 'error']), 'info'),
  overlay,
  /** `[line]` is read as a list of one (line-list.ts). */
  line: withDefault(z.array(line).check(z.maxLength(16)), []),
  dial_plan: dialPlan,
  pins,
  phones: withDefault(z.array(phone).check(z.maxLength(256)), []),
  sip,
  enrollment,
  voice_mail: voiceMail,
  screening,
  mqtt: z.optional(mqtt),
  limits,
});

type Output = z.output<typeof configSchema>;
type Input = z.input<typeof configSchema>;
type LineInput = z.input<typeof line>;

export type Config = Omit<Output, 'line'> & { readonly lines: Output['line'] };
/** What a file can say: one line or several. */
export type ConfigInput = Omit<Input, 'line'> & { readonly line?: LineInput | readonly LineInput[] };

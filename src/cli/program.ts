import { resolveSrv } from 'node:dns/promises';
import { join } from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import type { ControlOptions } from '#cli/control.ts';
import { lineEmulatorHelp } from '#cli/line-emulator-help.ts';
import { addCalls } from '#cli/program-calls.ts';
import { addDoctor } from '#cli/program-doctor.ts';
import { addOverlayAdministration } from '#cli/program-overlay.ts';
import { addPin } from '#cli/program-pin.ts';
import { addScreening } from '#cli/program-screening.ts';
import { addVoiceMail } from '#cli/program-voicemail.ts';
import { stateDirectory } from '#config/load.ts';
import { systemClock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { systemRandom } from '#platform/random.ts';

export interface ProgramDeps {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly program: string;
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly errors: NodeJS.WriteStream;
  /** Aborts at SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

/** Exit statuses: 0 done, 1 it failed, 2 the command line was wrong. */
const FAILED = 1;
const USAGE = 2;

/** Runs one command and resolves with the exit status. */
export async function runProgram(deps: ProgramDeps, args: readonly string[]): Promise<number> {
  let status = 0;
  const fail = () => {
    status = FAILED;
  };
  const program = new Command('copperring')
    .description('P2PSIP node: a PSTN gateway in a RELOAD overlay')
    .version('0.1.0')
    .exitOverride()
    .configureOutput({ writeOut: (text) => deps.output.write(text), writeErr: (text) => deps.errors.write(text) });
  addRun(program, deps);
  addOwnOverlay(program, deps);
  addOverlay(program, deps);
  addEnroll(program, deps);
  addControl(program, deps, fail);
  addCalls(program, { ...deps, print: printTo(deps) });
  addScreening(program, { ...deps, print: printTo(deps) });
  addVoiceMail(program, { ...deps, print: printTo(deps) });
  addDoctor(program, { ...deps, print: printTo(deps), progress: (line) => deps.errors.write(`${line} ...\n`) }, fail);
  addTools(program, deps, fail);
  addPin(program, { ...deps, print: printTo(deps) });
  addDemo(program, deps, fail);
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : USAGE;
    deps.errors.write(`copperring: ${messageOf(thrown)}\n`);
    return FAILED;
  }
}

function printTo(deps: ProgramDeps): (line: string) => void {
  return (line) => void deps.output.write(`${line}\n`);
}

function addRun(program: Command, deps: ProgramDeps): void {
  program
    .command('run')
    .description(
      'run this node until it is told to stop; without a configuration: its own overlay, an emulated line, one phone, on loopback',
    )
    .option('-c, --config <file>', 'configuration file (TOML)')
    .option('--json-events', 'print what happens as JSON, one event a line')
    .action(async (options: { config?: string; jsonEvents?: boolean }) => {
      const { runCommand } = await import('#cli/run.ts');
      await runCommand({ ...deps, print: printTo(deps) }, options);
    });
}

/** For `run` only, which starts it as a process of its own. */
function addOwnOverlay(program: Command, { environment }: ProgramDeps): void {
  program.command('own-overlay', { hidden: true }).action(async () => {
    const { ownOverlay } = await import('#gateway/own-overlay.ts');
    const state = stateDirectory({ state: environment.COPPERRING_STATE }, environment);
    await ownOverlay({ clock: systemClock, random: systemRandom }, state);
  });
}

function addOverlay(program: Command, deps: ProgramDeps): void {
  const overlay = program.command('overlay').description('found and administer an overlay');
  overlay
    .command('create')
    .description('make trust root, signing key and configuration document in a new folder; prints the invitation')
    .requiredOption('--name <name>', 'overlay name, a domain name')
    .requiredOption('--out <dir>', 'folder to make')
    .option(
      '--host <host...>',
      'names or addresses of the enrollment server, the first goes into the invitation; by default the overlay name',
    )
    .option('--port <port>', 'port of the enrollment server', '8443')
    .option('--bootstrap <address:port...>', 'peers to join through, by IP address; port 6084 if none is given')
    .option(
      '--multicast <address:port...>',
      'multicast groups at which newcomers ask for peers; port 6084 if none is given',
    )
    .option('--gateway-domain <name>', 'users of this domain count as gateways; pstn.<name> by default')
    .option('--peers <number>', 'how many peers there may be one day, for initial-ttl; a million by default')
    .action(
      async (options: Record<string, string> & { host?: string[]; bootstrap?: string[]; multicast?: string[] }) => {
        const { createOverlay } = await import('#cli/overlay-create.ts');
        const {
          name = '',
          out = '',
          host = [],
          port = '',
          bootstrap = [],
          multicast = [],
          gatewayDomain,
          peers,
        } = options;
        await createOverlay(
          { clock: systemClock, random: systemRandom, print: printTo(deps) },
          {
            name,
            out,
            hosts: host,
            port: /^\d+$/.test(port) ? Number(port) : Number.NaN,
            bootstrap,
            multicast,
            ...(gatewayDomain === undefined ? {} : { gatewayDomain }),
            ...(peers === undefined ? {} : { peers: Number(peers) }),
          },
        );
      },
    );
  addOverlayAdministration(overlay, { ...deps, clock: systemClock, random: systemRandom, print: printTo(deps) });
  for (const [name, description, newPassword] of [
    ['add-user', 'let a user enroll', false],
    ['set-password', "change a user's password", true],
  ] as const) {
    overlay
      .command(name)
      .description(`${description}; the password comes from --password-file, COPPERRING_PASSWORD or standard input`)
      .requiredOption('--dir <dir>', 'folder that `overlay create` made')
      .requiredOption('--user <user>', 'name@domain')
      .option('--password-file <file>', 'file with the password in its first line')
      .action(async (options: { dir: string; user: string; passwordFile?: string }) => {
        const { changeUser } = await import('#cli/overlay-accounts.ts');
        await changeUser({ ...deps, random: systemRandom, print: printTo(deps) }, { ...options, newPassword });
      });
  }
}

function addEnroll(program: Command, deps: ProgramDeps): void {
  program
    .command('enroll')
    .description(
      'become a member of an overlay; the password comes from --password-file, COPPERRING_PASSWORD or standard input',
    )
    .option('--user <user>', 'the account, name@domain')
    .option('--renew', 'renew the identity in the folder by the certificate that is there; no password needed')
    .option('--keep-key', 'with --renew: keep the key')
    .option('--overlay <name>', 'overlay name; an invitation names it')
    .option('--invitation <text>', "the operator's invitation")
    .option('--ca <file>', "the overlay's root certificate (PEM) in place of an invitation")
    .option('--url <url>', 'URL of the configuration document; found by DNS when there is no invitation either')
    .option(
      '--out <dir>',
      'folder for the identity; by default `identity` in COPPERRING_STATE, where `run` looks for it',
    )
    .addOption(new Option('--key-type <type>', 'kind of key').choices(['p-256', 'rsa-2048']).default('p-256'))
    .option('--password-file <file>', 'file with the password in its first line')
    .action(async (options: Record<string, string> & { renew?: boolean; keepKey?: boolean }, command: Command) => {
      const { readPassword } = await import('#cli/password.ts');
      const { enrollMember, renewMember } = await import('#cli/enroll.ts');
      const { environment, input, errors } = deps;
      const out = options.out ?? join(stateDirectory({ state: environment.COPPERRING_STATE }, environment), 'identity');
      const enrollDeps = { clock: systemClock, random: systemRandom, resolveSrv, print: printTo(deps) };
      if (options.renew === true) return renewMember(enrollDeps, { out, keepKey: options.keepKey === true });
      if (options.user === undefined)
        return command.error('error: give --user, or --renew for an identity that is there');
      const password = await readPassword(
        { file: options.passwordFile, environment, input, output: errors },
        `Password of ${options.user}: `,
      );
      const { overlay, invitation, ca, url, user } = options;
      await enrollMember(enrollDeps, {
        user,
        password,
        out,
        keyType: options.keyType === 'rsa-2048' ? 'rsa-2048' : 'p-256',
        ...(overlay === undefined ? {} : { overlay }),
        ...(invitation === undefined ? {} : { invitation }),
        ...(ca === undefined ? {} : { ca }),
        ...(url === undefined ? {} : { url }),
      });
    });
}

function addControl(program: Command, deps: ProgramDeps, fail: () => void): void {
  const context = { ...deps, print: printTo(deps) };
  const control = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .option('-c, --config <file>', 'configuration of the running node, which names its state directory')
      .option('--state <dir>', 'state directory of the running node')
      .option('--json', 'print JSON');
  control('status', 'show what the running node is doing').action(async (options: object) => {
    const { statusCommand } = await import('#cli/control.ts');
    await statusCommand(context, options);
  });
  control(
    'discover [number]',
    'find a gateway in the overlay for a number (+4930123456), or any; a gateway does not find itself',
  )
    .addOption(new Option('--service <name>', 'find the nodes of a service instead').choices(['voice-mail']))
    .action(async (number: string | undefined, options: ControlOptions & { readonly service?: string }) => {
      const { discoverCommand, discoverServiceCommand } = await import('#cli/control.ts');
      const found =
        options.service === undefined
          ? await discoverCommand(context, number, options)
          : await discoverServiceCommand(context, options.service, options);
      if (!found) fail();
    });
  control(
    'call <target>',
    'call a number (+4930123456) or user (alice@home.example) from the running node, with a tone for a voice',
  )
    .option('--seconds <n>', 'how long to talk, 1 to 3600', '5')
    .option('--tone <hz>', 'tone to send, 100 to 3400', '440')
    .option('--digits <digits>', 'digits to press one second after the answer')
    .action(async (target: string, options: object) => {
      const { callCommand } = await import('#cli/control.ts');
      await callCommand(context, target, options);
    });
}

function addTools(program: Command, deps: ProgramDeps, fail: () => void): void {
  program
    .command('decode')
    .description('read RELOAD messages as hex, one a line, from standard input; print a line of JSON for each')
    .option('--layer <layer>', 'what a line holds: message (the default), frame, value or fragment')
    .option('--kind <kind>', 'Kind of the values, by number or name; by default the known ones are tried')
    .option('--kind-model <id=model...>', 'data model of private Kinds: single, array or dictionary')
    .option('--node-id-length <bytes>', 'bytes in a Node-ID, 16 to 20; 16 by default')
    .action(async (options: object) => {
      const { decodeCommand } = await import('#cli/decode.ts');
      const { failed } = await decodeCommand(deps, options);
      if (failed > 0) fail();
    });
  program
    .command('encode')
    .description("turn `decode`'s lines of JSON back into hex, from the fields alone")
    .action(async () => {
      const { encodeCommand } = await import('#cli/encode.ts');
      const { failed } = await encodeCommand(deps);
      if (failed > 0) fail();
    });
  program
    .command('line-emulator')
    .description(
      'a voice modem on a pty with an exchange behind it; commands and events as JSON lines; ends with its input',
    )
    .option('--country <code>', 'ISO 3166 code of the country of the line; US by default')
    .option('--modem <name>', 'v253 (the default), conexant-cx930xx, usr-5637, rockwell, half-duplex, sim7600 or ec25')
    .option('--link <path>', 'symbolic link to make to the device')
    .option('--skew-ppm <n>', 'how much its clock is off, -1000 to 1000')
    .option('--stall-ms <n>', 'stands still for so long every 3 s, 0 to 2000')
    .option('--dial-result <when>', 'when dialling is reported done: answer or dialled; the modem decides by default')
    .option('--duplex-exit <how>', 'what ends full duplex: ^ or etx; the modem decides by default')
    .addHelpText('after', lineEmulatorHelp)
    .action(async (options: object) => {
      const { lineEmulatorCommand } = await import('#cli/line-emulator.ts');
      await lineEmulatorCommand({ clock: systemClock, input: deps.input, output: deps.output }, options);
    });
}

function addDemo(program: Command, deps: ProgramDeps, fail: () => void): void {
  program
    .command('demo')
    .description(
      'build an overlay out of separate processes, call both ways over an emulated line, lose peers, and report; about a minute',
    )
    .option('--json', 'print the report as one JSON object, as the last line')
    .action(async (options: { json?: boolean }) => {
      const { demoCommand } = await import('#cli/demo.ts');
      if (!(await demoCommand({ ...deps, print: printTo(deps) }, options))) fail();
    });
  program
    .command('phone')
    .description('a headless SIP phone: speaks with a tone, records what it hears; commands as JSON lines')
    .requiredOption('--registrar <host:port>', 'registrar and proxy of the phone')
    .requiredOption('--user <user>', 'name@domain; the password comes from COPPERRING_PASSWORD')
    .option('--tone <hz>', 'tone to send', '440')
    .requiredOption('--dir <dir>', 'folder for sent.wav and heard.wav')
    .action(async (options: { registrar: string; user: string; tone: string; dir: string }) => {
      const { phoneCommand } = await import('#cli/phone.ts');
      const password = deps.environment.COPPERRING_PASSWORD ?? '';
      await phoneCommand({ ...deps, print: printTo(deps), password }, options);
    });
}

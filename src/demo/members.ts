import { spawn } from 'node:child_process';
import { Failure } from '#platform/failure.ts';

interface CommandFault {
  readonly code: 'command-failed';
  readonly status: number | null;
}

/** Runs one command of this program to its end and gives what it printed. Rejects with `Failure<CommandFault>`. */
function runCommand(program: string, args: readonly string[], password?: string): Promise<string> {
  const environment = password === undefined ? process.env : { ...process.env, COPPERRING_PASSWORD: password };
  const child = spawn(process.execPath, [program, ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  let complaints = '';
  child.stdout.on('data', (bytes) => {
    printed += bytes;
  });
  child.stderr.on('data', (bytes) => {
    complaints += bytes;
  });
  return new Promise((resolve, reject) => {
    child.once('close', (status) => {
      if (status === 0) return resolve(printed);
      const message = `copperring ${args.slice(0, 2).join(' ')} failed: ${complaints.trim() || `exit status ${status}`}`;
      reject(new Failure<CommandFault>({ code: 'command-failed', status }, message));
    });
  });
}

/** The overlay that the demo makes for itself, and how nodes become members of it. */
export class DemoOverlay {
  readonly name: string;
  readonly directory: string;
  readonly #program: string;
  readonly #password: string;
  #invitation = '';

  constructor(
    program: string,
    options: { readonly name: string; readonly directory: string; readonly password: string },
  ) {
    this.#program = program;
    this.name = options.name;
    this.directory = options.directory;
    this.#password = options.password;
  }

  /** `bootstrap` are the `host:port` of the peers that newcomers turn to. */
  async create(enrollmentPort: number, bootstrap: readonly string[]): Promise<void> {
    const where = ['--host', '127.0.0.1', '--port', String(enrollmentPort), '--bootstrap', ...bootstrap];
    const printed = await runCommand(this.#program, [
      ...['overlay', 'create', '--name', this.name, '--out', this.directory],
      ...where,
    ]);
    this.#invitation = printed.trim().split('\n').at(-1) ?? '';
  }

  async addUser(user: string): Promise<void> {
    await runCommand(this.#program, ['overlay', 'add-user', '--dir', this.directory, '--user', user], this.#password);
  }

  /** Enrolls `user` into `identity` and gives the Node-ID. */
  async enroll(user: string, identity: string): Promise<string> {
    const printed = await runCommand(
      this.#program,
      ['enroll', '--user', user, '--invitation', this.#invitation, '--out', identity],
      this.#password,
    );
    return /\b[0-9a-f]{32}\b/.exec(printed)?.[0] ?? '';
  }
}

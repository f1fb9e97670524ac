import { createHash } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure, messageOf } from '#platform/failure.ts';

/** One request a line, one answer a line, both JSON. */
export type ControlHandler = (request: Readonly<Record<string, unknown>>) => Promise<unknown>;

type ControlFault =
  | { readonly code: 'not-running' }
  | { readonly code: 'refused'; readonly detail: string }
  | { readonly code: 'broken-off' };

/** What a socket address holds on the strictest system. */
const MAX_PATH = 100;
const MAX_LINE = 1_000_000;
const MAX_CONNECTIONS = 32;
/** Requests of one connection without an answer yet. */
const MAX_PIPELINED = 16;

/** Where the process that works on a state directory listens for commands of the same user. */
export function controlPath(stateDirectory: string): string {
  const path = join(stateDirectory, 'control.sock');
  if (Buffer.byteLength(path) <= MAX_PATH) return path;
  const name = createHash('sha256').update(stateDirectory).digest('hex').slice(0, 24);
  return join(tmpdir(), `copperring-${name}.sock`);
}

/** Serves `status` and its kin to processes of the same user. */
export class ControlServer {
  readonly #path: string;
  readonly #handler: ControlHandler;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(path: string, handler: ControlHandler) {
    this.#path = path;
    this.#handler = handler;
  }

  /** Rejects with `Failure<ControlFault>` `refused` when another process already works on this state directory. */
  async start(): Promise<void> {
    if (await isAnswering(this.#path)) {
      throw new Failure<ControlFault>(
        { code: 'refused', detail: 'already running' },
        `another copperring process uses this state directory (${this.#path}); stop it, or give COPPERRING_STATE another folder`,
      );
    }
    await rm(this.#path, { force: true });
    const server = createServer((socket) => this.#serve(socket));
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#path, resolve);
    });
    await chmod(this.#path, 0o600);
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(this.#path, { force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let unanswered = 0;
    onLines(socket, async (line) => {
      if (socket.destroyed) return;
      if (++unanswered > MAX_PIPELINED) {
        socket.destroy();
        return;
      }
      const answer = await this.#answer(line);
      // An answer counts as given once the other end takes it: one that does not read asks no more.
      if (!socket.destroyed) socket.write(`${JSON.stringify(answer)}\n`, () => unanswered--);
    });
  }

  async #answer(line: string): Promise<object> {
    try {
      const request: unknown = JSON.parse(line);
      if (typeof request !== 'object' || request === null) throw new Error('a request is a JSON object');
      return { ok: true, result: await this.#handler({ ...request }) };
    } catch (thrown) {
      return { ok: false, error: messageOf(thrown) };
    }
  }
}

/** Sends one request to the running process. Rejects with `Failure<ControlFault>`. */
export async function controlRequest(path: string, request: object): Promise<unknown> {
  const socket = connect(path);
  try {
    const line = await new Promise<string>((resolve, reject) => {
      socket.once('error', (error) =>
        reject(
          new Failure<ControlFault>(
            { code: 'not-running' },
            'no copperring process is running on this state directory; start one with `copperring run`',
            error,
          ),
        ),
      );
      socket.once('close', () =>
        reject(new Failure<ControlFault>({ code: 'broken-off' }, 'the process closed the connection')),
      );
      onLines(socket, resolve);
      socket.write(`${JSON.stringify(request)}\n`);
    });
    const answer: { ok: boolean; result?: unknown; error?: string } = JSON.parse(line);
    if (answer.ok) return answer.result;
    const detail = answer.error ?? 'no reason was given';
    throw new Failure<ControlFault>({ code: 'refused', detail }, detail);
  } finally {
    socket.destroy();
  }
}

/** Calls back for each line; a line without end closes the socket. */
function onLines(socket: Socket, line: (text: string) => void): void {
  let pending = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk) => {
    const pieces = (pending + chunk.toString()).split('\n');
    pending = pieces.pop() ?? '';
    if (pending.length > MAX_LINE) socket.destroy();
    for (const piece of pieces) line(piece);
  });
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (answering: boolean) => {
      socket.destroy();
      resolve(answering);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

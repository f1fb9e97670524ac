import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { connect } from 'node:tls';
import { MqttReporter } from '#mqtt/reporter.ts';
import { Failure } from '#platform/failure.ts';
import { type Logger, silentLogger } from '#platform/log.ts';
import { writeForm } from '#reload/enrollment/multipart.ts';
import type { SipStack } from '#sip/sip-stack.ts';
import { runServer } from '../../reload/enrollment/running-server.ts';
import { QUICK_TIMERS, stack } from '../../sip/support.ts';
import type { Dice } from '../dice.ts';
import { BrokenPromise, bytesTarget, type Target, type TextTargetOptions, textTarget } from '../target.ts';
import { SIP_SAMPLES, SIP_WORDS } from './sip.ts';

/** Longest wait for a service that got all it will get, ms. */
const PATIENCE_MS = 2000;
/** Inputs that one stack takes before a new one is made, so that what it keeps for half a minute does not pile up. */
const STACK_LIFE = 300;

/** Whole services on loopback, each in its own process role: what their parsers accept goes on to be used. */
export function serviceTargets(): readonly Target[] {
  return [enrollmentServer(), sipStack(), mqttReporter()];
}

/** Services take a while by nature: passwords are hashed, sockets opened. */
const service = (target: Target): Target => ({ ...target, share: 2, work: 600 });

function enrollmentServer(): Target {
  let running: ReturnType<typeof runServer> | undefined;
  const options: TextTargetOptions = {
    words: [
      'GET ',
      'POST ',
      'HTTP/1.1',
      'Content-Length: ',
      'Transfer-Encoding: chunked',
      '0\r\n\r\n',
      '/enroll',
      '--XX',
      'Expect: 100-continue',
    ],
    sample: (dice) =>
      dice.pick([
        formRequest(dice),
        'GET /.well-known/reload-config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      ]),
    async run(_, bytes) {
      running ??= runServer();
      const { port } = await running;
      const answer = await httpsExchange(port, bytes);
      // What a handler did not expect is answered so.
      if (answer.includes('internal error')) throw new BrokenPromise('the enrollment server had an internal error');
      return answer;
    },
  };
  return service(textTarget('enrollment server', options));
}

function formRequest(dice: Dice): string {
  const parts = new Map([
    ['username', { data: dice.pick(['alice@home.example', 'eve@home.example', `u${dice.below(1e6)}@home.example`]) }],
    ['password', { data: dice.pick(['secret', 'wrong']) }],
    ['nodeids', { data: dice.pick(['1', '2', '0', '-1', '99999999999']) }],
    ['csr', { data: Buffer.from(dice.bytes(dice.size(900))).toString('base64'), contentType: 'application/pkcs10' }],
  ]);
  const { contentType, body } = writeForm('XX', parts);
  const head = `POST /enroll HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return head + Buffer.from(body).toString('latin1');
}

function httpsExchange(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    let answer = '';
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.end(bytes);
  });
}

function sipStack(): Target {
  const errors: string[] = [];
  const log: Logger = {
    ...silentLogger,
    child: () => log,
    error: (message, fields) => errors.push(`${message} ${JSON.stringify(fields)}`),
  };
  let server: SipStack | undefined;
  let taken = 0;
  const options: TextTargetOptions = {
    words: SIP_WORDS,
    sample: (dice) => Array.from({ length: 1 + dice.below(4) }, () => dice.pick(SIP_SAMPLES)).join(''),
    async run(_, bytes) {
      if (server === undefined || ++taken % STACK_LIFE === 0) {
        await server?.stop();
        server = sipVictim(log);
      }
      const [near, far] = duplexPair();
      near.on('error', () => {}).resume();
      server.attachStream({ duplex: far, peerName: 'peer@home.example', peerNode: 'aa' });
      near.write(bytes);
      for (let i = 0; i < 6; i++) await new Promise(setImmediate);
      near.destroy();
      await new Promise(setImmediate);
      const [error] = errors.splice(0);
      if (error !== undefined) throw new BrokenPromise(`the SIP stack reports ${error}`);
    },
  };
  return service(textTarget('sip stack', options));
}

/** Registrar, proxy and user agent with everything on but sound. */
function sipVictim(log: Logger): SipStack {
  const made = stack(
    { transactions: { timers: QUICK_TIMERS } },
    {
      log,
      createMedia: () => Promise.reject(new Failure({ code: 'no-sound' }, 'there is no sound here')),
      adapter: {
        accounts: async () => ({ aors: ['alice@home.example'], secret: { password: 'x' } }),
        router: { route: async () => ({ kind: 'local' }) },
        observer: { registration: () => {} },
        mailboxes: { summary: () => ({ new: 1, old: 2 }), account: 'sip:voicemail@home.example', unsolicited: true },
        options: { realm: 'home.example' },
      },
    },
  );
  made.engine.onIncoming((call) => void call.answer().catch(() => {}));
  return made;
}

const CONNACK = Uint8Array.of(0x20, 2, 0, 0);

/** A broker that is out of its mind. */
function mqttReporter(): Target {
  let broker: Promise<Server> | undefined;
  let input: Uint8Array = new Uint8Array();
  let over: () => void = () => {};
  const serve = (socket: Socket) => {
    socket.on('error', () => {});
    socket.on('close', () => over());
    socket.once('data', () => socket.end(Buffer.concat([CONNACK, input])));
  };
  return service(
    bytesTarget('mqtt commands', {
      sample: (dice) =>
        Buffer.concat(
          Array.from({ length: 1 + dice.below(4) }, () =>
            publish(
              dice.pick(['copperring/gw1/command', 'homeassistant/status', 'x']),
              dice.pick(['hangup', 'online', '\0', 'x'.repeat(dice.size(300))]),
            ),
          ),
        ),
      async run(bytes) {
        broker ??= listening(createServer(serve));
        const address = (await broker).address();
        if (address === null || typeof address === 'string') throw new Error('the broker has no port');
        input = bytes;
        const ended = new Promise<void>((resolve) => {
          over = resolve;
        });
        const reporter = new MqttReporter(
          { logger: silentLogger, onCommand: () => {} },
          {
            url: `mqtt://127.0.0.1:${address.port}`,
            username: undefined,
            password: undefined,
            prefix: 'copperring',
            id: 'gw1',
            discovery: true,
            discoveryPrefix: 'homeassistant',
            commands: true,
          },
        );
        await reporter.start();
        await ended;
        await reporter.stop();
      },
    }),
  );
}

async function listening(server: Server): Promise<Server> {
  server.unref();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** PUBLISH with QoS 0 (MQTT 3.1.1 §3.3). */
function publish(topic: string, payload: string): Buffer {
  const rest = Buffer.concat([
    Uint8Array.of(topic.length >> 8, topic.length & 0xff),
    Buffer.from(topic),
    Buffer.from(payload),
  ]);
  const length = rest.length < 128 ? [rest.length] : [0x80 | (rest.length & 0x7f), rest.length >> 7];
  return Buffer.concat([Uint8Array.of(0x30, ...length), rest]);
}

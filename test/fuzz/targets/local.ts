import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isObject, type Json } from '#cli/wire-json/json.ts';
import { dataModels } from '#cli/wire-json/kinds.ts';
import { decodeLayer, encodeLayer, LAYERS } from '#cli/wire-json/layers.ts';
import { loadConfig } from '#config/load.ts';
import { answerControl, type Controlled } from '#gateway/control-commands.ts';
import { equalBytes } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import { commandSchema } from '#pstn/emulator/protocol.ts';
import { bytesOf, VECTOR_KIND_MODELS, vectorsOf } from '../../vectors/reload-vectors.ts';
import type { Dice } from '../dice.ts';
import { BrokenPromise, bytesTarget, type Target, textTarget } from '../target.ts';

const CONFIGURATION = `roles = ["gateway", "proxy"]
state = "/nonexistent"
[overlay]
name = "home.example"
bootstrap = ["127.0.0.1:6084", "[::1]:6084"]
found = true
[line]
emulated = true
country = "DE"
serves = ["+49"]
rings = ["alice@home.example"]
[[phones]]
user = "alice@home.example"
password = "secret"
[dial_plan]
allow = [{ callers = ["*"], prefixes = ["+49"] }]
calls_per_hour = 20
[sip]
listen = "127.0.0.1:5060"
`;

/** What the owner of the machine hands in, and the decoder for people. */
export function localTargets(): readonly Target[] {
  return [configurationFile(), environment(), control(), emulator(), ...decoders(), encoder()];
}

function configurationFile(): Target {
  const directory = mkdtempSync(join(tmpdir(), 'copperring-fuzz-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'copperring.toml');
  return textTarget('local configuration file', {
    words: [
      '[',
      ']',
      '[[',
      ']]',
      '=',
      '{',
      '}',
      '"""',
      "'''",
      '\\u0000',
      '1979-05-27T07:32:00Z',
      'inf',
      '0x',
      '[line]',
      '[overlay.timers]',
      'true',
    ],
    sample: () => CONFIGURATION,
    run(text) {
      writeFileSync(file, text);
      return loadConfig(file, {});
    },
  });
}

function environment(): Target {
  return textTarget('local environment', {
    words: ['COPPERRING_', '__', '=', 'OVERLAY', 'LINE', '[', '"', 'true', 'CONSTRUCTOR__PROTOTYPE__X'],
    sample: () =>
      'COPPERRING_SIP__LISTEN=127.0.0.1:5060\nCOPPERRING_OVERLAY__NAME="x.example"\nCOPPERRING_ROLES=["peer"]',
    run(text) {
      const pairs = text.split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]);
      return loadConfig(undefined, Object.fromEntries(pairs));
    },
  });
}

/** An application that is a member and has nothing to tell. */
const IDLE: Controlled = {
  status: () => {
    throw new Failure({ code: 'idle' }, 'nothing runs here');
  },
  member: {
    discover: async () => undefined,
    placeCall: () => Promise.reject(new Failure({ code: 'idle' }, 'nothing runs here')),
    findCalls: async () => ({ calls: [], next: undefined }),
    deleteCalls: async () => 0,
    heldRecords: () => [],
    adoptConfiguration: () => {},
    countValues: async () => 0,
    voiceMailNodes: async () => [],
    voiceMail: undefined,
    screened: undefined,
  },
};

function control(): Target {
  const requests = [
    { command: 'status' },
    { command: 'discover', number: '+4930123456' },
    { command: 'call', to: 'alice@home.example', digits: '12', seconds: 5, tone: 440 },
    { command: 'calls', count: 3 },
    { command: 'adopt', document: 'PHg+PC94Pg==' },
    { command: 'fetch', resource: 'ab'.repeat(16), kind: 1 },
  ];
  return textTarget('local control request', {
    words: ['"command"', '"call"', 'null', 'true', '[]', '{}', '"__proto__"', '1e400'],
    sample: (dice) => JSON.stringify(dice.pick(requests)),
    run: (text) => answerControl(IDLE, { ...objectIn(text) }),
  });
}

function emulator(): Target {
  return textTarget('local line emulator command', {
    words: ['"command"', '"ring"', '"plan"', 'null', '[]', '{}', '1e400'],
    sample: (dice) =>
      JSON.stringify(
        dice.pick([
          { command: 'ring', callerId: { number: '5551234', name: 'ALICE' }, ringForMs: 3000, sendHz: 440 },
          { command: 'plan', number: '1170', behaviour: 'busy', sendDigits: { digits: '12', afterMs: 5 } },
          { command: 'hang-up', how: 'dial-tone' },
        ]),
      ),
    run: (text) => commandSchema.safeParse(objectIn(text)),
  });
}

/** Text that is no JSON, or JSON that is no object, is refused before anything here sees it. */
function objectIn(text: string): Record<string, Json> {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch (cause) {
    throw new Failure({ code: 'not-json' }, 'not JSON', cause);
  }
  if (!isObject(json)) throw new Failure({ code: 'not-object' }, 'not an object');
  return json;
}

const models = dataModels([...VECTOR_KIND_MODELS].map(([kind, model]) => `${kind}=${model}`));

function decoders(): readonly Target[] {
  return LAYERS.filter((layer) => layer !== 'fragment').map((layer) => {
    const vectors = vectorsOf(layer === 'value' ? 'value' : layer === 'frame' ? 'frame' : 'message').map(bytesOf);
    return bytesTarget(`local decode ${layer}`, {
      sample: (dice) => dice.pick(vectors),
      run(input) {
        const json = decodeLayer(layer, input, { models });
        const text = JSON.stringify(json);
        if (json.reencodes === true && !equalBytes(encodeLayer(objectIn(text)), input))
          throw new BrokenPromise('the JSON of an input does not give the input back');
        return text;
      },
    });
  });
}

function encoder(): Target {
  const vectors = vectorsOf('message').map(bytesOf);
  let texts: readonly string[] | undefined;
  return textTarget('local encode', {
    words: ['null', '"type"', '"node"', '"body"', '{}', '[]', '"layer"', '-1', '1e30', '"0"', '"__proto__"'],
    sample(dice: Dice) {
      texts ??= vectors.map((bytes) => JSON.stringify(decodeLayer('message', bytes, { models })));
      return dice.pick(texts);
    },
    run: (text) => encodeLayer(objectIn(text)),
  });
}

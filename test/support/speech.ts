import { spawnSync } from 'node:child_process';

/** Languages whose sounds differ, and voices that do: men, women, old and young. */
const LANGUAGES = ['en-us', 'en-gb', 'de', 'fr', 'es', 'it', 'pl', 'sv', 'pt-br', 'tr', 'cmn', 'hi', 'nl', 'ru', 'fi'];
const VARIANTS = [
  'm1',
  'm3',
  'm5',
  'm7',
  'f1',
  'f2',
  'f4',
  'f5',
  'adam',
  'Alicia',
  'linda',
  'david',
  'belinda',
  'croak',
];
const WORDS =
  'hello yes no please tomorrow number telephone five seven nine one two three four six eight zero who is there I will call you back in the ' +
  'evening Monday Thursday kitchen garden window umbrella extraordinary we thought she sells little blue houses evening meeting moon food ' +
  'ooh aah eel feel zoom noon soon name remain railway oil joy now loud sing ring wrong long song mama lalala million vowel loyal royal';
const CONSONANTS = ['b', 'd', 'f', 'g', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z', 'sh', ''];
const VOWELS = ['a', 'e', 'i', 'o', 'u', 'ai', 'ou', 'ee', 'oo'];

/** Why there is no speech, undefined when there is. */
export const speechMissing = missing();

function missing(): string | undefined {
  if (spawnSync('espeak-ng', ['--version']).status !== 0)
    return 'espeak-ng is not installed (apt-get install espeak-ng)';
  if (spawnSync('sox', ['--version']).status !== 0) return 'sox is not installed (apt-get install sox)';
  return undefined;
}

/**
 * Speech as a telephone line carries it: mu-law at 8000 samples a second, 300 to 3400 Hz, peaks at -9 dB below overload. Pieces of about
 * two minutes, each with its own voice, language, pace and pitch, until `seconds` are reached. The same seed gives the same speech.
 */
export function* speech(seconds: number, seed: number): Generator<Uint8Array> {
  const random = seeded(seed);
  for (let left = seconds * 8000; left > 0; ) {
    const piece = speak(textOf(random, 350), random).subarray(0, left);
    if (piece.length === 0) throw new Error('espeak-ng says nothing');
    left -= piece.length;
    yield piece;
  }
}

function speak(text: string, random: () => number): Uint8Array {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const voice = `${pick(LANGUAGES)}+${pick(VARIANTS)}`;
  const pace = String(120 + Math.floor(random() * 100));
  const pitch = String(20 + Math.floor(random() * 70));
  const said = run('espeak-ng', ['-v', voice, '-s', pace, '-p', pitch, '--stdin', '--stdout'], Buffer.from(text));
  const toLine = ['-', '-r', '8000', '-c', '1', '-e', 'mu-law', '-b', '8', '-t', 'raw', '-'];
  return run('sox', ['-D', '-t', 'wav', '--ignore-length', ...toLine, 'sinc', '300-3400', 'norm', '-9'], said);
}

function run(command: string, args: readonly string[], input: Uint8Array): Uint8Array {
  const { status, stdout, stderr } = spawnSync(command, args, { input, maxBuffer: 256 * 1024 * 1024 });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
  return stdout;
}

function textOf(random: () => number, count: number): string {
  const words = WORDS.split(' ');
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? '';
  const syllable = () => `${pick(CONSONANTS)}${pick(VOWELS)}${pick(CONSONANTS)}`;
  return Array.from({ length: count }, () => {
    const word = random() < 0.4 ? pick(words) : Array.from({ length: 1 + Math.floor(random() * 3) }, syllable).join('');
    return random() < 0.12 ? `${word}.` : word;
  }).join(' ');
}

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

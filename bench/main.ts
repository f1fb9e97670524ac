import { benchCodec } from './codec.ts';
import { makeMaterial } from './material.ts';

async function main(): Promise<void> {
  console.log(benchCodec(await makeMaterial()));
}

void main();

import type { Dice } from '../dice.ts';
import { BrokenPromise, type Target } from '../target.ts';
import { HostileMessages } from './hostile.ts';
import type { Recipe } from './recipe.ts';
import { World } from './world.ts';

const BURST = 12;
/** Bursts in one world; then a new one begins. */
const WORLD_LIFE = 150;

/** A ring under attack: one input is a burst of recipes, as JSON. */
export async function ringTarget(): Promise<Target> {
  let world = await World.create();
  const hostile = new HostileMessages(world.surroundings);
  const burst = (dice: Dice, count: number) =>
    Buffer.from(
      JSON.stringify(
        Array.from({ length: count }, () => hostile.recipe(dice)),
        undefined,
        1,
      ),
    );
  const renew = async () => {
    world.close();
    world = await World.create();
  };
  return {
    name: 'ring',
    share: 30,
    work: 600,
    maxInput: 4_000_000,
    sample: (dice) => burst(dice, 1 + dice.below(BURST)),
    // A burst is hostile as it is.
    mutate: (valid) => valid,
    stretch: (_, dice) => burst(dice, 4 * BURST),
    async run(input) {
      if (world.bursts >= WORLD_LIFE) {
        try {
          await world.requireMemory();
        } finally {
          await renew();
        }
      }
      const recipes = JSON.parse(Buffer.from(input).toString('utf8')) as readonly Recipe[];
      const before = world.bursts;
      try {
        await world.burst(recipes);
      } catch (thrown) {
        await renew();
        if (!(thrown instanceof BrokenPromise)) throw thrown;
        throw new BrokenPromise(`${thrown.message} (${before} bursts before this one)`);
      }
    },
  };
}

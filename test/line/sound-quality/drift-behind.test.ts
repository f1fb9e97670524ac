import { it } from 'vitest';
import { anHourAt } from './an-hour.ts';

it('an hour with a line 200 ppm slow has no under- or overrun, on the virtual clock', () => anHourAt(-200), 400_000);

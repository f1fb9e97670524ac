import { describe, expect, it } from 'vitest';
import { ageOf, renewalMoment, retryPause } from '#reload/enrollment/renewal-plan.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const life = { notBefore: 1_000_000, notAfter: 1_000_000 + 300 * HOUR };
const at = (hours: number) => life.notBefore + hours * HOUR;

describe('the plan of a renewal', () => {
  it('R6940-13.3-03 puts it at random between two thirds and five sixths of a life, whatever its length', () => {
    expect(renewalMoment(life, 0)).toBe(at(200));
    expect(renewalMoment(life, 0.5)).toBe(at(225));
    expect(renewalMoment(life, 1)).toBe(at(250));
    expect(renewalMoment({ notBefore: 0, notAfter: 6000 }, 1)).toBe(5000);
  });

  it.each([
    [-1, 'not-yet-valid'],
    [0, 'valid'],
    [269, 'valid'],
    [271, 'ending'],
    [300, 'ending'],
    [301, 'expired'],
  ])('tells the age at %i of 300 hours: %s', (hours, age) => {
    expect(ageOf(life, at(hours))).toBe(age);
  });

  it.each([
    [1, 300 * HOUR, MINUTE],
    [2, 300 * HOUR, 2 * MINUTE],
    [5, 300 * HOUR, 16 * MINUTE],
    [20, 300 * HOUR, 6 * HOUR],
    [20, 8 * HOUR, HOUR],
    [20, 0, MINUTE],
  ])('repeats after %i failures with %i ms left in %i ms', (failures, left, pause) => {
    expect(retryPause(failures, left)).toBe(pause);
  });
});

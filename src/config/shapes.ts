import * as z from 'zod/mini';

export function withDefault<T extends z.ZodMiniType>(schema: T, value: z.core.util.NoUndefined<z.output<T>>) {
  return z._default(schema, value);
}

/** A section that may be left out when all its values have defaults. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.prefault(z.strictObject(shape), {} as never);
}

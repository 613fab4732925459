// The one place that makes functions from text. Only names that come from a validated schema or document are written
// into it, and always as string literals.

/** Compiles `source`, the body of a function that returns what is wanted, with `scope` as its free variables. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function compile<Compiled>(source: string, scope: Readonly<Record<string, unknown>>): Compiled {
  // oxlint-disable-next-line typescript/no-implied-eval
  const make = new Function(...Object.keys(scope), `"use strict";\n${source}`) as (
    ...values: unknown[]
  ) => Compiled
  return make(...Object.values(scope))
}

export const literal = (value: string): string => JSON.stringify(value)

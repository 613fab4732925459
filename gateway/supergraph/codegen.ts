// Compiles generated source. The source contains only names of a validated schema or document, as string
// literals.

/** Runs `source`, a function body that returns the compiled function, with `scope` as its free variables. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function compileFunction<Compiled>(
  source: string,
  scope: Readonly<Record<string, unknown>>,
): Compiled {
  // oxlint-disable-next-line typescript/no-implied-eval
  const make = new Function(...Object.keys(scope), `"use strict";\n${source}`) as (
    ...values: unknown[]
  ) => Compiled
  return make(...Object.values(scope))
}

export const literal = (value: string): string => JSON.stringify(value)

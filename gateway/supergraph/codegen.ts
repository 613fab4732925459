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

/** An expression that reads a field: undefined when it is absent, also for `constructor` or `toString`. */
export function member(object: string, key: string): string {
  const name = literal(key)
  return key in Object.prototype
    ? `(Object.hasOwn(${object}, ${name}) ? ${object}[${name}] : undefined)`
    : `${object}[${name}]`
}

/**
 * Returns a function that makes an empty object for these keys: without a prototype where one of them is a
 * member of every object. V8 reads such an object more slowly.
 */
export function emptyObject(keys: readonly string[]): () => Record<string, unknown> {
  const isPlain = keys.every((key) => !(key in Object.prototype))
  return isPlain ? () => ({}) : () => ({ __proto__: null })
}

/** The value of a field, as `member` reads it. */
export const memberOf = (object: unknown, key: string | number): unknown =>
  Object.hasOwn(object as object, key) ? (object as Record<string | number, unknown>)[key] : undefined

export const literal = (value: string): string => JSON.stringify(value)

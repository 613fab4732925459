// Memoizes results as long as the objects that they were computed from stay the same.

/** Certificates expire without a change of any object, so no result that depends on them is kept longer. */
const certifiedMs = 5_000

/**
 * Memoizes results by key while `sources` returns the same objects, for at most `maxAgeMs` and `entriesMax`
 * keys. `compute` is synchronous, so that it reads the sources in the state that was compared.
 */
export function memoizeWhile<Result>(
  sources: () => readonly unknown[],
  now: () => Date,
  entriesMax: number,
  maxAgeMs = certifiedMs,
): (key: string, compute: () => Result) => Result {
  const results = new Map<string, Result>()
  let computedFrom: readonly unknown[] = []
  let since = -Infinity
  return (key, compute) => {
    const current = sources()
    const age = now().getTime() - since
    const isSame = current.every((source, n) => source === computedFrom[n])
    if (!isSame || age < 0 || age >= maxAgeMs || results.size >= entriesMax) {
      results.clear()
      computedFrom = current
      since = now().getTime()
    }
    let result = results.get(key)
    if (result === undefined) results.set(key, (result = compute()))
    return result
  }
}

/** Computes once for each object, and keeps the result as long as the object is used elsewhere. */
export function memoizeByObject<Source extends object, Result>(
  compute: (source: Source) => Result,
): (source: Source) => Result {
  const results = new WeakMap<Source, Result>()
  return (source) => {
    let result = results.get(source)
    if (result === undefined) results.set(source, (result = compute(source)))
    return result
  }
}

// Answers that are kept as long as what they were made from stays the same.

/** Certificates end with time alone, so nothing is kept longer than this. */
const keptMs = 5_000

/**
 * Keeps answers by key while everything that `sources` gives is the same, for five seconds and `entriesMax` keys at most.
 * `make` must answer at once: it has to see the sources as they were when they were compared.
 */
export function memoizeWhile<Answer>(
  sources: () => readonly unknown[],
  now: () => Date,
  entriesMax: number,
): (key: string, make: () => Answer) => Answer {
  const answers = new Map<string, Answer>()
  let madeFrom: readonly unknown[] = []
  let since = -Infinity
  return (key, make) => {
    const current = sources()
    const age = now().getTime() - since
    const isSame = current.every((source, n) => source === madeFrom[n])
    if (!isSame || age < 0 || age >= keptMs || answers.size >= entriesMax) {
      answers.clear()
      madeFrom = current
      since = now().getTime()
    }
    let answer = answers.get(key)
    if (answer === undefined) answers.set(key, (answer = make()))
    return answer
  }
}

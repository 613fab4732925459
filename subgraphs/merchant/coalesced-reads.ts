// Reads of MongoDB that many clients need at once, such as those of one search. A read takes longer than the
// next request takes to come, so a read for each would take all of MongoDB.

export type CoalescedReads<Result> = (key: string, read: () => Promise<Result>) => Promise<Result>

interface Running<Result> {
  readonly current: Promise<Result>
  /** Begins when `current` has ended; null while no call waits for it. */
  next: Promise<Result> | null
}

/**
 * Runs at most one read of each key at a time. A call that finds one running waits for the next one, which
 * all such calls share: so each result is of a read that began after its call. The result is kept while
 * `version` stays the same, for at most `entriesMax` keys.
 */
export function coalesceReads<Result>(version: () => unknown, entriesMax: number): CoalescedReads<Result> {
  const running = new Map<string, Running<Result>>()
  const kept = new Map<string, Result>()
  let keptAt: unknown

  const begin = async (key: string, read: () => Promise<Result>): Promise<Result> => {
    const begunAt = version()
    const result = await read()
    if (version() === begunAt) {
      if (keptAt !== begunAt || kept.size >= entriesMax) kept.clear()
      keptAt = begunAt
      kept.set(key, result)
    }
    return result
  }
  const start = (key: string, read: () => Promise<Result>): Promise<Result> => {
    const current = begin(key, read).finally(() => {
      if (slot.next === null) running.delete(key)
    })
    const slot: Running<Result> = { current, next: null }
    running.set(key, slot)
    return current
  }
  return (key, read) => {
    if (keptAt === version() && kept.has(key)) return Promise.resolve(kept.get(key)!)
    const slot = running.get(key)
    if (!slot) return start(key, read)
    const begins = () => start(key, read)
    return (slot.next ??= slot.current.then(begins, begins))
  }
}

// Calls to MongoDB cost by the call, not by the document: concurrent work of all requests leaves together.

export interface BatchOptions {
  /** Items in one call at most. */
  readonly groupMax?: number
  /** Calls under way at once at most: while they are, the next group gathers. */
  readonly flightsMax?: number
  /**
   * While callers are many, a group leaves so many milliseconds after the one before it, at the earliest: for calls that cost
   * much whatever is on board, and callers that come one by one. Who comes alone never waits.
   */
  readonly gatherMs?: number
}

export interface BatchWriter<Item, Outcome> {
  /** Writes `item` with whatever else is written now; fulfils, or rejects, with its own outcome. */
  write(item: Item): Promise<Outcome>
}

interface Waiting<Item, Outcome> {
  readonly item: Item
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/**
 * Groups writes of concurrent callers into calls of `write`, which gives one outcome per item, in the items' order.
 * An outcome that is an Error rejects its caller alone; when `write` itself throws, its whole group is rejected.
 *
 * Unless `gatherMs` is given, nobody waits on a timer. What is asked for in one turn of the event loop, by any number of requests, leaves at the
 * end of that turn; what comes while `flightsMax` calls are under way leaves when one of them has returned. So a quiet
 * hub adds no delay, and the busier it is, the larger its groups.
 * Two groups under way may overtake each other; whoever awaits an outcome before the next write keeps the order.
 */
export function createBatchWriter<Item, Outcome>(
  options: BatchOptions & {
    readonly write: (items: readonly Item[]) => Promise<readonly (Outcome | Error)[]>
  },
): BatchWriter<Item, Outcome> {
  const { write, groupMax = 200, flightsMax = 2, gatherMs = 0 } = options
  let waiting: Waiting<Item, Outcome>[] = []
  let flights = 0
  let leaving = false
  let leftAtMs = 0
  let isBusy = false

  // After the sockets were read and before they are read again: every request that arrived meanwhile is on board.
  const leaveSoon = () => {
    if (leaving || flights === flightsMax || waiting.length === 0) return
    leaving = true
    const restMs = isBusy ? leftAtMs + gatherMs - performance.now() : 0
    if (restMs > 0) setTimeout(leave, restMs)
    else setImmediate(leave)
  }

  const leave = () => {
    leaving = false
    const group = waiting.length > groupMax ? waiting.splice(0, groupMax) : waiting
    if (group === waiting) waiting = []
    if (gatherMs > 0) {
      isBusy = group.length > 1
      leftAtMs = performance.now()
    }
    void fly(group)
    leaveSoon()
  }

  const fly = async (group: Waiting<Item, Outcome>[]) => {
    flights++
    try {
      const outcomes = await write(group.map(({ item }) => item))
      if (outcomes.length !== group.length) {
        throw new TypeError(
          `write must give one outcome per item: ${group.length} items, ${outcomes.length} outcomes`,
        )
      }
      for (const [index, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[index]!
        if (outcome instanceof Error) reject(outcome)
        else resolve(outcome)
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    } finally {
      flights--
      leaveSoon()
    }
  }

  return {
    write: (item) =>
      new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject })
        leaveSoon()
      }),
  }
}

export interface Loader<Key, Value> {
  /** The value of `key`, or null when there is none. It is shared by all who ask now: read it, never change it. */
  load(key: Key): Promise<Value | null>
  /** The values of `keys`, in their order. */
  loadMany(keys: readonly Key[]): Promise<(Value | null)[]>
}

/**
 * Groups reads of concurrent callers in the way of `createWriter`; a key that several ask for is read once.
 *
 * `load` gets distinct keys and answers in their order, null where there is nothing. Nothing is kept once a group has
 * left: who asks after that gets a read that began after that. Each caller checks what it may see.
 * A `key` that is no string or number needs `key` to say when two are the same.
 */
export function createLoader<Key, Value>(
  options: BatchOptions & {
    readonly load: (keys: readonly Key[]) => Promise<readonly (Value | null)[]>
    readonly key?: (key: Key) => unknown
  },
): Loader<Key, Value> {
  const { load: read, key: identity = (key: Key) => key, ...group } = options
  const gathering = new Map<unknown, Promise<Value | null>>()

  const reader = createBatchWriter<Key, Value | null>({
    ...group,
    write: (keys) => {
      for (const key of keys) gathering.delete(identity(key))
      return read(keys)
    },
  })

  const load = (key: Key) => {
    const id = identity(key)
    const asked = gathering.get(id)
    if (asked) return asked
    const asking = reader.write(key)
    gathering.set(id, asking)
    return asking
  }

  return { load, loadMany: (keys) => Promise.all(keys.map(load)) }
}

// Lines of an outage, which every payment and every retry would repeat.

const everyMs = 5_000

interface Kind {
  unlogged: number
  /** Of the latest line that was left out; null when none was. */
  write: ((unlogged: number) => void) | null
}

/** Writes the first line of each kind at once, and then the latest one every five seconds. */
export class OutageLines {
  readonly #kinds = new Map<string, Kind>()

  /** Calls `write`, now or later, with the number of lines that were left out since the last one. */
  take(name: string, write: (unlogged: number) => void): void {
    const kind = this.#kinds.get(name)
    if (!kind) {
      write(0)
      this.#wait(name)
      return
    }
    if (kind.write) kind.unlogged++
    kind.write = write
  }

  #wait(name: string): void {
    const kind: Kind = { unlogged: 0, write: null }
    this.#kinds.set(name, kind)
    setTimeout(() => {
      this.#kinds.delete(name)
      if (!kind.write) return
      kind.write(kind.unlogged)
      this.#wait(name)
    }, everyMs).unref()
  }
}

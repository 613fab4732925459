// Routes each entry of the log to the streams that it concerns: by the parties and the id of its transaction,
// without trying each stream.

import type { CorridorId, ParticipantId, TransactionId } from '../../../schema/values/id.ts'
import type { LogEntry } from '../../log/entry.ts'
import type { Visibility } from '../../shared/access.ts'

export type EntryListener = (entry: LogEntry) => void

/** Every method that adds a listener returns a function that removes it. */
export class EntryListeners {
  readonly #all = new Set<EntryListener>()
  readonly #byWallet = new ListenersById<ParticipantId>()
  readonly #byAcquirer = new ListenersById<ParticipantId>()
  readonly #byCorridor = new ListenersById<CorridorId>()
  readonly #byTransaction = new ListenersById<TransactionId>()

  notify(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      for (const listener of this.#all) listener(entry)
      this.#byWallet.notify(entry.payment.wallet, entry)
      this.#byAcquirer.notify(entry.payment.acquirer, entry)
      this.#byCorridor.notify(entry.payment.corridor, entry)
      this.#byTransaction.notify(entry.transaction, entry)
    }
  }

  /** Adds a listener to the entries that `visibility` includes. It may receive an entry more than once. */
  addVisible(visibility: Visibility, listener: EntryListener): () => void {
    if (visibility.kind === 'all') {
      this.#all.add(listener)
      return () => this.#all.delete(listener)
    }
    const { wallet, acquirer, corridors } = visibility
    return together([
      ...(wallet === null ? [] : [this.#byWallet.add(wallet, listener)]),
      ...(acquirer === null ? [] : [this.#byAcquirer.add(acquirer, listener)]),
      ...[...corridors].map((corridor) => this.#byCorridor.add(corridor, listener)),
    ])
  }

  /** Adds a listener to the payments of a wallet or acquirer. It may receive an entry more than once. */
  addParty(participant: ParticipantId, listener: EntryListener): () => void {
    return together([this.#byAcquirer.add(participant, listener), this.#byWallet.add(participant, listener)])
  }

  addTransaction(id: TransactionId, listener: EntryListener): () => void {
    return this.#byTransaction.add(id, listener)
  }
}

class ListenersById<Id extends string> {
  readonly #byId = new Map<Id, Set<EntryListener>>()

  add(id: Id, listener: EntryListener): () => void {
    const present = this.#byId.get(id)
    const listeners = present ?? new Set()
    if (!present) this.#byId.set(id, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#byId.get(id) === listeners) this.#byId.delete(id)
    }
  }

  notify(id: Id, entry: LogEntry): void {
    for (const listener of this.#byId.get(id) ?? none) listener(entry)
  }
}

const none: readonly EntryListener[] = []

const together = (removals: readonly (() => void)[]) => (): void => {
  for (const remove of removals) remove()
}

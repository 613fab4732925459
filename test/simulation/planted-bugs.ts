// Bugs of the protocol that the simulation must find, each as a change in the text of the product.

/** Replaces a text that is in the file exactly once. */
export interface Change {
  /** From `subgraphs/`. */
  readonly file: string
  readonly from: string
  readonly to: string
}

export interface Bug {
  readonly name: string
  /** One that finds it, at the time of writing. */
  readonly seed: number
  readonly changes: readonly Change[]
}

const limit = (file: string, name: string, from: string, to: string): Change => ({
  file,
  from: `${name} = ${from}`,
  to: `${name} = ${to}`,
})

export const smallerLimits: readonly Change[] = [
  limit('transaction/log/log-writer.ts', 'const entriesMax', '250', '3'),
  limit('transaction/log/backfill.ts', 'const entriesMax', '5000', '5'),
  limit('transaction/log/sequencer.ts', 'const saveMs', '5_000', '300'),
  limit('transaction/live/event-streams.ts', 'const pageMax', '512', '5'),
  limit('shared/backlog-stream.ts', 'backlogMax', '64', '4'),
  limit('log/projection.ts', 'const defaultBatchMax', '2_000', '7'),
  limit('log/reader.ts', 'const batchMax', '1000', '6'),
]

const bug = (name: string, seed: number, file: string, from: string, to: string): Bug => ({
  name,
  seed,
  changes: [{ file, from, to }],
})

export const bugs: readonly Bug[] = [
  bug(
    'a log writer that takes a used position for written',
    49,
    'transaction/log/log-writer.ts',
    `throw new LogMovedError('another process has appended to the log')`,
    'return',
  ),
  bug(
    'a log writer that takes the next free position',
    44,
    'transaction/log/log-writer.ts',
    `throw new LogMovedError('another process has appended to the log')`,
    '{ tip = (await latestBatch(db))!.last; return this.append(groups) }',
  ),
  bug(
    'a log writer that does not check its lease',
    554,
    'transaction/log/log-writer.ts',
    `if (!lease.isHeld()) throw`,
    'if (false) throw',
  ),
  bug(
    'a log writer that inserts its batches in any order',
    44,
    'transaction/log/log-writer.ts',
    '{ ordered: true }',
    '{ ordered: false }',
  ),
  bug(
    'a batch of the log with the token of a later change',
    116,
    'transaction/log/payment-changes.ts',
    'token: change._id }',
    'token: changes.at(-1)!._id }',
  ),
  bug(
    'a resume token that is saved before the events',
    1,
    'transaction/log/sequencer.ts',
    'const appending = append(',
    'await saveResumeToken(db, batch.token, writer.tip())\n    const appending = append(',
  ),
  bug(
    'a saved token that is used whatever the log has since',
    1,
    'transaction/log/sequencer-state.ts',
    'saved?.position === (latest?.last ?? 0n) ? saved.token',
    'saved ? saved.token',
  ),
  bug(
    'a backfill that does not leave out present entries',
    1,
    'transaction/log/backfill.ts',
    'await writer.append(ungrouped(await findMissing(db, entries)))',
    'await writer.append(ungrouped(entries))',
  ),
  bug(
    'a backfill that does not wait for the changes of its time',
    1,
    'transaction/log/backfill.ts',
    '} while (batch.changes.at(-1)?.clusterTime.lessThanOrEqual(completeAt))',
    '} while (!completeAt)',
  ),
  {
    name: 'a change stream whose first reads may be older than its start',
    seed: 4,
    changes: [
      {
        file: 'platform/mongo/change-stream.ts',
        from: 'session.advanceOperationTime(session.clusterTime!.clusterTime)',
        to: '',
      },
      // Its write, once acknowledged, would have the same effect.
      {
        file: 'platform/mongo/change-stream.ts',
        from: 'if (resumeAfter === null) await tick(db, collection)',
        to: 'void tick',
      },
    ],
  },
  bug(
    'a backfill that appends what happened during its scan',
    69,
    'transaction/log/backfill.ts',
    'entry.at > startedAt && ',
    'entry.at > startedAt && late.length > lateMax && ',
  ),
  bug(
    'an acknowledgement before a majority has the write',
    1,
    'platform/mongo/bulk-write.ts',
    `durable: WriteConcern = { w: 'majority'`,
    `durable: WriteConcern = { w: 1`,
  ),
  bug(
    'a log reader that follows the log from after its reading',
    1,
    'log/reader.ts',
    'await catchUp(db, recent, changes.session)',
    '',
  ),
  bug(
    'a log reader that does not notice a gap',
    4,
    'log/reader.ts',
    'if (entries[0]!._id !== this.#tip + 1n) return false',
    '',
  ),
  bug(
    'a checkpoint that moves outside of the transaction of the results',
    2,
    'log/checkpoint.ts',
    'if (!(await this.#save(position, session))) return false',
    'if (!(await this.#save(position))) return false',
  ),
  bug(
    'a projection that continues after another has moved its checkpoint',
    364,
    'log/checkpoint.ts',
    '{ _id: this.#name, epoch: this.results.epoch, position: this.#position },',
    '{ _id: this.#name, epoch: this.results.epoch },',
  ),
  bug(
    'a projection whose checkpoint moves before its results',
    5,
    'log/projection.ts',
    'await projection.apply(entries, results)\n  return checkpoint.moveTo(position)',
    'const isMoved = await checkpoint.moveTo(position)\n  await projection.apply(entries, results)\n  return isMoved',
  ),
  bug(
    'a lease that leaves the transaction of its last holder open',
    2,
    'platform/mongo/lease.ts',
    'await endTransactions(db, stored.previousSession)',
    '',
  ),
  bug(
    'a lease that is released with a transaction open',
    96,
    'platform/mongo/lease.ts',
    'await endTransactions(this.#db, this.session.id!.id)',
    '',
  ),
  bug(
    'a lease that drops what an earlier holder left open',
    2,
    'platform/mongo/lease.ts',
    `{ $ifNull: ['$previousSession', '$session'] }`,
    `'$session'`,
  ),
  bug(
    'a stream that goes live some time after it has read',
    7,
    'transaction/live/event-streams.ts',
    'if (readTo >= logReader.tip()) {',
    'if (readTo >= logReader.tip()) {\n        await new Promise((resolve) => setTimeout(resolve, 2))',
  ),
  bug(
    'a stream that drops its backlog and resumes after it',
    1,
    'transaction/live/event-streams.ts',
    'readTo = position - 1n',
    'readTo = position',
  ),
  bug(
    'a cursor of events that are not delivered yet',
    1,
    'transaction/live/event-streams.ts',
    'return entries.filter(filter.matches).map(positioned)',
    'return entries.filter(filter.matches).map((value) => ({ value, position: readTo }))',
  ),
]

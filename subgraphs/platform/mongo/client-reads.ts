// Reads of lists and of the log for clients. They are large and come in any number, so a process makes a few
// at a time. Payments and lookups by id do not wait for them.

import type { Db, MongoClient } from 'mongodb'
import { Semaphore } from '../async/semaphore.ts'

const readsMax = 3
const waitingMax = 300

const semaphores = new WeakMap<MongoClient, Semaphore>()

/**
 * Runs `read` when fewer than three others run. Throws an OutageError when 300 wait, and when `signal` is
 * aborted while this one waits.
 */
export async function readForClient<Found>(
  { client }: Pick<Db, 'client'>,
  read: () => Promise<Found>,
  signal?: AbortSignal,
): Promise<Found> {
  let semaphore = semaphores.get(client)
  if (!semaphore) semaphores.set(client, (semaphore = new Semaphore(readsMax, waitingMax)))
  await semaphore.acquire(signal)
  try {
    return await read()
  } finally {
    semaphore.release()
  }
}

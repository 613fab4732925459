// Reads of lists and of the log for clients. They are large and come in any number, so a process makes a few
// at a time. Payments and lookups by id do not wait for them.

import type { Db, MongoClient } from 'mongodb'
import { Semaphore } from '../async/semaphore.ts'

/**
 * Reads of one kind that run at once. A page of the log has up to a thousand entries: several in a row would
 * keep the process from payments.
 */
const readsMax = { list: 3, log: 1 } as const
const waitingMax = 300

type Kind = keyof typeof readsMax

const semaphores = new WeakMap<MongoClient, Record<Kind, Semaphore>>()

/**
 * Runs `read` when few others of its kind run. Throws an OutageError when 300 wait, and when `signal` is
 * aborted while this one waits.
 */
export async function readForClient<Found>(
  { client }: Pick<Db, 'client'>,
  kind: Kind,
  read: () => Promise<Found>,
  signal?: AbortSignal,
): Promise<Found> {
  const semaphore = semaphoresOf(client)[kind]
  await semaphore.acquire(signal)
  try {
    return await read()
  } finally {
    semaphore.release()
  }
}

/** How many reads wait, by kind. */
export function waitingReads(client: MongoClient): Record<Kind, number> {
  const { list, log } = semaphoresOf(client)
  return { list: list.waiting, log: log.waiting }
}

function semaphoresOf(client: MongoClient): Record<Kind, Semaphore> {
  let found = semaphores.get(client)
  if (!found) {
    found = {
      list: new Semaphore(readsMax.list, waitingMax),
      log: new Semaphore(readsMax.log, waitingMax),
    }
    semaphores.set(client, found)
  }
  return found
}

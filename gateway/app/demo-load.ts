// A process that loads the data set into a database and exits. `demo.ts` starts it and sends it a
// `LoadOrder`. It starts the threads that make and write the parts.

import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { storeDataset, type Hands, type HandSetup, type LoadPhase } from '../../dataset/load.ts'
import type { Hand } from '../../dataset/hand.ts'
import { clearActivity, finishActivity } from '../../subgraphs/analytics/import.ts'
import {
  chooseCommonWords,
  clearMerchants,
  finishMerchants,
  type TallyParts,
} from '../../subgraphs/merchant/import.ts'
import { importOffers } from '../../subgraphs/offers/import.ts'
import { importRegistry } from '../../subgraphs/participant/import.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import {
  finishPayments,
  builtInRates,
  preparePayments,
  reportingFen,
  tipOfImport,
  transactionProjections,
} from '../../subgraphs/transaction/import.ts'

/** The data set to load, and the database to load it into. */
export interface LoadOrder {
  readonly uri: string
  readonly database: string
  readonly seed: number
  readonly scale: number
  readonly until: Date
  /** True: makes the sums of analytics too. The hub makes those that are missing while it runs. */
  readonly sums: boolean
}

/** What the process sends to its parent: a line for the log, or how many rows of a phase are written. */
export type LoadMessage =
  | { readonly level: 'info' | 'warn'; readonly message: string }
  | { readonly phase: LoadPhase; readonly done: number; readonly total: number }

/** What a thread is started with. */
export interface HandOrder extends HandSetup, Pick<LoadOrder, 'uri' | 'database'> {}

/** A call of one method of the hand in a thread. */
export interface HandCall {
  readonly method: keyof Hand<TallyParts>
  readonly args: readonly unknown[]
}

/** The thread reports rows, and then the result or the error of the call. */
export type HandReply = { readonly added: number } | { readonly result: unknown } | { readonly error: Error }

/** MongoDB needs processors too, and each thread some 100 MB. */
const handsMax = 3

const [order] = await once(process, 'message')
const { uri, database, seed, scale, until, sums } = order as LoadOrder
const send = (message: LoadMessage): void =>
  // The parent may have ended. Then `disconnect` follows, and without a callback the error would be printed.
  void process.send?.(message, undefined, undefined, () => {})
// Without its parent, which was interrupted, it ends too: another start of the load resumes it.
const endWithParent = (): void => process.exit(1)
process.once('disconnect', endWithParent)

const mongo = await connect(uri)
const db = mongo.db(database)
await storeDataset<TallyParts>(db, {
  seed,
  scale,
  until,
  rates: builtInRates,
  reportingFen,
  importers: {
    reference: (rows) => importRegistry(db, rows),
    commonWords: (merchants, indexes) =>
      chooseCommonWords(indexes.values().map((index) => merchants.at(index))),
    clearMerchants: (commonWords) => clearMerchants(db, commonWords),
    offers: (offers) => importOffers(db, offers),
    finishMerchants: (counts, products) => finishMerchants(db, { counts, products, at: until }),
    clearPayments: async () => {
      await preparePayments(db)
      await clearActivity(db)
    },
    // MongoDB builds the indexes, and the sums are made here.
    finishPayments: (count) =>
      Promise.all([
        finishPayments(db, count, transactionProjections),
        finishActivity(db, tipOfImport(count), sums),
      ]),
  },
  openHands: (setup) => openHands({ ...setup, uri, database }),
  logger: {
    info: (message) => send({ level: 'info', message }),
    warn: (message) => send({ level: 'warn', message }),
  },
  onProgress: (phase, done, total) => send({ phase, done, total }),
})
await mongo.close()
process.off('disconnect', endWithParent)
process.disconnect()

async function openHands(setup: HandOrder): Promise<Hands<TallyParts>> {
  const workers = Array.from(
    { length: Math.min(handsMax, availableParallelism()) },
    () =>
      new Worker(new URL('demo-load-hand.ts', import.meta.url), {
        workerData: setup,
        resourceLimits: { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 200 },
      }),
  )
  return { all: workers.map(handIn), close: () => Promise.all(workers.map((worker) => worker.terminate())) }
}

function handIn(worker: Worker): Hand<TallyParts> {
  return {
    merchants: (range, stored, onAdded) =>
      call(worker, { method: 'merchants', args: [range, stored] }, onAdded),
    takeCounts: () => call(worker, { method: 'takeCounts', args: [] }),
    worthOf: (span) => call(worker, { method: 'worthOf', args: [span] }),
    payments: (span, plan, onAdded) => call(worker, { method: 'payments', args: [span, plan] }, onAdded),
  }
}

/** Calls one method at a time. Rejects with the error of the method, or of the thread. */
function call<Result>(
  worker: Worker,
  request: HandCall,
  onAdded: (rows: number) => void = () => {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const finish = () => {
      worker.off('message', onReply)
      worker.off('error', onError)
      worker.off('exit', onExit)
    }
    const onReply = (reply: HandReply) => {
      if ('added' in reply) return onAdded(reply.added)
      finish()
      if ('error' in reply) reject(reply.error)
      else resolve(reply.result as Result)
    }
    const onError = (error: unknown) => {
      finish()
      reject(new Error('a thread of the load has failed', { cause: error }))
    }
    const onExit = () => onError(new Error('it has ended'))
    worker.on('message', onReply)
    worker.on('error', onError)
    worker.on('exit', onExit)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
    worker.postMessage(request)
  })
}

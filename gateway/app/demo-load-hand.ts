// A thread of `demo-load.ts`: makes parts of the data set and writes them.

import { parentPort, workerData } from 'node:worker_threads'
import { makeDataset } from '../../dataset/dataset.ts'
import { createHand } from '../../dataset/hand.ts'
import type { SpanPlan } from '../../dataset/payments.ts'
import { loadActivity } from '../../subgraphs/analytics/import.ts'
import { createMerchantImport, type TallyParts } from '../../subgraphs/merchant/import.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { builtInRates, loadPastPayments, reportingFen } from '../../subgraphs/transaction/import.ts'
import type { HandCall, HandOrder, HandReply } from './demo-load.ts'

const { uri, database, seed, scale, until, commonWords, cityTable } = workerData as HandOrder
const dataset = makeDataset({ seed, scale, until, cityTable, rates: builtInRates, reportingFen })
const db = (await connect(uri, { poolMax: 4 })).db(database)
const registry = {
  participants: new Map(dataset.participants.map((one) => [one.id, one])),
  corridors: new Map(dataset.corridors.map((one) => [one.id, one])),
}
const merchants = createMerchantImport(db, new Set(commonWords))
const hand = createHand(dataset, {
  merchants: (rows, stored, onAdded) => merchants.add(rows, stored, onAdded),
  takeCounts: () => merchants.takeCounts(),
  async payments(payments, index) {
    await loadActivity(db, await loadPastPayments(db, registry, payments, index), index)
  },
})

const reply = (message: HandReply, moved: readonly ArrayBuffer[] = []): void =>
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
  parentPort!.postMessage(message, moved)
const onAdded = (added: number): void => reply({ added })

function run({ method, args }: HandCall): Promise<unknown> {
  switch (method) {
    case 'merchants':
      return hand.merchants(...(args as [{ from: number; to: number }, 'none' | 'some' | 'all']), onAdded)
    case 'takeCounts':
      return hand.takeCounts()
    case 'worthOf':
      return hand.worthOf(...(args as [number]))
    case 'payments':
      return hand.payments(...(args as [number, SpanPlan]), onAdded)
  }
}

parentPort!.on('message', (request: HandCall) => {
  run(request).then(
    (result) => reply({ result }, buffersOf(result)),
    (error: unknown) => reply({ error: error instanceof Error ? error : new Error(String(error)) }),
  )
})

/** What is moved to the other thread without a copy: the counts of merchants, or the worth of a span. */
function buffersOf(result: unknown): readonly ArrayBuffer[] {
  if (result instanceof Float64Array) return [result.buffer as ArrayBuffer]
  return result instanceof Object && 'entries' in result ? [(result as TallyParts).entries.buffer] : []
}

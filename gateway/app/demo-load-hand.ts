// A thread of `demo-load.ts`: makes parts of the data set and writes them.

import { parentPort, workerData } from 'node:worker_threads'
import { makeDataset } from '../../dataset/dataset.ts'
import { createHand } from '../../dataset/hand.ts'
import type { SpanPlan } from '../../dataset/payments.ts'
import { loadActivity } from '../../subgraphs/analytics/index.ts'
import { createMerchantImport } from '../../subgraphs/merchant/index.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { builtInRates, loadPastPayments, reportingFen } from '../../subgraphs/transaction/index.ts'
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
  counts: () => merchants.counts(),
  async payments(payments, index) {
    await loadActivity(db, await loadPastPayments(db, registry, payments, index), index)
  },
})

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
const reply = (message: HandReply): void => parentPort!.postMessage(message)
const onAdded = (added: number): void => reply({ added })

function run({ method, args }: HandCall): Promise<unknown> {
  switch (method) {
    case 'merchants':
      return hand.merchants(...(args as [{ from: number; to: number }, 'none' | 'some' | 'all']), onAdded)
    case 'counts':
      return hand.counts()
    case 'worthOf':
      return hand.worthOf(...(args as [number]))
    case 'payments':
      return hand.payments(...(args as [number, SpanPlan]), onAdded)
  }
}

parentPort!.on('message', (request: HandCall) => {
  run(request).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ error: error instanceof Error ? error : new Error(String(error)) }),
  )
})

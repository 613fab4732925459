import { parse, validate } from 'graphql'
import { afterEach, describe, expect, test } from 'vitest'
import { shoppingQueries } from '../../dataset/shopping.ts'
import { quoteMutation, startTraffic, submitMutation, type Traffic } from '../../dataset/traffic.ts'
import { digitsOf, type Currency } from '../../schema/values/currency.ts'
import { builtInRates } from '../../subgraphs/transaction/price/rates.ts'
import { aDataset } from '../fixtures/a-dataset.ts'
import { anId } from '../fixtures/an-id.ts'
import { apiSchema, startStandIn, type StandIn } from './stand-in-hub.ts'

const keys = [
  { wallet: 'wallet-sg-01', key: 'wallet-sg-01', currency: 'SGD' },
  { wallet: 'wallet-jp-01', key: 'wallet-jp-01', currency: 'JPY' },
  { wallet: 'wallet-cn-01', key: 'wallet-cn-01', currency: 'CNY' },
] as const

const started: (Traffic | StandIn)[] = []
afterEach(async () => {
  for (const resource of started.splice(0).toReversed()) await resource.close()
})

async function aHub(quote?: () => Promise<string | null>): Promise<StandIn> {
  const hub = await startStandIn(quote)
  started.push(hub)
  return hub
}

function traffic(url: string, changes: { perSecond?: number; seed?: number } = {}) {
  const logged: string[] = []
  const warned: string[] = []
  const logger = {
    info: (message: string) => void logged.push(message),
    warn: (message: string) => void warned.push(message),
  }
  const running = startTraffic({
    url,
    keys,
    perSecond: 200,
    seed: 1,
    rates: builtInRates,
    logger,
    ...changes,
  })
  started.push(running)
  return { running, logged, warned }
}

/** Resolves when `isTrue` is true; it is checked in each turn of the event loop. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate)
}

describe('simulated wallets', () => {
  test('send documents that are valid for the public API', () => {
    for (const document of [...shoppingQueries, quoteMutation, submitMutation]) {
      expect(validate(apiSchema, parse(document))).toEqual([])
    }
  })

  test('quote and pay at merchants of their corridors, with exact amounts and unique idempotency keys', async () => {
    const hub = await aHub()
    const { running, warned } = traffic(hub.url)
    await hub.submitted(60)
    await running.close()

    const { merchants, corridors } = aDataset(1, 0.003)
    const shops = new Map([...merchants].map((merchant) => [merchant.id, merchant]))
    for (const { wallet, merchant, amount, payerCurrency, entryMode } of hub.quotes) {
      const shop = shops.get(anId(merchant))!
      const corridor = corridors.find(
        ({ id }) => id === `${wallet.slice(7, 9).toUpperCase()}-${shop.country}`,
      )
      expect(corridor).toMatchObject({ status: 'OPEN', entryModes: expect.arrayContaining([entryMode]) })
      expect(shop).toMatchObject({ status: 'ACTIVE', currency: amount.currency })
      expect(shop.entryModes).toContain(entryMode)
      expect(amount.amount.split('.')[1]?.length ?? 0).toBe(digitsOf(amount.currency as Currency))
      expect(payerCurrency).toBe(keys.find((entry) => entry.wallet === wallet)!.currency)
    }
    expect(new Set(hub.quotes.map(({ wallet }) => wallet)).size).toBe(3)
    expect(new Set(hub.submissions.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(
      hub.submissions.length,
    )
    expect(new Set(hub.submissions.map(({ quote }) => quote)).size).toBe(hub.submissions.length)
    expect(running.counts).toMatchObject({ paid: hub.submissions.length, failed: 0, refused: 0 })
    expect(warned).toEqual([])
  })

  test('buy the same for the same seed, with other idempotency keys after a restart', async () => {
    const bought = async () => {
      const hub = await aHub()
      const { running } = traffic(hub.url, { seed: 5, perSecond: 40 })
      await hub.submitted(8)
      await running.close()
      return hub
    }
    const [first, second] = [await bought(), await bought()]
    /**
     * The amounts of the first payments by number, because overlapping payments may arrive in another order.
     */
    const amounts = ({ submissions, quotes }: StandIn) =>
      Array.from({ length: 8 }, (_, index) => {
        const payment = submissions.find(({ reference }) => reference.endsWith(`-${index + 1}`))
        return quotes[Number(payment!.quote.slice('quote-'.length)) - 1]!.amount
      })
    expect(amounts(second)).toEqual(amounts(first))
    const keysOf = ({ submissions }: StandIn) => submissions.map(({ idempotencyKey }) => idempotencyKey)
    expect(keysOf(first).filter((key) => keysOf(second).includes(key))).toEqual([])
  })

  test('pay no faster than configured', async () => {
    const hub = await aHub()
    const from = performance.now()
    traffic(hub.url, { perSecond: 50 })
    await hub.submitted(40)
    // 40 arrivals of this seed take 0.8 s on average, and never half of it.
    expect(performance.now() - from).toBeGreaterThan(400)
  })

  test('continue when the hub refuses, and log the reason at intervals', async () => {
    const hub = await aHub(async () => 'CORRIDOR_CLOSED')
    const { running, warned } = traffic(hub.url)
    await until(() => running.counts.refused >= 20)
    expect(hub.submissions).toEqual([])
    expect(warned).toEqual(['the hub refused a simulated payment: CORRIDOR_CLOSED: not today'])
  })

  test('continue when the hub is down', async () => {
    const gone = await startStandIn()
    await gone.close()
    const { running, warned } = traffic(gone.url)
    await until(() => running.counts.failed >= 20)
    expect(warned).toHaveLength(1)
    expect(warned[0]).toContain('ECONNREFUSED')
    expect(running.counts.paid).toBe(0)
  })

  test('pay again when the hub has recovered', async () => {
    let requests = 0
    const hub = await aHub(async () => {
      if (++requests <= 5) throw new Error('out of order')
      return null
    })
    const { running, warned } = traffic(hub.url)
    await hub.submitted(5)
    expect(running.counts.failed).toBe(5)
    expect(warned).toEqual([expect.stringContaining('out of order')])
  })

  test('have at most 32 pending payments when the hub hangs; further payments are skipped', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<null>()
    let requests = 0
    const hub = await aHub(() => {
      requests += 1
      return released
    })
    const { running } = traffic(hub.url, { perSecond: 1000 })
    await until(() => running.counts.skipped >= 50)
    expect(requests).toBe(32)
    release(null)
    await running.close()
    expect(hub.submissions.length).toBeGreaterThanOrEqual(32)
  })

  test('close after the pending payments, and start no other payment', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<null>()
    const hub = await aHub(() => released)
    const { running } = traffic(hub.url)
    await until(() => running.counts.skipped > 0)
    let isClosed = false
    const closed = running.close().then(() => (isClosed = true))
    const { skipped } = running.counts
    await new Promise(setImmediate)
    expect(isClosed).toBe(false)
    release(null)
    await closed
    expect(running.counts).toEqual({ paid: 32, refused: 0, failed: 0, skipped })
    expect(hub.submissions).toHaveLength(32)
  })
})

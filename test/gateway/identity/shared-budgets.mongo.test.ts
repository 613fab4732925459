import { afterAll, expect, test } from 'vitest'
import { openBudgets, type Budgets, type Caller } from '../../../gateway/identity/shared-budgets.ts'
import { connectAgain, freshDatabase } from '../../harness/mongo.ts'

const database = await freshDatabase()
const elsewhere = await connectAgain(database)
const logger = { warn: () => {} }
const opened: Budgets[] = []
const hubs = async (): Promise<[Budgets, Budgets]> => {
  const one = await openBudgets({ db: database.db, logger })
  const other = await openBudgets({ db: elsewhere.db(database.name), logger })
  opened.push(one, other)
  return [one, other]
}
afterAll(async () => {
  for (const budgets of opened) await budgets.close()
})
const wallet: Caller = { name: 'participant wallet', perMinute: 600, isShared: true }

test('two hubs share a budget within a second', async () => {
  const [one, other] = await hubs()
  expect(other.charge([wallet], 1)).toMatchObject({ isGranted: true, limit: 600 })
  expect(one.charge([wallet], 500)).toMatchObject({ isGranted: true })
  const begun = performance.now()
  await expect
    .poll(() => other.charge([wallet], 0).remaining, { interval: 20, timeout: 3_000 })
    .toBeLessThan(120)
  expect(performance.now() - begun).toBeLessThan(1_000)
  const refused = other.charge([wallet], 200)
  expect(refused).toMatchObject({ isGranted: false, limit: 600 })
  // 10 a second are refilled.
  expect(refused.waitMs).toBeGreaterThan(5_000)
  expect(refused.waitMs).toBeLessThan(21_000)
})

test('both hubs together grant little more than the budget', async () => {
  const caller: Caller = { name: 'participant greedy', perMinute: 300, isShared: true }
  const [one, other] = await hubs()
  let granted = 0
  const until = performance.now() + 1_500
  while (performance.now() < until) {
    for (const hub of [one, other]) if (hub.charge([caller], 5).isGranted) granted += 5
    await new Promise(setImmediate)
  }
  // Each hub may grant the whole budget before the two have shared it; then only the refill is left.
  expect(granted).toBeLessThanOrEqual(2 * 300 + 20)
  expect(one.charge([caller], 5).isGranted).toBe(false)
  expect(other.charge([caller], 5).isGranted).toBe(false)
})

test('the smallest of several budgets decides, and none is charged by what another refuses', async () => {
  const [one] = await hubs()
  const participant: Caller = { name: 'participant bank', perMinute: 1_000, isShared: true }
  const key: Caller = { name: 'key till', perMinute: 10, isShared: true }
  expect(one.charge([participant, key], 8)).toMatchObject({ isGranted: true, limit: 10, remaining: 2 })
  expect(one.charge([participant, key], 8)).toMatchObject({ isGranted: false, limit: 10 })
  expect(one.charge([participant], 992)).toMatchObject({ isGranted: true })
})

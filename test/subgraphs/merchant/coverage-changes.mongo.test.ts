import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { orThrow } from '../../../schema/values/problems.ts'
import { createAcceptance } from '../../../subgraphs/merchant/acceptance.ts'
import { openCountStore, type CountStore } from '../../../subgraphs/merchant/count-store.ts'
import { importMerchants } from '../../../subgraphs/merchant/import-merchants.ts'
import { createMerchantQueries, type MerchantQueries } from '../../../subgraphs/merchant/merchant-queries.ts'
import { createMerchantStore, type MerchantStore } from '../../../subgraphs/merchant/merchant-store.ts'
import type { Merchant } from '../../../subgraphs/merchant/merchant.ts'
import { changeMerchant } from '../../../subgraphs/merchant/registration.ts'
import { canPay } from '../../../subgraphs/shared/routing.ts'
import { noon, products, someMerchants } from '../../fixtures/a-merchant.ts'
import { anId } from '../../fixtures/an-id.ts'
import { aPayableRegistry } from '../../fixtures/a-payable-registry.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { countDirectly, figuresOf, readMerchants } from './count-directly.ts'

const { db } = await freshDatabase()
const registry = aPayableRegistry()

let counts: CountStore
let store: MerchantStore
let queries: MerchantQueries
beforeAll(async () => {
  await importMerchants(db, [], { products })
  counts = await openCountStore(db, () => noon, pino({ level: 'silent' }))
  store = await createMerchantStore(db, counts)
  const acceptance = createAcceptance(registry, () => noon)
  queries = createMerchantQueries({ store, counts, acceptance, registry, now: () => noon })
})
afterAll(() => counts.close())

type Change =
  | { readonly kind: 'register'; readonly merchants: readonly Merchant[] }
  | { readonly kind: 'status'; readonly nth: number; readonly status: Merchant['status'] }
  | { readonly kind: 'corridor'; readonly id: string; readonly isOpen: boolean }
  | { readonly kind: 'acquirer'; readonly id: string; readonly isLive: boolean }

const someChange: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('register'), merchants: someMerchants({ minLength: 1, maxLength: 12 }) }),
  fc.record({
    kind: fc.constant('status'),
    nth: fc.nat(60),
    status: fc.constantFrom('ACTIVE', 'SUSPENDED', 'CLOSED'),
  }),
  fc.record({
    kind: fc.constant('corridor'),
    id: fc.constantFrom('SG-CN', 'TH-CN', 'SG-TH'),
    isOpen: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('acquirer'),
    id: fc.constantFrom('acquirer-cn-01', 'acquirer-cn-02', 'acquirer-th-01'),
    isLive: fc.boolean(),
  }),
) as fc.Arbitrary<Change>

async function make(change: Change): Promise<void> {
  switch (change.kind) {
    case 'register':
      await store.register(change.merchants, noon)
      return
    case 'status':
      return setStatus(change.nth, change.status)
    case 'corridor': {
      const corridor = registry.corridors.get(anId(change.id))!
      const status = change.isOpen ? 'OPEN' : 'CLOSED'
      registry.corridors = new Map(registry.corridors).set(corridor.id, { ...corridor, status })
      return
    }
    case 'acquirer': {
      const acquirer = registry.participants.get(anId(change.id))!
      const status = change.isLive ? 'LIVE' : 'SUSPENDED'
      registry.participants = new Map(registry.participants).set(acquirer.id, { ...acquirer, status })
    }
  }
}

async function setStatus(nth: number, status: Merchant['status']): Promise<void> {
  const merchant = (await readMerchants(db))[nth]
  if (!merchant) return
  const changed = await db.client.withSession((session) =>
    session.withTransaction(() =>
      changeMerchant(db, new Set(), merchant.id, (before) => ({ ...before, status }), noon, session),
    ),
  )
  if (changed && 'spots' in changed) await counts.refresh(changed.spots)
}

const filters = [
  { where: {}, matches: () => true },
  { where: { mccs: ['5812'] }, matches: ({ mcc }: Merchant) => mcc === '5812' },
  { where: { cities: ['Shanghai'] }, matches: ({ city }: Merchant) => city.toLowerCase() === 'shanghai' },
  {
    where: { cities: ['Shanghai', 'Bangkok'], online: false, countries: ['CN'] },
    matches: ({ city, online, country }: Merchant) =>
      city.toLowerCase() === 'shanghai' && !online && country === 'CN',
  },
]

/** Every coverage that was read before is read again after each change. */
async function expectExact(): Promise<void> {
  const merchants = await readMerchants(db)
  for (const id of [null, 'wallet-sg-01', 'wallet-th-01']) {
    const wallet = id === null ? null : registry.participants.get(anId(id))!
    const isPayable = (merchant: Merchant): boolean => {
      const acquirer = registry.participants.get(merchant.acquirer)
      return wallet === null || canPay({ wallet, acquirer, merchant, registry, now: noon })
    }
    for (const { where, matches } of filters) {
      const coverage = orThrow(await queries.coverage({ wallet: wallet?.id ?? null, where }))
      const expected = countDirectly(merchants, (merchant) => matches(merchant) && isPayable(merchant))
      expect(figuresOf(coverage), `${id} ${JSON.stringify(where)}`).toEqual(expected)
    }
  }
}

test('coverage equals a recount after registrations, changed statuses, closed corridors and suspended acquirers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someChange, { minLength: 1, maxLength: 8 }), async (changes) => {
      for (const change of changes) {
        await make(change)
        await expectExact()
      }
    }),
    { numRuns: 12, endOnFailure: true },
  )
}, 60_000)

// The merchant directory of the transaction subgraph, over the real merchant subgraph.

import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMerchantDirectory } from '../../../gateway/app/merchant-directory.ts'
import type { SubgraphConnection, Variables } from '../../../gateway/supergraph/connection.ts'
import { createInProcessConnection } from '../../../gateway/supergraph/connection-in-process.ts'
import { encodeCpm } from '../../../schema/qr/index.ts'
import { money } from '../../../schema/values/money.ts'
import { importMerchants, openMerchantSubgraph } from '../../../subgraphs/merchant/index.ts'
import type { MerchantDirectory } from '../../../subgraphs/shared/merchant-directory.ts'
import type { Subgraph } from '../../../subgraphs/shared/subgraph.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { aMerchant, noon, products } from '../../fixtures/a-merchant.ts'
import { aPayableRegistry } from '../../fixtures/a-payable-registry.ts'
import { anId } from '../../fixtures/an-id.ts'
import { anAccount, aPayload } from '../../fixtures/a-printed-code.ts'
import { asViewer } from '../../fixtures/as-viewer.ts'

const { db } = await freshDatabase()
const facts = {
  id: 'acquirer-cn-01.M000001',
  name: 'Golden Lotus Café',
  acquirer: 'acquirer-cn-01',
  country: 'CN',
  city: 'Shanghai',
  currency: 'CNY',
  mcc: '5812',
  status: 'ACTIVE',
  entryModes: ['MPM_STATIC', 'MPM_DYNAMIC'],
}

let now = noon
let subgraph: Subgraph
let directory: MerchantDirectory
/** Variables of every query that was sent. */
const sent: Variables[] = []

/** The connection, with a note of what goes over it. */
function noted(connection: SubgraphConnection): SubgraphConnection {
  return {
    ...connection,
    prepare: (document) => {
      const operation = connection.prepare(document)
      return {
        ...operation,
        execute: (variables, context) => {
          sent.push(variables)
          return operation.execute(variables, context)
        },
      }
    },
  }
}

beforeAll(async () => {
  const merchants = [aMerchant(), aMerchant({ mid: 'SHUT', status: 'SUSPENDED' })]
  await importMerchants(db, merchants, { products })
  const logger = pino({ level: 'silent' })
  subgraph = await openMerchantSubgraph({ db, registry: aPayableRegistry(), now: () => now, logger })
  directory = createMerchantDirectory(noted(createInProcessConnection('merchant', subgraph.app)))
})
afterAll(() => subgraph.close())

describe('reading merchants', () => {
  test('groups concurrent reads into one query', async () => {
    const ids = ['acquirer-cn-01.M000001', 'unknown', 'acquirer-cn-01.SHUT', 'acquirer-cn-01.M000001']
    sent.length = 0
    const found = await Promise.all(ids.map((id) => directory.merchant(anId(id))))
    expect(found).toMatchObject([facts, null, { status: 'SUSPENDED' }, facts])
    expect(found[0]).toEqual(facts)
    expect(sent).toHaveLength(1)
  })

  test('rejects when the query fails', async () => {
    const failing: SubgraphConnection = {
      name: 'merchant',
      prepare: () => ({
        execute: () => ({ data: null, errors: [{ message: 'down' }] }),
        subscribe: () => Promise.reject(new Error('the test subscribes to nothing')),
      }),
    }
    await expect(createMerchantDirectory(failing).merchant(anId('any'))).rejects.toThrow(
      'the query of the merchant subgraph failed',
    )
  })
})

describe('scanning a code', () => {
  test.each([
    {
      what: 'a printed code',
      extra: { '01': '11' },
      scanned: { entryMode: 'MPM_STATIC', amount: null, tip: null },
    },
    {
      what: 'a code without its kind',
      extra: {},
      scanned: { entryMode: 'MPM_STATIC', amount: null },
    },
    {
      what: 'one with an amount',
      extra: { '54': '12.50' },
      scanned: { entryMode: 'MPM_DYNAMIC', amount: money(1_250n, 'CNY') },
    },
    {
      what: 'a fixed tip',
      extra: { '55': '02', '56': '1' },
      scanned: { tip: { kind: 'FIXED', amount: money(100n, 'CNY') } },
    },
    {
      what: 'a tip in percent',
      extra: { '55': '03', '57': '7.5' },
      scanned: { tip: { kind: 'PERCENT', percent: '7.5' } },
    },
    { what: 'a tip that the payer chooses', extra: { '55': '01' }, scanned: { tip: { kind: 'PROMPT' } } },
    { what: 'a reference', extra: { '62': '0503T-7' }, scanned: { referenceLabel: 'T-7' } },
  ])('$what', async ({ extra, scanned }) => {
    expect(await directory.scan(aPayload(extra))).toMatchObject({
      merchant: facts,
      ...scanned,
    })
  })

  test.each([
    { when: 'it is no code', payload: 'hello', code: 'QR_INVALID' },
    {
      when: 'its merchant is unknown',
      payload: aPayload({ '15': anAccount('X000001') }),
      code: 'CODE_UNKNOWN',
    },
    { when: 'it is an address', payload: 'https://qr.95516.com/0001', code: 'CODE_UNKNOWN' },
    {
      when: 'a customer shows it',
      payload: encodeCpm({ applications: [{ aid: 'A000000333010101', label: 'Wallet' }] }),
      code: 'QR_INVALID',
    },
  ])('is refused when $when', async ({ payload, code }) => {
    expect(await directory.scan(payload)).toMatchObject({ kind: 'refused', code, path: ['input', 'payload'] })
  })

  test('a dynamic code of the hub is refused once it has expired', async () => {
    const document = `mutation ($input: IssueCodeInput!) { issueCode(input: $input) { ... on MerchantCode { payload } } }`
    const input = {
      idempotencyKey: 'k',
      merchant: facts.id,
      kind: 'DYNAMIC',
      amount: { amount: '5', currency: 'CNY' },
      ttlSeconds: 30,
    }
    const acquirer = asViewer('acquirer-cn-01', 'merchants:write')
    const { data } = await subgraph.app.graphql(document, acquirer as never, { input })
    const { payload } = (data as { issueCode: { payload: string } }).issueCode
    expect(await directory.scan(payload)).toMatchObject({ merchant: facts, entryMode: 'MPM_DYNAMIC' })
    now = new Date(noon.getTime() + 30_000)
    expect(await directory.scan(payload)).toMatchObject({ kind: 'refused', code: 'CODE_EXPIRED' })
  })
})

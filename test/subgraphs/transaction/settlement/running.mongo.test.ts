// Settlement in a complete transaction subgraph: while payments are made, and what each viewer sees.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openTransactionSubgraph, type TransactionSubgraph } from '../../../../subgraphs/transaction/index.ts'
import { freshDatabase } from '../../../harness/mongo.ts'
import type { RequestContext } from '../../../../subgraphs/shared/viewer.ts'
import { readTip } from '../../../../subgraphs/log/store.ts'
import { aClock, aDirectory, aRegistry, as, quietLog } from '../../../fixtures/a-programme.ts'

const { db } = await freshDatabase()
const wallet = as('wallet-sg-01')
const acquirer = as('acquirer-cn-01')
const operator = as('operator')

/** Ten seconds before the cut-off of 1 March in UTC+8. */
const clock = aClock(new Date('2026-03-01T14:59:50Z'))
let hub: TransactionSubgraph
beforeAll(async () => {
  hub = await openTransactionSubgraph({
    db,
    registry: aRegistry(),
    directory: aDirectory(),
    now: clock.now,
    logger: quietLog,
    cursorSecret: 'a secret',
    simulator: null,
  })
})
afterAll(() => hub.close())

type Data = Record<string, any> // oxlint-disable-line typescript/no-explicit-any
async function request(document: string, context: RequestContext, variables: object = {}): Promise<Data> {
  const { data, errors } = await hub.app.graphql(
    document,
    { ...context },
    variables as Record<string, unknown>,
  )
  if (errors) throw errors[0]!
  return data as Data
}

let numbers = 0
async function pay(): Promise<string> {
  numbers++
  const { submitPayment } = await request(
    `mutation ($input: SubmitPaymentInput!) { submitPayment(input: $input) {
      ... on PaymentReceipt { payment { id } } ... on Problem { code message } } }`,
    wallet,
    {
      input: {
        idempotencyKey: `key ${numbers}`,
        reference: `number ${numbers}`,
        merchant: 'acquirer-cn-01.M1',
        amount: { amount: '250', currency: 'CNY' },
      },
    },
  )
  return submitPayment.payment.id
}
const approve = (payment: string) =>
  request(
    `mutation ($input: RespondAuthorizationInput!) { respondAuthorization(input: $input) { __typename } }`,
    acquirer,
    { input: { payment, decision: 'APPROVE' } },
  )

const batchFields = `id settlementDate status payments refunds
  net { participant { id } currency amount { amount currency } }
  file { name format sha256 url } files { name format sha256 url }`
const close = async (
  settlementDate: string,
  context = operator,
  idempotencyKey = `close ${settlementDate}`,
) =>
  (
    await request(
      `mutation ($input: CloseSettlementInput!) { closeSettlement(input: $input) { __typename
        ... on SettlementBatch { ${batchFields} } ... on Problem { code path retryable } } }`,
      context,
      { input: { idempotencyKey, settlementDate } },
    )
  )['closeSettlement'] as Data

async function fileOf(name: string, { viewer } = operator): Promise<string | null> {
  const file = await hub.openSettlementFile(viewer, name)
  if (!file) return null
  const pieces: Uint8Array[] = []
  for await (const piece of file.content) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}
const idsIn = async (name: string, context = operator): Promise<string[]> =>
  (await fileOf(name, context))!
    .split('\r\n')
    .slice(1, -1)
    .map((line) => line.split(',')[0]!)

describe('closing while payments run', () => {
  test('neither blocks, misses nor repeats a payment', async () => {
    const paid: string[] = []
    const run = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const id = await pay()
        paid.push(id)
        clock.move(200)
        await approve(id)
      }
    }
    // Some payments are approved before the cut-off and some after it, while calls keep trying to close the
    // date.
    const running = Promise.all([run(20), run(20), run(20), run(20)])
    const first = await vi.waitFor(
      async () => {
        const result = await close('2026-03-01', operator, `try ${numbers}`)
        expect(result['__typename']).toBe('SettlementBatch')
        return result
      },
      { timeout: 20_000, interval: 10 },
    )
    await running
    clock.move(86_400_000)
    const second = await close('2026-03-02')
    expect([first['status'], second['status']]).toEqual(['CLOSED', 'CLOSED'])
    expect(first['payments'] + second['payments']).toBe(paid.length)
    expect(first['payments']).toBeGreaterThan(0)
    expect(second['payments']).toBeGreaterThan(0)
    const settled = [...(await idsIn(first['file'].name)), ...(await idsIn(second['file'].name))]
    expect(settled.toSorted()).toEqual(paid.toSorted())

    const { transactions } = await request(
      '{ transactions(first: 100) { edges { node { id ... on Payment { settlementDate settlementStatus } } } } }',
      operator,
    )
    const found = transactions.edges.map(({ node }: Data) => node)
    expect(found.every(({ settlementStatus }: Data) => settlementStatus === 'SETTLED')).toBe(true)
    // Settlement writes no entries: the log holds two for each submission and one for each approval.
    expect(await readTip(db)).toBe(BigInt(3 * paid.length))
  }, 60_000)
})

describe('settlement', () => {
  const list = `query ($first: Int!, $after: String) { settlementBatches(first: $first, after: $after) {
    edges { cursor node { ${batchFields} } } pageInfo { hasNextPage endCursor } totalCount } }`
  const batches = async (context: RequestContext, first = 20, after: string | null = null) =>
    (await request(list, context, { first, after }))['settlementBatches'] as Data

  test.each([
    { caller: 'a wallet', context: wallet },
    { caller: 'a key that may only read', context: as('operator', ['payments:read']) },
  ])('is not closed by $caller', async ({ context }) => {
    expect(await close('2026-03-01', context)).toMatchObject({ __typename: 'Refused', code: 'FORBIDDEN' })
  })

  test('is refused with the input field at fault', async () => {
    expect(await close('2030-01-01')).toMatchObject({
      code: 'SETTLEMENT_OPEN',
      retryable: true,
      path: ['input', 'settlementDate'],
    })
    expect(await close('2026-03-01', operator, '')).toMatchObject({
      code: 'BAD_VALUE',
      path: ['input', 'idempotencyKey'],
    })
    expect(await close('2026-03-02', operator, 'close 2026-03-02')).toMatchObject({ status: 'CLOSED' })
    expect(await close('2026-03-01', operator, 'close 2026-03-02')).toMatchObject({
      __typename: 'IdempotencyConflict',
    })
  })

  test('lists everything to the operator, newest first, a page at a time', async () => {
    await close('2026-02-27')
    const all = await batches(operator)
    const ids = ['settlement-2026-02-27', 'settlement-2026-03-02', 'settlement-2026-03-01']
    expect(all['edges'].map(({ node }: Data) => node.id)).toEqual(ids)
    const page = await batches(operator, 2)
    expect(page['totalCount']).toBe(3)
    expect(page['edges'].map(({ node }: Data) => node.id)).toEqual(ids.slice(0, 2))
    expect(page['pageInfo'].hasNextPage).toBe(true)
    const rest = await batches(operator, 2, page['pageInfo'].endCursor)
    expect(rest['edges'].map(({ node }: Data) => node.id)).toEqual(ids.slice(2))
    const { node } = all['edges'][2]
    expect(node.net.map(({ participant }: Data) => participant.id)).toEqual([
      'acquirer-cn-01',
      'operator',
      'operator',
      'wallet-sg-01',
    ])
    expect(node.files.map(({ name, url }: Data) => [name, url])).toEqual(
      ['csv', 'pacs002.xml', 'pacs008.xml'].map((suffix) => [
        `${node.id}.${suffix}`,
        `/settlement/${node.id}.${suffix}`,
      ]),
    )
  })

  test('lists to a participant the batches that it has a part in, with its own amounts only', async () => {
    const own = await batches(wallet)
    expect(own['edges'].map(({ node }: Data) => node.id)).toEqual([
      'settlement-2026-03-02',
      'settlement-2026-03-01',
    ])
    const { node } = own['edges'][1]
    expect(node.net).toEqual([
      {
        participant: { id: 'wallet-sg-01' },
        currency: 'SGD',
        amount: expect.objectContaining({ currency: 'SGD' }),
      },
    ])
    expect(node.file).toMatchObject({ name: 'settlement-2026-03-01.wallet-sg-01.csv', format: 'CSV' })
    expect(node.files).toEqual([node.file])
    expect(await idsIn(node.file.name, wallet)).toHaveLength(node.payments)
    expect((await batches(as('wallet-th-01')))['edges']).toEqual([])
    const entity = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on SettlementBatch { id } } }`
    const r = [{ __typename: 'SettlementBatch', id: node.id }]
    expect((await request(entity, wallet, { r }))['_entities']).toEqual([{ id: node.id }])
    expect((await request(entity, as('wallet-th-01'), { r }))['_entities']).toEqual([null])
  })

  test.each([
    { caller: 'its participant', name: 'settlement-2026-03-01.wallet-sg-01.csv', context: wallet, may: true },
    { caller: 'the operator', name: 'settlement-2026-03-01.wallet-sg-01.csv', context: operator, may: true },
    {
      caller: 'another participant',
      name: 'settlement-2026-03-01.wallet-sg-01.csv',
      context: acquirer,
      may: false,
    },
    {
      caller: 'a participant that requests the file of all rows',
      name: 'settlement-2026-03-01.csv',
      context: wallet,
      may: false,
    },
    {
      caller: 'a participant that requests the transfers',
      name: 'settlement-2026-03-01.pacs008.xml',
      context: wallet,
      may: false,
    },
    {
      caller: 'a key without the scope',
      name: 'settlement-2026-03-01.wallet-sg-01.csv',
      context: as('wallet-sg-01', ['coverage:read']),
      may: false,
    },
    {
      caller: 'a caller with a made-up name',
      name: '../settlement-2026-03-01.csv',
      context: operator,
      may: false,
    },
  ])('sends a file to $caller: $may', async ({ name, context, may }) => {
    expect((await fileOf(name, context)) !== null).toBe(may)
  })

  test('takes the scope payments:read, and a page of 1–100', async () => {
    const blind = as('wallet-sg-01', ['coverage:read'])
    await expect(batches(blind)).rejects.toMatchObject({ extensions: { code: 'FORBIDDEN' } })
    await expect(batches(operator, 0)).rejects.toMatchObject({ extensions: { code: 'BAD_PAGE' } })
    await expect(batches(operator, 1, 'x')).rejects.toMatchObject({ extensions: { code: 'CURSOR_INVALID' } })
  })

  test('gives net amounts equal to the positions of its dates', async () => {
    const document = `query ($r: [_Any!]!, $date: LocalDate) { _entities(representations: $r) { ... on Participant {
      positions(date: $date) { net { amount currency } } } } }`
    const ids = ['wallet-sg-01', 'acquirer-cn-01', 'operator']
    const r = ids.map((id) => ({ __typename: 'Participant', id }))
    const cents = ({ amount }: Data) => BigInt(amount.replace('.', ''))
    const add = (sums: Map<string, bigint>, id: string, net: Data) =>
      sums.set(`${id} ${net['currency']}`, (sums.get(`${id} ${net['currency']}`) ?? 0n) + cents(net))
    const positions = new Map<string, bigint>()
    const nets = new Map<string, bigint>()
    for (const date of ['2026-03-01', '2026-03-02']) {
      const { _entities } = await request(document, operator, { r, date })
      ids.forEach((id, n) => _entities[n].positions.forEach(({ net }: Data) => add(positions, id, net)))
    }
    for (const { node } of (await batches(operator))['edges']) {
      for (const { participant, amount } of node.net) add(nets, participant.id, amount)
    }
    expect(nets.size).toBe(4)
    expect(positions).toEqual(nets)
  })
})

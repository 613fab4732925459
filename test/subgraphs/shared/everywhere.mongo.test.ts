import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createKeyStore } from '../../../gateway/identity/key-store.ts'
import { importRegistry, openParticipantSubgraph } from '../../../subgraphs/participant/index.ts'
import { connect } from '../../../subgraphs/platform/mongo/client.ts'
import { openRegistry, type MirroredRegistry } from '../../../subgraphs/shared/registry.ts'
import type { Subgraph } from '../../../subgraphs/shared/subgraph.ts'
import type { RequestContext } from '../../../subgraphs/shared/viewer.ts'
import { openTransactionSubgraph } from '../../../subgraphs/transaction/index.ts'
import { anId } from '../../fixtures/an-id.ts'
import { aCorridor, aDirectory, aParticipant, as } from '../../fixtures/a-programme.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db, uri, name } = await freshDatabase()
const logger = pino({ level: 'silent' })
const directory = aDirectory()
const operator = as('operator')
const wallet = as('wallet-sg-01')
const acquirer = as('acquirer-cn-01')

/** One of two processes with one database: each has all subgraphs, and only the first appends to the log. */
interface Process {
  readonly registry: MirroredRegistry
  readonly participant: Subgraph
  readonly transaction: Subgraph
}
const closing: (() => Promise<void>)[] = []
let here: Process
let there: Process

async function start(on: typeof db, sequencer: boolean): Promise<Process> {
  const registry = await openRegistry(on, logger)
  const dependencies = { db: on, registry, directory, now: () => new Date(), logger }
  const participant = await openParticipantSubgraph({ ...dependencies, apiKeys: createKeyStore(on) })
  const settings = { cursorSecret: 'a secret', simulator: null, sequencer }
  const transaction = await openTransactionSubgraph({ ...dependencies, ...settings })
  closing.push(async () => {
    await Promise.all([participant.close(), transaction.close()])
    await registry.close()
  })
  return { registry, participant, transaction }
}

beforeAll(async () => {
  await importRegistry(db, {
    participants: [
      aParticipant('operator', 'OPERATOR', 'CN', 'CNY'),
      aParticipant('wallet-sg-01', 'WALLET', 'SG', 'SGD'),
      aParticipant('acquirer-cn-01', 'ACQUIRER', 'CN', 'CNY'),
    ],
    projects: [],
    corridors: [aCorridor('SG-CN')],
  })
  const mongo = await connect(uri)
  closing.push(() => mongo.close())
  here = await start(db, true)
  there = await start(mongo.db(name), false)
})
afterAll(async () => {
  for (const close of closing.toReversed()) await close()
})

type Data = Record<string, any> // eslint-disable-line typescript/no-explicit-any
async function ask(at: Subgraph, document: string, input: object, context: RequestContext): Promise<Data> {
  const { data, errors } = await at.app.graphql(document, context as never, { input })
  expect(errors).toBeUndefined()
  return Object.values(data as Data)[0] as Data
}
let numbers = 0
const pay = (at: Process): Promise<Data> => {
  const reference = `n${++numbers}`
  const amount = { amount: '88.50', currency: 'CNY' }
  return ask(
    at.transaction,
    `mutation ($input: SubmitPaymentInput!) { submitPayment(input: $input) {
      ... on PaymentReceipt { payment { id status } } ... on Problem { code } } }`,
    { idempotencyKey: reference, reference, merchant: 'acquirer-cn-01.M1', amount },
    wallet,
  )
}
const approve = (at: Process, payment: string): Promise<Data> =>
  ask(
    at.transaction,
    `mutation ($input: RespondAuthorizationInput!) { respondAuthorization(input: $input) {
      ... on PaymentReceipt { payment { id status } } ... on Problem { code } } }`,
    { payment, decision: 'APPROVE' },
    acquirer,
  )
const setStatus = (participant: string, status: string): Promise<Data> =>
  ask(
    here.participant,
    `mutation ($input: ChangeParticipantStatusInput!) { changeParticipantStatus(input: $input) {
      ... on Participant { status } ... on Problem { code } } }`,
    { participant, status, reason: 'A test' },
    operator,
  )
const setCorridor = (status: string): Promise<Data> =>
  ask(
    here.participant,
    `mutation ($input: SetCorridorInput!) { setCorridor(input: $input) {
      ... on Corridor { status } ... on Problem { code } } }`,
    { id: 'SG-CN', expectedVersion: here.registry.corridors.get(anId('SG-CN'))!.version, status },
    operator,
  )
/** Waits until the change stream has brought the change to the other process. */
const reaches = (isThere: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(isThere()).toBe(true), { timeout: 10_000, interval: 5 })

describe('a stop by the operator applies in every process', () => {
  test('not before the operator stops anything', async () => {
    expect(await pay(here)).toHaveProperty('payment')
    expect(await pay(there)).toHaveProperty('payment')
  })

  test.each(['wallet-sg-01', 'acquirer-cn-01'])(
    '%s when it is suspended; what is in flight still finishes',
    async (id) => {
      const inFlight = [(await pay(here)).payment.id, (await pay(there)).payment.id] as string[]
      expect(await setStatus(id, 'SUSPENDED')).toEqual({ status: 'SUSPENDED' })
      // The process that wrote the change applies it before it answers.
      expect(await pay(here)).toEqual({ code: 'PARTICIPANT_NOT_LIVE' })
      await reaches(() => there.registry.participants.get(anId(id))?.status === 'SUSPENDED')
      expect(await pay(there)).toEqual({ code: 'PARTICIPANT_NOT_LIVE' })

      const [first, second] = inFlight as [string, string]
      expect(await approve(there, first)).toEqual({ payment: { id: first, status: 'COMPLETED' } })
      expect(await approve(here, second)).toEqual({ payment: { id: second, status: 'COMPLETED' } })

      expect(await setStatus(id, 'LIVE')).toEqual({ status: 'LIVE' })
      await reaches(() => there.registry.participants.get(anId(id))?.status === 'LIVE')
    },
  )

  test('to a corridor that is closed; payments in flight still finish', async () => {
    const { payment } = await pay(there)
    expect(await setCorridor('CLOSED')).toEqual({ status: 'CLOSED' })
    expect(await pay(here)).toEqual({ code: 'CORRIDOR_CLOSED' })
    await reaches(() => there.registry.corridors.get(anId('SG-CN'))?.status === 'CLOSED')
    expect(await pay(there)).toEqual({ code: 'CORRIDOR_CLOSED' })
    expect(await approve(there, payment.id)).toEqual({ payment: { id: payment.id, status: 'COMPLETED' } })

    expect(await setCorridor('OPEN')).toEqual({ status: 'OPEN' })
    await reaches(() => there.registry.corridors.get(anId('SG-CN'))?.status === 'OPEN')
  })
})

import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createKeyStore } from '../../gateway/identity/key-store.ts'
import { anId } from '../fixtures/an-id.ts'
import { freshDatabase, freshFolder } from '../harness/mongo.ts'
import { testHub } from './hub.ts'

const database = await freshDatabase()
const key = await createKeyStore(database.db).issue(
  { participant: anId('operator'), scopes: ['operator'], label: 'desk' },
  new Date(),
)
const file = path.join(freshFolder(), 'rates.json')
const asOf = new Date(Date.now() - 60_000).toISOString()
writeFileSync(
  file,
  JSON.stringify({ rows: [{ currency: 'THB', cny: '0.2241' }], asOf, markupBasisPoints: 25 }),
)
const hub = await testHub(database, { MODE: 'production', RATES_FILE: file })
const operator = hub.as(key)
const cny = (amount: string) => ({ amount, currency: 'CNY' })

/** The answer to a mutation of `schema/operations`, which has one field. */
async function tell(operation: string, input: object): Promise<Record<string, unknown>> {
  const { data, errors } = await operator.ask(operation, { input })
  expect(errors).toBeUndefined()
  return Object.values(data as Record<string, Record<string, unknown>>)[0]!
}

test('an empty hub in production is set up by its operator, and lets no participant go LIVE on the simulator', async () => {
  const names = [
    ['operator', 'OPERATOR', 'CN', 'CNY'],
    ['network-unionpay', 'NETWORK', 'CN', 'CNY'],
    ['wallet-th-01', 'WALLET', 'TH', 'THB'],
  ] as const
  for (const [id, role, country, settlementCurrency] of names) {
    const network = role === 'WALLET' ? 'network-unionpay' : null
    const input = { id, name: id, roles: [role], country, settlementCurrency, network }
    expect(await tell('ApplyParticipant', input)).toMatchObject({ id, status: 'APPLIED' })
  }
  const corridor = {
    id: 'TH-CN',
    expectedVersion: 0,
    status: 'OPEN',
    entryModes: ['MPM_DYNAMIC'],
    currencies: ['CNY'],
    perPayment: cny('5000'),
    perDay: cny('20000'),
    freeUpTo: cny('200'),
    basisPoints: 300,
    settlementCurrency: 'USD',
  }
  expect(await tell('SetCorridor', corridor)).toMatchObject({ id: 'TH-CN', version: 1, status: 'OPEN' })

  const participant = 'wallet-th-01'
  const move = (status: string) =>
    tell('ChangeParticipantStatus', { participant, status, reason: 'As it must be' })
  for (const status of ['REVIEW', 'SANDBOX', 'CERTIFYING'])
    expect(await move(status)).toMatchObject({ status })
  await tell('CertifyParticipant', { participant, capability: 'MPM_PAY', passed: true })
  expect(await move('LIVE')).toMatchObject({ code: 'SIMULATOR_NOT_ALLOWED' })
  expect(await tell('ConnectParticipant', { participant, connection: 'STREAM' })).toMatchObject({
    secret: null,
  })
  expect(await move('LIVE')).toMatchObject({ status: 'LIVE' })
  expect(await tell('ConnectParticipant', { participant, connection: 'SIMULATOR' })).toMatchObject({
    code: 'SIMULATOR_NOT_ALLOWED',
  })

  const { data } = await operator.ask('Rates', { sources: null, target: 'CNY' })
  expect(data.rates).toMatchObject([{ source: 'THB', mid: '0.2241', markupBasisPoints: 25, asOf }])
  const audit = await operator.ask('Audit', { first: 20 })
  expect(audit.data.auditLog.edges.map(({ node }: { node: { action: string } }) => node.action)).toEqual([
    'changeParticipantStatus',
    'connectParticipant',
    'recordCertification',
    ...Array(3).fill('changeParticipantStatus'),
    'setCorridor',
    ...Array(3).fill('applyParticipant'),
    'setRates',
  ])
})

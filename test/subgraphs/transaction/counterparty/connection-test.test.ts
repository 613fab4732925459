import { afterAll, describe, expect, test } from 'vitest'
import { openHttpSender } from '../../../../subgraphs/transaction/webhooks/http-sender.ts'
import { connectionTestResolvers } from '../../../../subgraphs/transaction/counterparty/connection-test.ts'
import { newSigningSecret } from '../../../../subgraphs/shared/signing-secret.ts'
import { Webhook } from 'standardwebhooks'
import { aReceiver } from '../../../fixtures/a-webhook-receiver.ts'
import { aParticipant, aRegistry } from '../../../fixtures/a-registry.ts'
import { anId } from '../../../fixtures/an-id.ts'
import { as } from '../../../fixtures/a-programme.ts'

const receiver = await aReceiver()
const httpSender = openHttpSender({ reach: 'LOOPBACK' })
afterAll(() => httpSender.close())
const secret = newSigningSecret()
const endpoint = { url: receiver.url, secrets: [{ secret, notAfter: null }] }
const registry = aRegistry({
  participants: [
    aParticipant({ id: 'posted', connection: 'WEBHOOK', endpoint }),
    aParticipant({ id: 'streams', connection: 'STREAM' }),
    aParticipant({ id: 'away', connection: 'STREAM' }),
    aParticipant({ id: 'simulated', connection: 'SIMULATOR' }),
    aParticipant({ id: 'bare', connection: null }),
  ],
})
const { Mutation } = connectionTestResolvers({
  registry,
  eventStreams: { isListening: (id) => id === 'streams' },
  httpSender,
  now: () => new Date(),
})
const ask = (participant: string, context = as('operator', ['operator'])) =>
  Mutation.testConnection(null, { input: { participant: anId(participant) } }, context)

describe('a test of a connection', () => {
  test('posts a signed request, and takes a 2xx status as working', async () => {
    expect(await ask('posted')).toMatchObject({ works: true, status: 200, message: 'answered 200' })
    const [{ headers, body }] = receiver.received as [(typeof receiver.received)[0]]
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({
      type: 'connection.test',
      data: { participant: 'posted' },
    })
  })

  test('gives the status or the failure of an endpoint that does not work', async () => {
    receiver.answer = 500
    expect(await ask('posted')).toMatchObject({ works: false, status: 500 })
    await receiver.close()
    expect(await ask('posted')).toMatchObject({ works: false, status: null, message: expect.any(String) })
  })

  test.each([
    { id: 'streams', works: true },
    { id: 'away', works: false },
    { id: 'simulated', works: true },
    { id: 'bare', works: false },
  ])('sends nothing to a participant without an endpoint: $id', async ({ id, works }) => {
    expect(await ask(id)).toMatchObject({ participant: { id }, works, latencyMs: null })
  })

  test('is for the operator, and for a participant that exists', async () => {
    expect(await ask('nobody')).toMatchObject({ code: 'PARTICIPANT_UNKNOWN' })
    expect(await ask('posted', as('wallet-sg-01'))).toMatchObject({ code: 'FORBIDDEN' })
  })
})

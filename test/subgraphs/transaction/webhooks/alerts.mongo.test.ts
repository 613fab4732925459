import { Webhook } from 'standardwebhooks'
import { expect, test, vi } from 'vitest'
import { openAlertLog, type Alert, type Write } from '../../../../subgraphs/shared/alert-log.ts'
import { aWebhookProcess, databasePerTest, deliveriesOf } from '../../../fixtures/a-webhook-process.ts'
import { aReceiver } from '../../../fixtures/a-webhook-receiver.ts'
import { as } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'

const db = await databasePerTest()

const write: Write = (change) =>
  db().client.withSession((session) => session.withTransaction(() => change(session)))

const anAlert = (subject: Alert['subject'], at: Date): Alert => ({
  _id: anId(`${subject}.DECLINES.2026-03-01T12:04Z`),
  subject,
  kind: 'DECLINES',
  beganAt: at,
  raisedAt: at,
  lastOutAt: at,
  endedAt: null,
  acknowledged: null,
  observed: 0.5,
  usual: 0.05,
  bound: 0.08,
  payments: 60,
})

test('an alert is sent once, signed, to the parties that name the event', async () => {
  const hub = await aWebhookProcess(db())
  const [named, others, everyStep] = await Promise.all([aReceiver(), aReceiver(), aReceiver()])
  const { secret } = await hub.subscribe('wallet-sg-01', named.url, ['ALERT_RAISED', 'ALERT_ENDED'])
  await hub.subscribe('wallet-th-01', others.url, ['ALERT_RAISED'])
  await hub.subscribe('wallet-sg-01', everyStep.url, ['*'])
  const alertLog = await openAlertLog(db())
  const at = hub.clock.now()
  const corridor = anAlert('corridor:SG-CN', at)
  await alertLog.raise(corridor, write)
  await alertLog.raise(anAlert('participant:wallet-sg-01', at), write)
  await alertLog.end(corridor._id, at, write)
  await vi.waitFor(async () => expect(await deliveriesOf(db()).countDocuments()).toBe(3), 10_000)
  await hub.deliveryWorker.runDue()

  const bodies = named.received.map(
    ({ body, headers }) => new Webhook(secret).verify(body, headers) as { type: string; data: unknown },
  )
  expect(bodies.map(({ type }) => type).toSorted()).toEqual(['alert.ended', 'alert.raised', 'alert.raised'])
  expect(bodies).toContainEqual({
    type: 'alert.raised',
    timestamp: at.toISOString(),
    data: {
      alert: {
        id: corridor._id,
        kind: 'DECLINES',
        corridor: 'SG-CN',
        participant: null,
        beganAt: at.toISOString(),
        raisedAt: at.toISOString(),
        endedAt: null,
        acknowledgedAt: null,
        // The figures of a corridor are those of other wallets too.
        figures: null,
      },
    },
  })
  const alertsOf = bodies.map(({ data }) => (data as { alert: object }).alert)
  expect(alertsOf).toContainEqual(
    expect.objectContaining({
      participant: 'wallet-sg-01',
      figures: { observed: 0.5, usual: 0.05, bound: 0.08, payments: 60 },
    }),
  )
  expect(others.received).toEqual([])
  expect(everyStep.received).toEqual([])
})

test('deliveries of alerts have pages without a gap, though no payment lies between them', async () => {
  const hub = await aWebhookProcess(db())
  const receiver = await aReceiver()
  const { id } = await hub.subscribe('operator', receiver.url, ['ALERT_RAISED'])
  const alertLog = await openAlertLog(db())
  for (const participant of ['w1', 'w2', 'w3']) {
    await alertLog.raise(anAlert(`participant:${participant}`, hub.clock.now()), write)
  }
  await vi.waitFor(async () => expect(await deliveriesOf(db()).countDocuments()).toBe(3), 10_000)
  const { webhookService } = hub
  const seen: string[] = []
  for (let after: string | null = null, n = 0; n < 3; n++) {
    const page = await webhookService.deliveries(as('operator'), { webhook: id, first: 1, after })
    seen.push(...page.edges.map(({ node }) => node.transaction))
    after = page.pageInfo.endCursor
  }
  expect(new Set(seen).size).toBe(3)
})

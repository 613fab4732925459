// The conformance kit against an implementation with one fault at a time: each check finds the fault that
// it is for.

import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { checks, type CheckedCapability } from '../../../gateway/conformance/checks.ts'
import { createProbe, type Subject } from '../../../gateway/conformance/probe.ts'
import { examine, reportText } from '../../../gateway/conformance/report.ts'
import { money } from '../../../schema/values/money.ts'
import { newSigningSecret } from '../../../subgraphs/shared/signing-secret.ts'
import { aReceiver, type Received } from '../../fixtures/a-webhook-receiver.ts'

const secret = newSigningSecret()

type Fault =
  | 'declines all'
  | 'approves all'
  | 'answers late'
  | 'forgets'
  | 'decides again'
  | 'ignores respondBy'
  | 'is strict'
  | 'confirms all'
  | 'approves after never seen'
  | 'reverses once'
  | 'approves the undone'
  | 'needs no signature'
  | 'ignores the secret'
  | 'ignores the body'
  | 'ignores the time'
  | 'reads the first signature'
  | 'answers 500'
  | 'takes an event once'

/** An implementation that does everything right but for one fault. */
function implementation(fault: Fault | null) {
  const decisions = new Map<string, { decision: string; reason?: string }>()
  const barred = new Set<string>()
  const seen = new Set<string>()
  const webhook = new Webhook(secret)

  const isSigned = ({ headers, body }: Received): boolean => {
    const given = headers['webhook-signature'] as string | undefined
    if (fault === 'needs no signature' && given === undefined) return true
    const signature = fault === 'reads the first signature' ? given?.split(' ')[0] : given
    try {
      webhook.verify(body, { ...headers, 'webhook-signature': signature ?? '' })
      return true
    } catch (error) {
      if (given === undefined) return false
      const { message } = error as Error
      const isOld = /timestamp/.test(message)
      if (fault === 'ignores the time') return isOld
      // A signature of the right form is enough for these two.
      const isChanged = body.includes('conformance_')
      return (
        (fault === 'ignores the secret' && !isOld && !isChanged) ||
        (fault === 'ignores the body' && isChanged)
      )
    }
  }

  const decide = (data: Data): object => {
    const { id, merchantAmount } = data.payment
    if (barred.has(id) && fault !== 'approves the undone' && fault !== 'approves after never seen')
      return { decision: 'DECLINE' }
    const known = decisions.get(id)
    if (known && fault === 'decides again') return { decision: 'DECLINE', reason: 'AM05' }
    if (known) return known
    const isLate = Date.now() > Date.parse(data.respondBy) && fault !== 'ignores respondBy'
    const isDeclined = merchantAmount.amount === '13.00' && fault !== 'approves all'
    const decision = {
      decision: isLate || isDeclined || fault === 'declines all' ? 'DECLINE' : 'APPROVE',
    }
    if (fault !== 'forgets') decisions.set(id, decision)
    return decision
  }

  const answerTo = (message: Message): object | null => {
    const { type, data } = message
    const { id } = data.payment
    if (fault === 'is strict' && 'futureMember' in message) return { error: 'unknown member' }
    if (type === 'payment.authorize') return decide(data)
    if (type === 'payment.inquire') {
      if (fault === 'confirms all') return { decision: 'APPROVE' }
      const known = decisions.get(id)
      if (!known && fault !== 'approves after never seen') barred.add(id)
      return known ?? { decision: 'NEVER_SEEN' }
    }
    if (type === 'payment.reverse' || type === 'payment.cancel') {
      if (fault === 'reverses once' && barred.has(id)) return { decision: 'APPROVE' }
      barred.add(id)
      return { decision: 'ACKNOWLEDGE' }
    }
    return null
  }

  return (request: Received): { status: number; body?: object } => {
    if (fault === 'answers 500') return { status: 500 }
    if (!isSigned(request)) return { status: 400 }
    const answer = answerTo(JSON.parse(request.body) as Message)
    if (answer) return { status: 200, body: answer }
    const id = request.headers['webhook-id']
    if (fault === 'takes an event once' && seen.has(id)) return { status: 409 }
    seen.add(id)
    return { status: 204 }
  }
}

interface Data {
  readonly respondBy: string
  readonly payment: { readonly id: string; readonly merchantAmount: { readonly amount: string } }
}
interface Message {
  readonly type: string
  readonly data: Data
}

async function reportOn(capability: CheckedCapability, fault: Fault | null, more: Partial<Subject> = {}) {
  const answer = implementation(fault)
  const receiver = await aReceiver((response, request) => {
    const { status, body } = answer(request)
    response.writeHead(status).end(body && JSON.stringify(body))
  })
  const subject: Subject = {
    role: capability === 'CPM_PRESENT' ? 'WALLET' : 'ACQUIRER',
    url: receiver.url,
    secret,
    participant: 'participant-under-test',
    merchant: 'participant-under-test.M1',
    amount: money(2_500n, 'CNY'),
    declined: money(1_300n, 'CNY'),
    token: 'token-1',
    ...more,
  }
  const report = await examine(capability, createProbe(subject), new Date())
  return {
    report,
    receiver,
    failed: report.results.filter((one) => one.outcome === 'FAILED').map(({ id }) => id),
  }
}

describe('an implementation of the requests', () => {
  test.each(['MPM_ACCEPT', 'CPM_PRESENT'] as const)('without a fault passes %s', async (capability) => {
    const { report, receiver } = await reportOn(capability, null)
    expect(report).toMatchObject({ capability, passed: true })
    expect(reportText(report)).toMatch(/PASSED: 18 of 18 checks hold$/)
    const first = JSON.parse(receiver.received[0]!.body) as Message
    // Only a wallet reads the payer.
    expect('token' in first.data).toBe(capability === 'CPM_PRESENT')
  })

  test.each<[Fault, readonly string[]]>([
    ['approves all', ['declines']],
    ['forgets', ['inquiry-of-known']],
    ['decides again', ['repeats-its-answer', 'repeats-in-parallel']],
    ['ignores respondBy', ['refuses-after-the-deadline']],
    ['is strict', ['takes-unknown-members']],
    ['confirms all', ['inquiry-of-unknown', 'keeps-never-seen']],
    ['approves after never seen', ['keeps-never-seen', 'reverse-of-unknown', 'cancel-of-unknown']],
    ['reverses once', ['reverse-acknowledged', 'cancel-acknowledged']],
    ['approves the undone', ['keeps-never-seen', 'reverse-of-unknown', 'cancel-of-unknown']],
    ['needs no signature', ['refuses-unsigned']],
    ['ignores the secret', ['refuses-strange-secret']],
    ['ignores the body', ['refuses-changed-body']],
    ['ignores the time', ['refuses-old']],
    ['reads the first signature', ['takes-two-signatures']],
  ])('that %s fails %j and nothing else', async (fault, ids) => {
    const { report, failed } = await reportOn('MPM_ACCEPT', fault)
    expect(failed).toEqual(ids)
    expect(report.passed).toBe(false)
  })

  test('that declines all fails whatever begins with an approval', async () => {
    const { failed } = await reportOn('MPM_ACCEPT', 'declines all')
    expect(failed).toContain('approves')
  })

  test('that is not there fails, and the report gives the reason', async () => {
    const gone = await aReceiver()
    await gone.close()
    const { report } = await reportOn('MPM_ACCEPT', null, { url: gone.url })
    expect(reportText(report)).toMatch(/FAILED {2}approves .*\n.*ECONNREFUSED/)
    expect(report.passed).toBe(false)
  })

  test('without an amount that it declines is not checked for it', async () => {
    const { report } = await reportOn('MPM_ACCEPT', null, { declined: null })
    expect(report.results.find(({ id }) => id === 'declines')).toMatchObject({ outcome: 'skipped' })
    expect(report.passed).toBe(true)
  })
})

describe('a receiver of events', () => {
  test('without a fault passes WEBHOOK', async () => {
    expect((await reportOn('WEBHOOK', null)).report.passed).toBe(true)
  })

  test.each<[Fault, readonly string[]]>([
    ['takes an event once', ['receives-twice']],
    ['needs no signature', ['refuses-unsigned']],
    ['ignores the body', ['refuses-changed-body']],
    ['ignores the time', ['refuses-old']],
  ])('that %s fails %j and nothing else', async (fault, ids) => {
    expect((await reportOn('WEBHOOK', fault)).failed).toEqual(ids)
  })

  test('that answers 500 fails everything', async () => {
    expect((await reportOn('WEBHOOK', 'answers 500')).failed).toEqual(checks.WEBHOOK.map(({ id }) => id))
  })
})

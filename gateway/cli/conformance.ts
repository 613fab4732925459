// Plays the hub against the endpoint of a participant, and reports what it does like a certification:
//   npm run conformance -- --acquirer URL --secret whsec_…

import { hash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parseMoney, type Money } from '../../schema/values/money.ts'
import { isRefusal } from '../../schema/values/problems.ts'
import type { CheckedCapability } from '../conformance/checks.ts'
import { createProbe, type Subject } from '../conformance/probe.ts'
import { examine, reportText, type CapabilityReport } from '../conformance/report.ts'

const usage = `usage: npm run conformance -- --acquirer URL --secret SECRET [options]
       npm run conformance -- --wallet URL --secret SECRET [options]
Sends what a hub sends: signed requests for payments, and also wrong ones. --acquirer checks MPM_ACCEPT, --wallet checks
CPM_PRESENT, --webhook checks WEBHOOK, alone or beside them. The exit status is 1 when a check fails.
  --secret SECRET            "whsec_" and base64, the secret that the endpoint verifies with
  --webhook URL              an endpoint for events
  --participant ID           the participant under test, default "participant-under-test"
  --merchant ID              a merchant of the acquirer, default the participant's M1
  --token REFERENCE          a token of the wallet, default "conformance"
  --amount "25.00 CNY"       an amount that the endpoint approves, default 25.00 CNY
  --decline-amount AMOUNT    an amount that it declines; without it, declining is not checked
  --report FILE              writes the report as JSON
  --record HUB --key-file F  records each verdict at this hub, by recordCertification with the operator's key in F`

const options = {
  acquirer: { type: 'string' },
  wallet: { type: 'string' },
  webhook: { type: 'string' },
  secret: { type: 'string' },
  participant: { type: 'string', default: 'participant-under-test' },
  merchant: { type: 'string' },
  token: { type: 'string', default: 'conformance' },
  amount: { type: 'string', default: '25.00 CNY' },
  'decline-amount': { type: 'string' },
  report: { type: 'string' },
  record: { type: 'string' },
  'key-file': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const document = `mutation ($input: RecordCertificationInput!) {
  recordCertification(input: $input) {
    __typename ... on Participant { id } ... on Problem { code message } ... on IdempotencyConflict { code message }
  }
}`

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values']

async function run(values: Values): Promise<void> {
  const { acquirer, wallet, webhook, secret, record } = values
  if ((!acquirer && !wallet && !webhook) || (acquirer && wallet) || !secret) throw new Error(usage)
  const targets: readonly (readonly [CheckedCapability, string | undefined])[] = [
    ['MPM_ACCEPT', acquirer],
    ['CPM_PRESENT', wallet],
    ['WEBHOOK', webhook],
  ]
  const reports: CapabilityReport[] = []
  for (const [capability, url] of targets) {
    if (url === undefined) continue
    const report = await examine(capability, createProbe(subjectOf(values, url, secret)), new Date())
    console.log(reportText(report))
    reports.push(report)
  }
  const text = JSON.stringify(reports, null, 2)
  if (values.report) writeFileSync(values.report, `${text}\n`)
  if (record) for (const report of reports) await recordVerdict(record, keyOf(values), report)
  if (reports.some(({ passed }) => !passed)) process.exitCode = 1
}

function subjectOf(values: Values, url: string, secret: string): Subject {
  return {
    role: values.wallet ? 'WALLET' : 'ACQUIRER',
    url,
    secret,
    participant: values.participant,
    merchant: values.merchant ?? `${values.participant}.M1`,
    amount: readAmount(values.amount),
    declined: values['decline-amount'] === undefined ? null : readAmount(values['decline-amount']),
    token: values.token,
  }
}

function readAmount(text: string): Money {
  const [amount = '', currency = ''] = text.split(' ')
  const read = parseMoney({ amount, currency }, [])
  if (isRefusal(read))
    throw new Error(`"${text}" is no amount such as "25.00 CNY": ${read.message}\n${usage}`)
  return read
}

function keyOf(values: Values): string {
  const file = values['key-file']
  if (file === undefined) throw new Error(`--record takes --key-file\n${usage}`)
  return readFileSync(file, 'utf8').trim()
}

/** The digest ties the certificate to the report that it stands on. */
async function recordVerdict(hub: string, key: string, report: CapabilityReport): Promise<void> {
  const { participant, capability, passed } = report
  const input = { participant, capability, passed, report: hash('sha256', JSON.stringify(report), 'hex') }
  const response = await fetch(`${hub}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: document, variables: { input } }),
  })
  const { data, errors } = (await response.json()) as {
    readonly data?: { readonly recordCertification: { readonly message?: string } }
    readonly errors?: readonly { readonly message: string }[]
  }
  const problem = errors?.[0]?.message ?? data?.recordCertification.message
  if (problem !== undefined)
    throw new Error(`${capability} of ${participant} could not be recorded: ${problem}`)
  console.log(`${capability} of ${participant} is recorded at ${hub}: ${passed ? 'passed' : 'not passed'}`)
}

// At the end: what the functions use has been initialized.
try {
  const { values } = parseArgs({ options })
  if (values.help) console.log(usage)
  else await run(values)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

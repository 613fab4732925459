// Sends random operations of each role to a running hub, and checks the answers.

import type { GraphQLField, GraphQLObjectType } from 'graphql'
import { setTimeout as pause } from 'node:timers/promises'
import { check, schema, type Answer } from './check.ts'
import { chooseFrom, randomOperation, type OperationKind, type RandomOperation } from './generate.ts'

/** The keys of a demo. */
export const roles = ['demo-operator', 'demo-portal', 'demo-wallet', 'demo-acquirer']

export interface FuzzOptions {
  readonly url: string
  /** Operations for each root field and role. */
  readonly times: number
  readonly seed: number
  /** Process of the hub, whose time on a processor is read for each request; null does not read it. */
  readonly pid: number | null
}

export interface FuzzReport {
  readonly requests: number
  readonly operations: number
  /** The most milliseconds of the main thread that one request has taken. */
  readonly slowestMs: number
  /** One line for each answer that is wrong. */
  readonly faults: readonly string[]
}

const kinds: readonly OperationKind[] = ['query', 'mutation', 'subscription']

export async function fuzz({ url, times, seed, pid }: FuzzOptions): Promise<FuzzReport> {
  const faults: string[] = []
  let requests = 0
  let slowestMs = 0
  const fields = kinds.flatMap((kind) => rootFields(kind).map((root) => ({ kind, root })))
  const report = (): FuzzReport => ({ requests, operations: fields.length, slowestMs, faults })
  for (const [f, { kind, root }] of fields.entries()) {
    for (const [r, role] of roles.entries()) {
      for (let n = 0; n < times; n++) {
        const choose = chooseFrom(seed + (f * roles.length + r) * 100_003 + n)
        const operation = randomOperation(schema, kind, root, choose)
        const send = () =>
          kind === 'subscription' ? firstEventOf(url, role, operation) : answerTo(url, role, operation)
        const what = (fault: string) => `${role} ${root.name}: ${fault}: ${JSON.stringify(operation)}`
        const checked = await check(pid, operation.query, send).catch((error: Error) => error)
        requests++
        // A hub that no longer answers one request answers none.
        if (checked instanceof Error) {
          faults.push(what(checked.message))
          return report()
        }
        slowestMs = Math.max(slowestMs, checked.ms)
        for (const fault of checked.faults) faults.push(what(fault))
      }
    }
  }
  return report()
}

const rootFields = (kind: OperationKind): readonly GraphQLField<unknown, unknown>[] =>
  Object.values((schema.getRootType(kind as never) as GraphQLObjectType).getFields())

const request = (key: string, operation: RandomOperation, accept: string): RequestInit => ({
  method: 'POST',
  headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept },
  body: JSON.stringify(operation),
  signal: AbortSignal.timeout(answerMs),
})

/** More than any request takes. */
const answerMs = 20_000

async function answerTo(url: string, key: string, operation: RandomOperation): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, request(key, operation, 'application/json'))
  return { status: response.status, text: await response.text() }
}

/** How long a stream without events is read: one that is refused ends by itself. */
const quietMs = 25

/** What a stream begins with: an event, errors, or nothing. */
async function firstEventOf(url: string, key: string, operation: RandomOperation): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, request(key, operation, 'text/event-stream'))
  const { status, headers } = response
  if (!headers.get('content-type')?.includes('text/event-stream'))
    return { status, text: await response.text() }
  const reader = response.body!.getReader()
  const decoder = new TextDecoder()
  let text = ''
  const events = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      text += decoder.decode(value, { stream: true })
      if (/^data:.+\n/m.test(text)) return
    }
  }
  const reading = events().catch(() => {})
  await Promise.race([reading, pause(quietMs)])
  await reader.cancel()
  return { status, text: /^data:\s*(\{.*\})$/m.exec(text)?.[1] ?? '{}' }
}

// The short form of `npm run fuzz`, and what messages give of the schema.

import { buildSchema, isObjectType } from 'graphql'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fuzz } from '../fuzz/fuzz.ts'
import { hubProcesses, urlOf } from './child.ts'
import { demoDatabase } from './demo-database.ts'

const run = hubProcesses(await demoDatabase())
const hub = run({ SUGGESTIONS: 'off' })
const url = await urlOf(hub)

test('random operations of every role get answers of the schema, soon, and no internal error', async () => {
  const { faults, requests, operations, slowestMs } = await fuzz({
    url,
    times: 1,
    seed: Number(process.env.FC_SEED ?? 1),
    pid: process.platform === 'linux' ? hub.process.pid! : null,
  })
  console.log(`${requests} requests to ${operations} operations, slowest ${slowestMs.toFixed(1)} ms`)
  expect(faults).toEqual([])
}, 60_000)

test('a name that is nearly one of the schema gets no suggestion', async () => {
  const text = readFileSync(new URL('../../schema/generated/api.graphql', import.meta.url), 'utf8')
  const types = Object.values(buildSchema(text).getTypeMap()).filter(isObjectType)
  const query = types.find(({ name }) => name === 'Query')!
  const names = Object.keys(query.getFields())
  const document = `{ ${names.map((name) => `${name}x`).join(' ')} participant(id: "x") { iid nme rols } }`
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: 'Bearer demo-wallet', 'content-type': 'application/json' },
    body: JSON.stringify({ query: document }),
  })
  const answer = await response.text()
  expect(answer).toContain('GRAPHQL_VALIDATION_FAILED')
  expect(answer).not.toContain('Did you mean')
  for (const name of names) expect(answer).not.toMatch(new RegExp(`[^a-z]${name}[^a-zA-Z]`))
})

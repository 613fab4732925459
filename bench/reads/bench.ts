// Reads on a real MongoDB with the 1 % data set: the hub, compared with a service written by hand.

import { deepStrictEqual } from 'node:assert'
import { load } from '../load.ts'
import { ratio } from '../measure.ts'
import { startProgramme } from '../programme.ts'
import { report, row, type Row } from '../report.ts'

const paymentFields = 'id status createdAt merchantAmount { amount currency }'
const queries = [
  {
    name: 'one merchant by id',
    path: 'merchant',
    document: 'query($id: ID!) { merchant(id: $id) { id name localName city status scenario entryModes } }',
    goal: '≥ 2',
  },
  {
    name: 'one payment by id',
    path: 'payment',
    document: `query($id: ID!) { transaction(id: $id) { ${paymentFields} } }`,
    goal: '≥ 2',
  },
  {
    name: 'twenty payments, joined',
    path: 'page',
    document: `query($wallet: ID!) { transactions(where: { wallets: [$wallet] }, first: 20) { edges { node {
      ${paymentFields} merchant { id name city } acquirer { id name } wallet { id name } } } } }`,
    goal: '≥ 1',
  },
] as const

export async function bench(): Promise<void> {
  const programme = await startProgramme()
  const hand = await programme.serve('hand', new URL('hand.ts', import.meta.url))
  try {
    const payments = await programme.db.collection('payments').find().sort({ _id: -1 }).limit(2000).toArray()
    const headers = { authorization: 'Bearer demo-operator' }
    const rows: Row[] = []
    for (const { name, path, document, goal } of queries) {
      const bodies = payments.map((payment) =>
        JSON.stringify({
          query: document,
          variables:
            path === 'page'
              ? { wallet: payment.wallet }
              : { id: path === 'payment' ? payment._id : payment.merchant },
        }),
      )
      const targets = [
        { name: 'hub', url: `${programme.url}/graphql`, headers, bodies },
        { name: 'hand', url: `${hand.url}/${path}`, bodies },
      ]
      const responses = await Promise.all(
        targets.map(async ({ url }) => {
          const init = {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/json' },
            body: bodies[0]!,
          }
          return (await fetch(url, init)).json()
        }),
      )
      deepStrictEqual(responses[0], responses[1], `${name}: the responses differ`)
      const [hub, byHand] = await load(targets, { connections: 64, rounds: 7, sliceSeconds: 1 })
      rows.push(
        row(`${name}: hub`, hub!.perSecond, 'requests/s'),
        row(
          `${name}: Fastify and driver, by hand`,
          byHand!.perSecond,
          'requests/s',
          { ratio: ratio(hub!, byHand!), peer: 'by hand' },
          goal,
        ),
      )
    }
    report('reads', rows)
  } finally {
    await hand.close()
    await programme.close()
  }
}

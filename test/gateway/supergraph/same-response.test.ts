import fc from 'fast-check'
import { GraphQLError, parse, validate } from 'graphql'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { subgraphSdl } from '../../../subgraphs/shared/subgraph.ts'
import { composableSdl } from '../../../subgraphs/shared/visibility.ts'
import { aFederation } from '../../fixtures/a-federation.ts'
import { chooseFrom, aRandomDocument } from '../../fixtures/a-random-document.ts'
import { federations } from '../../fixtures/federations.ts'
import { difference } from './compare-responses.ts'
import { createStrictConnection } from './strict-connection.ts'

const hub = (['participant', 'merchant', 'transaction', 'analytics'] as const).map((name) => ({
  name,
  sdl: composableSdl(subgraphSdl(name)),
}))

/** Rates of failures in a world. Some worlds have none, so that no error hides a wrong join. */
const aWorld = fc.record({
  seed: fc.nat(),
  nulls: fc.constantFrom(0, 0.2),
  violations: fc.constantFrom(0, 0.1),
  errors: fc.constantFrom(0, 0.1),
  promises: fc.constantFrom(0, 0.3),
})
const choices = fc.array(fc.nat({ max: 1_000 }), { minLength: 100, maxLength: 300, size: 'max' })

// When a list item fails synchronously, graphql-js drops the promises of the items before it, and one of
// these may reject. Such errors of a world are ignored; any other unhandled rejection fails the test run.
const watchers = process.listeners('unhandledRejection')
const isDropped = (error: unknown): boolean =>
  error instanceof GraphQLError && /^no |^Cannot return null for non-nullable/.test(error.message)
const watch: NodeJS.UnhandledRejectionListener = (error, promise) => {
  if (!isDropped(error)) watchers.forEach((watcher) => watcher(error, promise))
}
beforeAll(() => {
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', watch)
})
afterAll(async () => {
  // Node.js reports a rejection after all pending microtasks.
  await setImmediate()
  process.removeAllListeners('unhandledRejection')
  watchers.forEach((watcher) => process.on('unhandledRejection', watcher))
})

// Some types make a nullable field of their interface non-null, and are reached through a union. The planner
// then writes a document that GraphQL does not allow. A subgraph in this process does not validate it.
const invalidForStrict = 'one subgraph, every kind of type'

describe.each([
  { subgraphsAre: 'in this process', connect: undefined },
  { subgraphsAre: 'on strict servers', connect: createStrictConnection },
])('with subgraphs $subgraphsAre, the response is that of one schema run by graphql-js', ({ connect }) => {
  // The random documents have no inputs of `@oneOf`; features.test.ts has.
  const all = Object.entries({ ...federations, 'the hub itself': hub }).filter(
    ([name]) => name !== 'one input of several',
  )
  test.each(all.filter(([name]) => !connect || name !== invalidForStrict))('%s', async (name, subgraphs) => {
    const federation = aFederation(name, subgraphs, connect)
    await fc.assert(
      fc.asyncProperty(choices, aWorld, async (tape, world) => {
        const document = aRandomDocument(federation.hub.schema, chooseFrom(tape))
        expect(validate(federation.hub.schema, parse(document.text))).toEqual([])
        const different = await difference(federation, document, connect ? { ...world, promises: 0 } : world)
        if (different !== null) {
          throw new Error(`${document.text}\nwith ${JSON.stringify(document.variables)}\n${different}`)
        }
      }),
      { numRuns: connect ? 20 : 40 },
    )
  })
})

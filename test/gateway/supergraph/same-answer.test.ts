import fc from 'fast-check'
import { GraphQLError, parse, validate } from 'graphql'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { subgraphSdl } from '../../../subgraphs/shared/subgraph.ts'
import { chooseFrom, randomDocument } from './documents.ts'
import { buildGraphs } from './graphs.ts'
import { difference } from './same-answer.ts'
import { strictConnection } from './strict-connection.ts'
import { supergraphs } from './supergraphs.ts'

const hub = (['participant', 'merchant', 'transaction', 'analytics'] as const).map((name) => ({
  name,
  sdl: subgraphSdl(name),
}))

/** How often things go wrong in a world: never in some, so that nothing hides a wrong join. */
const aWorld = fc.record({
  seed: fc.nat(),
  nulls: fc.constantFrom(0, 0.2),
  violations: fc.constantFrom(0, 0.1),
  errors: fc.constantFrom(0, 0.1),
  promises: fc.constantFrom(0, 0.3),
})
const choices = fc.array(fc.nat({ max: 1_000 }), { minLength: 100, maxLength: 300, size: 'max' })

// When a list item fails at once, graphql-js forgets the promises of the items before it, and one of those may still
// reject. Such errors are of a world's own making; any other unhandled rejection fails the run as ever.
const watchers = process.listeners('unhandledRejection')
const forgotten = (error: unknown): boolean =>
  error instanceof GraphQLError && /^no |^Cannot return null for non-nullable/.test(error.message)
const watch: NodeJS.UnhandledRejectionListener = (error, promise) => {
  if (!forgotten(error)) watchers.forEach((watcher) => watcher(error, promise))
}
beforeAll(() => {
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', watch)
})
afterAll(async () => {
  // Node tells of a rejection once the promises that were there have run.
  await setImmediate()
  process.removeAllListeners('unhandledRejection')
  watchers.forEach((watcher) => process.on('unhandledRejection', watcher))
})

// An interface's field that a type may only narrow from nullable to non-null, reached through a union: the planner writes
// out the types, and then GraphQL does not let the two meet in one document. In this process nobody looks.
const unplannableForStrangers = 'one subgraph, every kind of type'

describe.each([
  { subgraphsAre: 'in this process', connect: undefined },
  { subgraphsAre: 'run by strangers', connect: strictConnection },
])('with subgraphs $subgraphsAre, the hub answers as one graph would, run by graphql-js', ({ connect }) => {
  const all = Object.entries({ ...supergraphs, 'the hub itself': hub })
  test.each(all.filter(([name]) => !connect || name !== unplannableForStrangers))(
    '%s',
    async (name, subgraphs) => {
      const graphs = buildGraphs(name, subgraphs, connect)
      await fc.assert(
        fc.asyncProperty(choices, aWorld, async (tape, world) => {
          const document = randomDocument(graphs.hub.schema, chooseFrom(tape))
          expect(validate(graphs.hub.schema, parse(document.text))).toEqual([])
          const different = await difference(graphs, document, connect ? { ...world, promises: 0 } : world)
          if (different !== null) {
            throw new Error(`${document.text}\nwith ${JSON.stringify(document.variables)}\n${different}`)
          }
        }),
        { numRuns: connect ? 60 : 120 },
      )
    },
  )
})

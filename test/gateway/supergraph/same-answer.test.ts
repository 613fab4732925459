import fc from 'fast-check'
import { validate, parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import { chooseFrom, randomDocument } from './documents.ts'
import { buildGraphs } from './graphs.ts'
import { difference } from './same-answer.ts'
import { supergraphs } from './supergraphs.ts'

describe('the hub answers as one graph would', () => {
  test.each(Object.entries(supergraphs))('%s', async (name, subgraphs) => {
    const graphs = buildGraphs(name, subgraphs)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 1_000 }), { minLength: 100, maxLength: 300, size: 'max' }),
        fc.record({
          seed: fc.nat(),
          nulls: fc.constantFrom(0, 0.2),
          violations: fc.constantFrom(0, 0.1),
          errors: fc.constantFrom(0, 0.1),
          promises: fc.constantFrom(0, 0.3),
        }),
        async (tape, world) => {
          const document = randomDocument(graphs.hub.schema, chooseFrom(tape))
          fc.pre(validate(graphs.hub.schema, parse(document.text)).length === 0)
          const different = await difference(graphs, document, world)
          if (different !== null)
            throw new Error(`${document.text}\n${JSON.stringify(document.variables)}\n${different}`)
        },
      ),
      { numRuns: 300 },
    )
  })
})

import { parse, type OperationDefinitionNode } from 'graphql'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { composeSupergraph } from '../../../gateway/supergraph/compose.ts'
import { writeCollect } from '../../../gateway/supergraph/entities.ts'
import type { Constant } from '../../../gateway/supergraph/json-bytes.ts'
import { readOperation } from '../../../gateway/supergraph/operation.ts'
import { createPlanner } from '../../../gateway/supergraph/plan.ts'
import { writeRender } from '../../../gateway/supergraph/render.ts'
import { rootShape } from '../../../gateway/supergraph/shape.ts'
import { onlyVariant } from '../../../gateway/supergraph/variant.ts'
import { readSupergraph } from '../../../gateway/supergraph/supergraph-schema.ts'
import { atOnce } from '../../../gateway/supergraph/slices.ts'
import { federation } from '../../fixtures/a-supergraph.ts'

const supergraphSdl = composeSupergraph([
  {
    name: 'bills',
    sdl: `${federation}
      type Query { bills: [Bill!] payment: Payment }
      type Bill @key(fields: "country number") { country: String! number: Int! }
      type Payment { id: ID! status: Status }
      enum Status { PENDING SUCCEEDED }`,
  },
  {
    name: 'totals',
    sdl: `${federation} type Bill @key(fields: "country number") { country: String! number: Int! total: Int }`,
  },
])
const supergraph = atOnce(readSupergraph(supergraphSdl, {}))

/** The sample in the docstrings of an engine file, without the comment's asterisks and the indentation. */
function sampleIn(file: string): string {
  const text = readFileSync(new URL(`../../../gateway/supergraph/${file}`, import.meta.url), 'utf8')
  const [, sample = ''] = /```js\n([^]*?)\n \* ```/.exec(text) ?? []
  return sample.replaceAll(/^ \* */gm, '')
}

/** Lists the constants of the generated code in comments. */
const constantsIn = (scope: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(scope).flatMap(([name, value]) => {
    if (!/^k\d+$/.test(name)) return []
    const { words, length } = value as Constant
    return [`// ${name} is ${Buffer.from(words.buffer).subarray(0, length).toString()}`]
  })

describe('the sample in the docstring is the generated code', () => {
  test('of entities.ts', async () => {
    const plan = await createPlanner(supergraphSdl).plan('{ bills { total } }', onlyVariant.overrides)
    const [, flatten] = plan?.kind === 'Sequence' ? plan.nodes : []
    if (flatten?.kind !== 'Flatten' || flatten.node.kind !== 'Fetch') throw new Error('another plan')
    const { requires = [], inputRewrites } = flatten.node
    const source = writeCollect({ paths: [flatten.path], requires, inputRewrites }, 'totals', supergraph)
    expect(sampleIn('entities.ts')).toBe(source)
  })

  test('of render.ts', () => {
    const [definition] = parse('{ payment { id status } }').definitions as [OperationDefinitionNode]
    const shape = rootShape(readOperation(supergraph.api, definition, new Map()), onlyVariant)
    const { source, scope } = writeRender(shape.fieldsOf(shape.type), supergraph.api.graphql)
    expect(sampleIn('render.ts')).toBe([...constantsIn(scope), source].join('\n'))
  })
})

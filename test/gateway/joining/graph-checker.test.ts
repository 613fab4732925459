import { afterAll, describe, expect, test, vi } from 'vitest'
import { openGraphChecker } from '../../../gateway/joining/graph-checker.ts'
import { readOwnGraph } from '../../../gateway/joining/own-graph.ts'

const checker = openGraphChecker(await readOwnGraph())
afterAll(() => checker.close())

// A busy machine may take long to start the thread that composes.
vi.setConfig({ testTimeout: 120_000 })

const url = 'http://127.0.0.1:9/'
const sdlOf = (field: string, type = 'Int') =>
  `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])
   type Merchant @key(fields: "id") { id: ID! ${field}: ${type} }`
const joined = (name: string, field: string) => ({ name, url, sdl: sdlOf(field), headers: {} })
const codesOf = async (name: string, sdl: string) =>
  (await checker.check({ name, url, sdl })).map(({ code }) => code)

describe('a subgraph that is to join, in the process that runs the mutation', () => {
  test('is checked beside those of the file, the offers and the operator, but for an earlier one of its own', async () => {
    await checker.set('FILE', [joined('hints', 'hint')])
    await checker.set('OPERATOR', [joined('tips', 'tip')])
    expect(await codesOf('stars', sdlOf('stars'))).toEqual([])
    expect(await codesOf('tips', sdlOf('tip', 'String'))).toEqual([])
    expect(await codesOf('hints', sdlOf('more'))).toEqual(['NAME_TAKEN'])
    expect(await codesOf('stars', sdlOf('hint'))).toEqual(['INVALID_FIELD_SHARING'])
    expect(await codesOf('stars', sdlOf('name', 'String!'))).toEqual(['INVALID_FIELD_SHARING'])
  })
})

import { expect, test } from 'vitest'
import { readGraphWithOffers, readOffers, readOwnGraph } from '../../../gateway/joining/own-graph.ts'

const graph = await readOwnGraph()

test('the graph with offers is generated, and is not taken for another SDL', async () => {
  const composed = await readGraphWithOffers(graph)
  expect(composed?.joined).toEqual([await readOffers()])
  expect(composed?.supergraphSdl.includes('@join__graph(name: "offers"')).toBe(true)
  const [first, ...others] = graph.own
  const changed = { ...first!, sdl: `${first!.sdl}\ntype Other @shareable { id: ID! }` }
  expect(await readGraphWithOffers({ ...graph, own: [changed, ...others] })).toBeNull()
})

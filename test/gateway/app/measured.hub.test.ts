import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { composedByApollo, startLibrary, startReviews } from '../../fixtures/foreign-subgraphs.ts'
import { temporaryFolder } from '../../harness/temporary-folder.ts'
import { processes } from '../../hub/child.ts'

const library = await startLibrary()
const reviews = await startReviews()
afterAll(() => Promise.all([library, reviews].map((each) => each.close())))
const file = path.join(temporaryFolder(), 'supergraph.graphql')
writeFileSync(file, await composedByApollo({ library: library.url, reviews: reviews.url }))

const start = processes()
const gateway = async (settings: Record<string, string>): Promise<string> => {
  const run = start(settings, 'main.ts', 'gateway', '--supergraph', file)
  return /http:[^\s"]+/.exec(await run.line('Crossgate serves'))![0]
}

async function ask(url: string, query: string): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  return response.json()
}

describe('what a gateway measures', async () => {
  const url = await gateway({})

  test('counts operations and calls of subgraphs', async () => {
    await ask(url, 'query Twice { books { title } }')
    await ask(url, 'query Twice { books { title } }')
    const metrics = await (await fetch(new URL('/metrics', url))).text()
    expect(metrics).toContain('crossgate_operation_seconds_count{operation="Twice"} 2')
    expect(metrics).toMatch(/crossgate_subgraph_seconds_count\{subgraph="library"\} [1-9]/)
    expect(metrics).toContain('crossgate_operation_errors_total{operation="Twice"} 0')
  })

  test('is named for subgraphs too: they receive the name of the operation', async () => {
    await ask(url, 'query Shelf { book(id: 1) { title } }')
    expect(library.operationNames.at(-1)).toBe('Shelf__library')
  })
})

// Composes subgraphs into a supergraph, and prints its SDL:
//   node gateway/cli/compose.ts NAME=URL … [--sdl NAME=FILE …]

import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { composeSupergraph } from '../supergraph/index.ts'

const usage = `usage: node gateway/cli/compose.ts NAME=URL … [--sdl NAME=FILE …]
Composes Federation 2 subgraphs into a supergraph, and prints its SDL. The SDL of a subgraph is read from its
file, or else from the URL (_service). The exit status is 1 when the subgraphs cannot be composed.`

try {
  const options = { sdl: { type: 'string', multiple: true } } as const
  const { positionals, values } = parseArgs({ options, allowPositionals: true })
  if (positionals.length === 0) throw new Error(usage)
  const files = new Map((values.sdl ?? []).map(pairOf))
  const subgraphs = positionals.map(pairOf).map(async ([name, url]) => {
    const file = files.get(name)
    return { name, url, sdl: file === undefined ? await servedSdl(url) : await readFile(file, 'utf8') }
  })
  console.log(composeSupergraph(await Promise.all(subgraphs)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

function pairOf(text: string): readonly [string, string] {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new Error(`${text} is not NAME=VALUE\n${usage}`)
  return [name, value]
}

async function servedSdl(url: string): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
    signal: AbortSignal.timeout(10_000),
  }).catch((cause: unknown) => {
    throw new Error(`${url} does not answer`, { cause })
  })
  const body = (await response.json().catch(() => null)) as { data?: { _service?: { sdl?: unknown } } } | null
  const sdl = body?.data?._service?.sdl
  if (typeof sdl !== 'string') throw new Error(`${url} does not return its SDL for { _service { sdl } }`)
  return sdl
}

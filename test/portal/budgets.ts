// The bytes of scripts that each page loads, compressed, against what the portal promises.

import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface Chunk {
  readonly file: string
  readonly isEntry?: boolean
  readonly imports?: readonly string[]
  readonly dynamicImports?: readonly string[]
}

export interface Budget {
  readonly page: string
  readonly bytes: number
  readonly most: number
}

const folder = fileURLToPath(new URL('../../.data/portal/', import.meta.url))
const firstMost = 70_000
const pageMost = 150_000

/** Of the first view, then of each page. */
export function scriptBudgets(): readonly Budget[] {
  const manifest = JSON.parse(readFileSync(`${folder}.vite/manifest.json`, 'utf8')) as Record<string, Chunk>
  const entry = Object.keys(manifest).find((name) => manifest[name]!.isEntry)!
  const first = 'pages/Start.svelte'
  const pages = (manifest[entry]!.dynamicImports ?? []).filter((name) => name !== first)
  return [
    { page: first, bytes: bytesOf(manifest, [entry, first]), most: firstMost },
    ...pages.map((page) => ({ page, bytes: bytesOf(manifest, [entry, page]), most: pageMost })),
  ]
}

/** Bytes of scripts and of all that they import. */
function bytesOf(manifest: Record<string, Chunk>, names: readonly string[]): number {
  const all = new Set<string>(names)
  for (const name of all) for (const imported of manifest[name]?.imports ?? []) all.add(imported)
  return [...all].reduce((sum, name) => {
    const { file } = manifest[name]!
    const compressed = statSync(`${folder}${file}.gz`, { throwIfNoEntry: false })
    return sum + (compressed ?? statSync(folder + file)).size
  }, 0)
}

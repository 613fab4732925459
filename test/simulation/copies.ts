// Loads copies of the product with changes in their text. The product has no switch for any of them.
//
// Every copy has smaller limits, so that a hundred entries reach each of them. A planted bug is one more
// change. A text that is not in its file exactly once throws: then the code has changed, and so must the bug.

import { registerHooks } from 'node:module'
import type * as World from './world.ts'
import { bugs, smallerLimits, type Change } from './planted-bugs.ts'

/** Loads the world over a copy of the product: as it is, or with a bug. */
export async function loadWorld(bug: string | null): Promise<typeof World> {
  hook()
  const url = new URL('world.ts', import.meta.url)
  url.searchParams.set('copy', bug ?? 'product')
  return (await import(url.href)) as typeof World
}

const product = new URL('../../subgraphs/', import.meta.url).href

let isHooked = false
function hook(): void {
  if (isHooked) return
  isHooked = true
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      const copy = context.parentURL && new URL(context.parentURL).searchParams.get('copy')
      if (!copy || !resolved.url.startsWith(product)) return resolved
      return { ...resolved, url: `${resolved.url}?copy=${copy}` }
    },
    load(url, context, next) {
      const loaded = next(url, context)
      const { pathname, searchParams, href } = new URL(url)
      const copy = searchParams.get('copy')
      if (!copy || !href.startsWith(product)) return loaded
      let source = Buffer.from(loaded.source as Uint8Array).toString()
      for (const change of changesOf(copy)) {
        if (pathname.endsWith(`/subgraphs/${change.file}`)) source = changed(source, change)
      }
      return { ...loaded, source }
    },
  })
}

const changesOf = (copy: string): readonly Change[] => [
  ...smallerLimits,
  ...bugs.filter(({ name }) => name === copy).flatMap(({ changes }) => changes),
]

function changed(source: string, { file, from, to }: Change): string {
  const parts = source.split(from)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${from}`)
  return parts.join(to)
}

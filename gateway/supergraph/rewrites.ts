// Compiles the plan's rewrites of inputs and results. An input rewrite replaces a type's name by that of its
// interface, for a subgraph with an `@interfaceObject`. An output rewrite gives a field that the plan aliased
// its own key again.

import { memberOf } from './codegen.ts'
import type { FetchNodePathSegment, FetchRewrite } from './plan.ts'

export type Rewrite = (value: unknown) => void

/** Compiles rewrites that change `value` in place: the data of a fetch, or one of its entities. */
export function compileRewrites(
  rewrites: readonly FetchRewrite[] | undefined,
  typenames: (condition: string) => readonly string[],
): Rewrite | null {
  if (!rewrites?.length) return null
  const compiled = rewrites.map((rewrite) => {
    const { path, change } = readRewrite(rewrite)
    return compilePath(path, change, typenames)
  })
  return (value) => compiled.forEach((apply) => apply(value))
}

/** The new keys of each renamed key, by the key in the subgraph's result. */
export function renamedKeys(
  rewrites: readonly FetchRewrite[] | undefined,
): ReadonlyMap<string, readonly string[]> {
  const renamed = new Map<string, string[]>()
  for (const rewrite of rewrites ?? []) {
    if (!('KeyRenamer' in rewrite)) continue
    const { path, renameKeyTo } = rewrite.KeyRenamer
    const last = path.at(-1)
    if (last && 'Key' in last) renamed.set(last.Key, [...(renamed.get(last.Key) ?? []), renameKeyTo])
  }
  return renamed
}

type Change = (object: Record<string, unknown>, key: string) => void

function readRewrite(rewrite: FetchRewrite): { path: readonly FetchNodePathSegment[]; change: Change } {
  if ('KeyRenamer' in rewrite) {
    const { path, renameKeyTo } = rewrite.KeyRenamer
    const rename: Change = (object, key) => {
      if (!Object.hasOwn(object, key)) return
      object[renameKeyTo] = object[key]
      delete object[key]
    }
    return { path, change: rename }
  }
  const { path, setValueTo } = 'ValueSetter' in rewrite ? rewrite.ValueSetter : rewrite
  return { path, change: (object, key) => (object[key] = setValueTo) }
}

function compilePath(
  path: readonly FetchNodePathSegment[],
  change: Change,
  typenames: (condition: string) => readonly string[],
): Rewrite {
  const [segment, ...rest] = path
  if (!segment) return () => {}
  const next = rest.length > 0 ? compilePath(rest, change, typenames) : null
  const atObject = stepInto(segment, next, change, typenames)
  const apply: Rewrite = (value) => {
    if (Array.isArray(value)) value.forEach(apply)
    else if (typeof value === 'object' && value !== null) atObject(value as Record<string, unknown>)
  }
  return apply
}

function stepInto(
  segment: FetchNodePathSegment,
  next: Rewrite | null,
  change: Change,
  typenames: (condition: string) => readonly string[],
): (object: Record<string, unknown>) => void {
  if ('Key' in segment) {
    const { Key: key } = segment
    return next ? (object) => next(memberOf(object, key)) : (object) => change(object, key)
  }
  const allowed = new Set(segment.TypenameEquals.flatMap(typenames))
  return (object) => {
    if (allowed.has(String(object['__typename']))) next?.(object)
  }
}

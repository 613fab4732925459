// Merges a subgraph's result into the data, by code generated from the document of the fetch.

import { Kind, type FragmentDefinitionNode, type SelectionSetNode } from 'graphql'
import { compileFunction, literal, member } from './codegen.ts'

export type Data = Record<string, unknown>
export type Merge = (into: Data, from: Data, lost: Lost) => void
/** Objects and lists that stay in the data, but that the response must show as null. */
export interface Lost {
  lost: Set<unknown> | null
}

/** The document that the result was fetched with. */
export interface MergeSource {
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  /** Keys in the data by keys in the subgraph's result, where the two differ. */
  readonly renamed: ReadonlyMap<string, readonly string[]>
}

/**
 * Compiles the merge of one selection set.
 *
 * Where two subgraphs give parts of one object and one of them gives null, the response has null. The object
 * stays in the data, because it may contain the key of a later fetch. The name of an object type is never
 * replaced by the name of its interface, which is the only name that a subgraph with an `@interfaceObject`
 * returns.
 */
export function compileMerge(
  set: SelectionSetNode,
  source: MergeSource,
  isAbstract: (typename: string) => boolean,
): Merge {
  const functions: string[] = []
  const write = (keys: Map<string, SelectionSetNode[] | null>): number => {
    const lines = [...keys].map(([name, sets]) => {
      const key = literal(name)
      if (name === '__typename') {
        return `if (x !== undefined && (into.__typename === undefined || isAbstract(into.__typename))) into.__typename = x`
      }
      if (!sets)
        return `if (x !== undefined && (x !== null || ${member('into', name)} === undefined)) into[${key}] = x`
      const inner = write(collectKeys(sets, source))
      return `if (x !== undefined) into[${key}] = ${member('into', name)} === undefined ? x : join(into[${key}], x, merge${inner}, lost)`
    })
    const body = [...keys.keys()].map((name, n) => `  x = ${member('from', name)}\n  ${lines[n]}`).join('\n')
    functions.push(`function merge${functions.length}(into, from, lost) {\n  let x\n${body}\n}`)
    return functions.length - 1
  }
  const top = write(collectKeys([set], source))
  return compileFunction(`${functions.join('\n')}\nreturn merge${top}`, { isAbstract, join })
}

/** Merges two values of one field: lists item by item, objects field by field. */
function join(into: unknown, from: unknown, merge: Merge, lost: Lost): unknown {
  // Two fields that refer to the same entity may contain the same object.
  if (into === from) return into
  if (into === null || from === null) {
    const rest = into ?? from
    ;(lost.lost ??= new Set()).add(rest)
    return rest
  }
  if (Array.isArray(into) && Array.isArray(from)) {
    into.forEach((item: unknown, n) => (into[n] = join(item, from[n] ?? null, merge, lost)))
  } else if (typeof into === 'object' && typeof from === 'object') {
    merge(into as Data, from as Data, lost)
  }
  return into
}

/** The selection sets below each key; null for a leaf. One key is the same field in all fragments. */
function collectKeys(
  sets: readonly SelectionSetNode[],
  { renamed, fragments }: MergeSource,
): Map<string, SelectionSetNode[] | null> {
  const keys = new Map<string, SelectionSetNode[] | null>()
  const collect = (set: SelectionSetNode): void => {
    for (const node of set.selections) {
      if (node.kind !== Kind.FIELD) {
        const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : fragments.get(node.name.value)!
        collect(fragment.selectionSet)
        continue
      }
      const resultKey = (node.alias ?? node.name).value
      for (const key of renamed.get(resultKey) ?? [resultKey]) {
        const inner = keys.get(key)
        if (inner) inner.push(node.selectionSet!)
        else keys.set(key, node.selectionSet ? [node.selectionSet] : null)
      }
    }
  }
  sets.forEach(collect)
  return keys
}

// Puts what a subgraph answered into the data that is there already. Compiled from the fetch's own document.

import { Kind, type FragmentDefinitionNode, type SelectionSetNode } from 'graphql'
import { compile, literal } from './codegen.ts'

export type Data = Record<string, unknown>
/** `lost` is told of objects and lists that are there, but that the answer must show as null. */
export type Merge = (into: Data, from: Data, lost: Lost) => void
export interface Lost {
  lost: Set<unknown> | null
}

/** The document that the data was fetched with. */
export interface MergeSource {
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  /** Keys in the data by the keys that the subgraph was asked for, where the two differ. */
  readonly renamed: ReadonlyMap<string, readonly string[]>
}

/**
 * Compiles the merge of one selection set. Where two subgraphs give parts of one object and one of them says null, the
 * answer is null, but the object stays in the data: it may hold the key by which others are asked. A type's own name is
 * never replaced by an interface's, which is all that a subgraph with an `@interfaceObject` knows.
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
      if (!sets) return `if (x !== undefined && (x !== null || into[${key}] === undefined)) into[${key}] = x`
      const inner = write(collectKeys(sets, source))
      return `if (x !== undefined) into[${key}] = into[${key}] === undefined ? x : join(into[${key}], x, merge${inner}, lost)`
    })
    const body = [...keys.keys()].map((name, n) => `  x = from[${literal(name)}]\n  ${lines[n]}`).join('\n')
    functions.push(`function merge${functions.length}(into, from, lost) {\n  let x\n${body}\n}`)
    return functions.length - 1
  }
  const top = write(collectKeys([set], source))
  return compile(`${functions.join('\n')}\nreturn merge${top}`, { isAbstract, join })
}

/** Two values of one field: lists by position, objects field by field. */
function join(into: unknown, from: unknown, merge: Merge, lost: Lost): unknown {
  // The same object when two places hold the same entity.
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

/** By key, the selections below it; null for a leaf. The same key always means the same field, whatever its fragment. */
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
      const asked = (node.alias ?? node.name).value
      for (const key of renamed.get(asked) ?? [asked]) {
        const known = keys.get(key)
        if (known) known.push(node.selectionSet!)
        else keys.set(key, node.selectionSet ? [node.selectionSet] : null)
      }
    }
  }
  sets.forEach(collect)
  return keys
}

// Limits on the size of a document, checked before planning. The check takes time linear in the document:
// each fragment is measured once, and expanded only when the document is small enough.

import {
  Kind,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'

export interface Limits {
  /** Characters of the document. */
  readonly charactersMax: number
  /** Tokens as graphql-js counts them. */
  readonly tokensMax: number
  /** Brackets within each other, of any kind: selections, lists, objects, types. */
  readonly nestingMax: number
  /** Levels of fields; the usual introspection query has 15. */
  readonly depthMax: number
  /** Fields, with every fragment spread expanded. */
  readonly fieldsMax: number
  /** Aliases, with every fragment spread expanded. */
  readonly aliasesMax: number
  /** Directives, with every fragment spread expanded. */
  readonly directivesMax: number
  /** Pairs of objects with one key at one place, with every fragment spread expanded. */
  readonly overlapsMax: number
}

export const defaultLimits: Limits = {
  charactersMax: 32_768,
  tokensMax: 4_000,
  nestingMax: 100,
  depthMax: 20,
  fieldsMax: 2_000,
  aliasesMax: 200,
  directivesMax: 200,
  overlapsMax: 5_000,
}

interface Size {
  depth: number
  fields: number
  aliases: number
  directives: number
}

/** Returns a sentence that gives the first exceeded limit, or null. The document must be valid. */
export function oversize(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  limits: Limits,
): string | null {
  const sizes = new Map<string, Size>()
  const measure = (set: SelectionSetNode): Size => {
    const total: Size = { depth: 0, fields: 0, aliases: 0, directives: 0 }
    for (const node of set.selections) {
      const inner = node.kind === Kind.FRAGMENT_SPREAD ? spread(node.name.value) : below(node.selectionSet)
      const fields = node.kind === Kind.FIELD ? 1 : 0
      total.depth = Math.max(total.depth, inner.depth + fields)
      total.fields += inner.fields + fields
      total.aliases += inner.aliases + (node.kind === Kind.FIELD && node.alias ? 1 : 0)
      total.directives += inner.directives + (node.directives?.length ?? 0)
    }
    return total
  }
  const below = (set: SelectionSetNode | undefined): Size =>
    set ? measure(set) : { depth: 0, fields: 0, aliases: 0, directives: 0 }
  const spread = (name: string): Size => {
    let size = sizes.get(name)
    if (!size) sizes.set(name, (size = measure(fragments.get(name)!.selectionSet)))
    return size
  }

  const { depth, fields, aliases, directives } = measure(operation.selectionSet)
  if (depth > limits.depthMax)
    return `The operation is ${depth} fields deep; the limit is ${limits.depthMax}.`
  if (fields > limits.fieldsMax)
    return `The operation has ${fields} fields; the limit is ${limits.fieldsMax}.`
  if (aliases > limits.aliasesMax)
    return `The operation has ${aliases} aliases; the limit is ${limits.aliasesMax}.`
  if (directives > limits.directivesMax)
    return `The operation has ${directives} directives; the limit is ${limits.directivesMax}.`
  if (overlapsIn(operation.selectionSet, fragments, limits.overlapsMax) > limits.overlapsMax)
    return `The operation repeats the same fields in more than ${limits.overlapsMax} pairs.`
  return null
}

/**
 * The pairs of objects with the same key at one place of the response, which validation compares field by
 * field; after `max`, they are no longer counted.
 */
function overlapsIn(
  set: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  max: number,
): number {
  let pairs = 0
  const countIn = (sets: readonly SelectionSetNode[]): void => {
    const byKey = new Map<string, SelectionSetNode[]>()
    const collect = ({ selections }: SelectionSetNode): void => {
      for (const node of selections) {
        if (node.kind === Kind.FRAGMENT_SPREAD) collect(fragments.get(node.name.value)!.selectionSet)
        else if (node.kind === Kind.INLINE_FRAGMENT) collect(node.selectionSet)
        else if (node.selectionSet) {
          const key = (node.alias ?? node.name).value
          const same = byKey.get(key)
          if (same) same.push(node.selectionSet)
          else byKey.set(key, [node.selectionSet])
        }
      }
    }
    sets.forEach(collect)
    for (const same of byKey.values()) {
      pairs += (same.length * (same.length - 1)) / 2
      if (pairs > max) return
      countIn(same)
    }
  }
  countIn([set])
  return pairs
}

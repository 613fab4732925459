// How large a document may be. Counted before anything is planned, in time linear in the document: fragments that
// spread fragments that spread fragments are counted, not expanded.

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
  /** Fields within fields; the usual introspection query has 15. */
  readonly depthMax: number
  /** Fields once every fragment is written out. */
  readonly fieldsMax: number
  /** Aliases once every fragment is written out. */
  readonly aliasesMax: number
}

export const defaultLimits: Limits = {
  charactersMax: 32_768,
  tokensMax: 4_000,
  depthMax: 20,
  fieldsMax: 2_000,
  aliasesMax: 200,
}

interface Size {
  depth: number
  fields: number
  aliases: number
}

/** What is too large about an operation, as a sentence; null when nothing is. The document must be valid. */
export function oversize(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  limits: Limits,
): string | null {
  const known = new Map<string, Size>()
  const measure = (set: SelectionSetNode): Size => {
    const total: Size = { depth: 0, fields: 0, aliases: 0 }
    for (const node of set.selections) {
      const inner = node.kind === Kind.FRAGMENT_SPREAD ? spread(node.name.value) : below(node.selectionSet)
      const own = node.kind === Kind.FIELD ? 1 : 0
      total.depth = Math.max(total.depth, inner.depth + own)
      total.fields += inner.fields + own
      total.aliases += inner.aliases + (node.kind === Kind.FIELD && node.alias ? 1 : 0)
    }
    return total
  }
  const below = (set: SelectionSetNode | undefined): Size =>
    set ? measure(set) : { depth: 0, fields: 0, aliases: 0 }
  const spread = (name: string): Size => {
    let size = known.get(name)
    if (!size) known.set(name, (size = measure(fragments.get(name)!.selectionSet)))
    return size
  }

  const { depth, fields, aliases } = measure(operation.selectionSet)
  if (depth > limits.depthMax)
    return `The operation is ${depth} fields deep; at most ${limits.depthMax} are run.`
  if (fields > limits.fieldsMax)
    return `The operation has ${fields} fields; at most ${limits.fieldsMax} are run.`
  if (aliases > limits.aliasesMax)
    return `The operation has ${aliases} aliases; at most ${limits.aliasesMax} are run.`
  return null
}

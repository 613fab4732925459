// Reads which specifications a supergraph uses, by its `@link` directives, gives their directives the names
// of the specifications, and refuses those that the engine does not apply.

import {
  Kind,
  valueFromASTUntyped,
  visit,
  type DirectiveDefinitionNode,
  type DirectiveNode,
  type DocumentNode,
  type SchemaDefinitionNode,
} from 'graphql'

/** Specifications whose directives the engine applies, or that change no response. */
const applied: ReadonlySet<string> = new Set([
  'link',
  'core',
  'join',
  'inaccessible',
  'authenticated',
  'requiresScopes',
  'policy',
  'cost',
])

/** The supergraph uses directives that the engine would have to apply, and cannot. */
export class UnsupportedSupergraph extends TypeError {
  override readonly name = 'UnsupportedSupergraph'
}

/** The names of the specifications that a supergraph uses. */
export type Features = ReadonlySet<string>

/**
 * Reads the features of a supergraph. Throws `UnsupportedSupergraph` with the directives that the engine
 * would have to apply and cannot: those of a specification `for: SECURITY` or `for: EXECUTION` that it has
 * no code for.
 */
export function readFeatures(document: DocumentNode): Features {
  const features = new Set<string>()
  const refused = new Set<string>()
  for (const { name, as, purpose } of linksOf(document)) {
    features.add(name)
    if (purpose !== undefined && !applied.has(name)) refused.add(`@${as}`)
  }
  visit(document, {
    Directive(node) {
      if (!node.name.value.startsWith('join__')) return
      const { name, contextArguments } = valuesOf(node)
      // A directive of a subgraph that composition passes on to the router, such as `@connect`.
      if (node.name.value === 'join__directive' && name !== 'link') refused.add(`@${String(name)}`)
      if (node.name.value === 'join__field' && contextArguments !== undefined) refused.add('@fromContext')
    },
  })
  if (refused.size === 0) return features
  const names = [...refused].toSorted().join(', ')
  throw new UnsupportedSupergraph(`the supergraph uses ${names}, which this engine does not support`)
}

/**
 * The document with the directives of the `applied` specifications under their own names, where the
 * supergraph has them under others: by `as`, or by `import: [{ name: "@inaccessible", as: "@private" }]`.
 */
export function withOwnNames(document: DocumentNode): DocumentNode {
  const names = new Map<string, string>()
  for (const { name, as, imports } of linksOf(document)) {
    if (!applied.has(name)) continue
    if (as !== name) for (const end of ['', '__listSize']) names.set(`${as}${end}`, `${name}${end}`)
    for (const { name: own, as: given } of imports) names.set(given.slice(1), own.slice(1))
  }
  if (names.size === 0) return document
  const rename = <Node extends DirectiveNode | DirectiveDefinitionNode>(node: Node): Node | undefined => {
    const name = names.get(node.name.value)
    return name === undefined ? undefined : { ...node, name: { ...node.name, value: name } }
  }
  return visit(document, { Directive: rename, DirectiveDefinition: rename })
}

interface Link {
  /** Of the specification. */
  readonly name: string
  /** The name of its main directive in the supergraph, unless it is imported under another one. */
  readonly as: string
  readonly purpose: unknown
  /** Directives that have another name in the supergraph, both with `@`. */
  readonly imports: readonly { readonly name: string; readonly as: string }[]
}

const linksOf = (document: DocumentNode): readonly Link[] =>
  document.definitions
    .filter(
      (node): node is SchemaDefinitionNode =>
        node.kind === Kind.SCHEMA_DEFINITION || (node.kind as Kind) === Kind.SCHEMA_EXTENSION,
    )
    .flatMap(({ directives = [] }) => directives)
    .filter(({ name }) => name.value === 'link' || name.value === 'core')
    .flatMap((node) => {
      const { url, feature, as, for: purpose, import: imported } = valuesOf(node)
      const name = /\/([A-Za-z_]\w*)\/v[\d.]+\/?$/.exec(textOr(url ?? feature, ''))?.[1]
      const imports = (Array.isArray(imported) ? imported : []).filter(isRenamed)
      return name === undefined ? [] : [{ name, as: textOr(as, name), purpose, imports }]
    })

const isRenamed = (value: unknown): value is { name: string; as: string } => {
  const { name, as } = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<string, unknown>
  >
  return typeof name === 'string' && typeof as === 'string' && name.startsWith('@') && as.startsWith('@')
}

export type Arguments = Readonly<Record<string, unknown>>

/** A text among them; the default for anything else. */
const textOr = (value: unknown, other: string): string => (typeof value === 'string' ? value : other)

/** The values of a directive's arguments. */
export const valuesOf = ({ arguments: args = [] }: Pick<DirectiveNode, 'arguments'>): Arguments =>
  Object.fromEntries(args.map(({ name, value }) => [name.value, valueFromASTUntyped(value)]))

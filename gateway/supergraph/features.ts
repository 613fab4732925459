// Reads which specifications a supergraph uses, by its `@link` directives, and refuses those that the engine
// does not apply.

import {
  Kind,
  valueFromASTUntyped,
  visit,
  type ConstDirectiveNode,
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
])

/** The supergraph uses directives that the engine would have to apply, and cannot. */
export class UnsupportedSupergraph extends TypeError {
  override readonly name = 'UnsupportedSupergraph'
}

/** The names of the directives in this supergraph, by the names of their specifications. */
export type Features = ReadonlyMap<string, string>

/**
 * Reads the features of a supergraph. Throws `UnsupportedSupergraph` with the directives that the engine
 * would have to apply and cannot: those of a specification `for: SECURITY` or `for: EXECUTION` that it has
 * no code for.
 */
export function readFeatures(document: DocumentNode): Features {
  const features = new Map<string, string>()
  const refused = new Set<string>()
  for (const link of linksOf(document)) {
    const { url, feature, as, for: purpose } = valuesOf(link)
    const name = /\/([A-Za-z_]\w*)\/v[\d.]+\/?$/.exec(textOr(url ?? feature, ''))?.[1]
    if (name === undefined) continue
    features.set(name, textOr(as, name))
    if (purpose !== undefined && !applied.has(name)) refused.add(`@${textOr(as, name)}`)
  }
  visit(document, {
    Directive(node) {
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

const linksOf = (document: DocumentNode): readonly ConstDirectiveNode[] =>
  document.definitions
    .filter(
      (node): node is SchemaDefinitionNode =>
        node.kind === Kind.SCHEMA_DEFINITION || (node.kind as Kind) === Kind.SCHEMA_EXTENSION,
    )
    .flatMap(({ directives = [] }) => directives)
    .filter(({ name }) => name.value === 'link' || name.value === 'core')

export type Arguments = Readonly<Record<string, unknown>>

/** A text among them; the default for anything else. */
const textOr = (value: unknown, other: string): string => (typeof value === 'string' ? value : other)

/** The values of a directive's arguments. */
export const valuesOf = ({ arguments: args = [] }: Pick<DirectiveNode, 'arguments'>): Arguments =>
  Object.fromEntries(args.map(({ name, value }) => [name.value, valueFromASTUntyped(value)]))

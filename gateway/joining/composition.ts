// Composes the own subgraphs with joined ones, and refuses what would change the graph of the own ones.

import {
  buildSchema,
  findBreakingChanges,
  Kind,
  parse,
  type ConstDirectiveNode,
  type DocumentNode,
  type FieldDefinitionNode,
} from 'graphql'
import {
  apiSdl,
  composeOrMistakes,
  placed,
  readFeatures,
  type CompositionMistake,
  type SubgraphSdl,
} from '../supergraph/index.ts'

export type Composed =
  { readonly supergraphSdl: string } | { readonly mistakes: readonly CompositionMistake[] }

/** The own subgraphs with their composition, and the subgraphs to join. */
export interface CompositionInput {
  readonly own: readonly SubgraphSdl[]
  readonly ownSupergraphSdl: string
  readonly joined: readonly SubgraphSdl[]
  /** The name of the joined subgraph that mistakes are placed in before the others. */
  readonly newest?: string | undefined
}

/**
 * Composes, and checks that a joined subgraph only adds to the graph. Further codes of mistakes are:
 * - NAME_TAKEN: two subgraphs have one name.
 * - OVERRIDE_NOT_ALLOWED: a joined subgraph takes a field over from another one.
 * - ROOT_FIELD_TAKEN: a joined subgraph has a root field of an own one.
 * - BREAKS_THE_GRAPH: a document that is valid without the joined subgraphs could be invalid with them.
 * - NOT_SUPPORTED: the engine does not apply a directive; the message names it.
 */
export function composeJoined({ own, ownSupergraphSdl, joined, newest }: CompositionInput): Composed {
  const names = [...own, ...joined].map(({ name }) => name)
  const twice = [...new Set(names.filter((name, n) => names.indexOf(name) !== n))]
  if (twice.length > 0) {
    return {
      mistakes: twice.map((name) =>
        mistake('NAME_TAKEN', `another subgraph has the name "${name}"`, { subgraph: name }),
      ),
    }
  }
  const composed = composeOrMistakes([...own, ...joined], newest)
  if ('mistakes' in composed) return composed
  const mistakes = [
    ...takenFields(composed.supergraphSdl, joined),
    ...breakingChanges(ownSupergraphSdl, composed.supergraphSdl),
    ...unsupported(composed.supergraphSdl),
  ]
  if (mistakes.length === 0) return composed
  const documents = new Map(joined.map(({ name, sdl }) => [name, parse(sdl)]))
  return { mistakes: mistakes.map((each) => placed(each, documents)) }
}

const mistake = (
  code: string,
  message: string,
  { subgraph = null, coordinate = null }: { subgraph?: string | null; coordinate?: string | null } = {},
): CompositionMistake => ({ code, message, subgraph, coordinate, line: null, column: null })

/** Fields of others that a joined subgraph resolves: by `@override`, or as root fields. */
function takenFields(supergraphSdl: string, joined: readonly SubgraphSdl[]): CompositionMistake[] {
  const document = parse(supergraphSdl, { noLocation: true })
  const nameOf = graphNames(document)
  const isJoined = new Set(joined.map(({ name }) => name))
  return fieldsOf(document).flatMap(({ type, field }) => {
    const joins = argumentsOf(field.directives, 'join__field')
    const coordinate = `${type}.${field.name.value}`
    const graphs = joins.flatMap(({ graph, external }) =>
      external === 'true' ? [] : [nameOf.get(graph ?? '') ?? ''],
    )
    const overriding = joins.flatMap(({ graph, override }) => {
      const subgraph = nameOf.get(graph ?? '') ?? ''
      return override !== undefined && isJoined.has(subgraph) ? [subgraph] : []
    })
    const taking = rootTypes.has(type) && graphs.some((name) => !isJoined.has(name)) ? graphs : []
    return [
      ...overriding.map((subgraph) => {
        const message = `"${subgraph}" takes ${coordinate} over: a joined subgraph may only add fields`
        return mistake('OVERRIDE_NOT_ALLOWED', message, { subgraph, coordinate })
      }),
      ...taking
        .filter((name) => isJoined.has(name))
        .map((subgraph) => {
          const message = `"${subgraph}" resolves ${coordinate}, which is a root field of the hub`
          return mistake('ROOT_FIELD_TAKEN', message, { subgraph, coordinate })
        }),
    ]
  })
}

const rootTypes: ReadonlySet<string> = new Set(['Query', 'Mutation', 'Subscription'])

function fieldsOf(document: DocumentNode): { type: string; field: FieldDefinitionNode }[] {
  return document.definitions.flatMap((node) =>
    node.kind === Kind.OBJECT_TYPE_DEFINITION || node.kind === Kind.INTERFACE_TYPE_DEFINITION
      ? (node.fields ?? []).map((field) => ({ type: node.name.value, field }))
      : [],
  )
}

/** Names of the subgraphs by the values of `join__Graph`. */
function graphNames(document: DocumentNode): ReadonlyMap<string, string> {
  const graphs = document.definitions.find(
    (node) => node.kind === Kind.ENUM_TYPE_DEFINITION && node.name.value === 'join__Graph',
  )
  return new Map(
    (graphs && 'values' in graphs ? (graphs.values ?? []) : []).flatMap(({ name, directives }) =>
      argumentsOf(directives, 'join__graph').map((graph) => [name.value, graph['name'] ?? ''] as const),
    ),
  )
}

/** The arguments of each directive of this name, as text. */
const argumentsOf = (
  directives: readonly ConstDirectiveNode[] | undefined,
  directive: string,
): Partial<Record<string, string>>[] =>
  (directives ?? [])
    .filter(({ name }) => name.value === directive)
    .map(({ arguments: args }) =>
      Object.fromEntries(
        (args ?? []).map(({ name, value }) => [name.value, 'value' in value ? String(value.value) : '']),
      ),
    )

/** For instance a field that the joined subgraph leaves out of an input, or one that may now be null. */
function breakingChanges(before: string, after: string): CompositionMistake[] {
  const changes = findBreakingChanges(buildSchema(apiSdl(before)), buildSchema(apiSdl(after)))
  return changes.map(({ description }) =>
    mistake('BREAKS_THE_GRAPH', description, {
      coordinate: /\b[A-Z]\w*\.\w+/.exec(description)?.[0] ?? null,
    }),
  )
}

function unsupported(supergraphSdl: string): CompositionMistake[] {
  try {
    readFeatures(parse(supergraphSdl, { noLocation: true }))
    return []
  } catch (error) {
    return [mistake('NOT_SUPPORTED', (error as Error).message)]
  }
}

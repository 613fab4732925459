// Composes the SDL of the subgraphs into the SDL of the supergraph.

import { composeServices, transformSupergraphToPublicSchema } from '@theguild/federation-composition'
import { GraphQLError, Kind, parse, print, type ASTNode, type DocumentNode } from 'graphql'
import { repairedInput, repairedOutput } from './compose-repairs.ts'
import { withOwnNames } from './features.ts'

export interface SubgraphSdl {
  readonly name: string
  readonly url?: string
  readonly sdl: string
}

/** A mistake in what subgraphs are to be composed from. */
export interface CompositionMistake {
  /** A code of the rules of Federation 2 such as INVALID_FIELD_SHARING; INVALID_GRAPHQL for invalid SDL. */
  readonly code: string
  readonly message: string
  /** The subgraph whose SDL has the place; null where the mistake has none. */
  readonly subgraph: string | null
  /** The schema coordinate, such as "Merchant.name"; null where the mistake has none. */
  readonly coordinate: string | null
  /** In the SDL of the subgraph, from 1; null where the mistake has no place. */
  readonly line: number | null
  readonly column: number | null
}

/**
 * Composes Federation 2 subgraphs into a supergraph SDL. A mistake that concerns several subgraphs has its
 * place in `newest` when that is one of them, else in the last of them.
 */
export function composeOrMistakes(
  subgraphs: readonly SubgraphSdl[],
  newest?: string,
): { readonly supergraphSdl: string } | { readonly mistakes: readonly CompositionMistake[] } {
  const documents = new Map<string, DocumentNode>()
  const unread: CompositionMistake[] = []
  for (const { name, sdl } of subgraphs) {
    try {
      documents.set(name, repairedInput(parse(sdl)))
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error
      unread.push({ ...mistakeIn(name, 'INVALID_GRAPHQL', error), coordinate: null })
    }
  }
  if (unread.length > 0) return { mistakes: unread }
  const result = composeServices(
    subgraphs.map(({ name, url }) => ({ name, url: url ?? '', typeDefs: documents.get(name)! })),
  )
  if (!result.errors) return { supergraphSdl: repairedOutput(result.supergraphSdl, documents) }
  const places = new Map([...documents].toSorted(([a], [b]) => Number(a === newest) - Number(b === newest)))
  return {
    mistakes: result.errors.map((error) => {
      const { code, subgraphName } = error.extensions as { code?: string; subgraphName?: string }
      const mistake = mistakeIn(subgraphName ?? null, code ?? 'INVALID_GRAPHQL', error)
      return mistake.line === null ? placed(mistake, places) : mistake
    }),
  }
}

function mistakeIn(subgraph: string | null, code: string, error: GraphQLError): CompositionMistake {
  const { line = null, column = null } = error.locations?.[0] ?? {}
  return { code, message: error.message, subgraph, coordinate: coordinateIn(error.message), line, column }
}

const coordinateIn = (message: string): string | null =>
  /"([A-Z_a-z]\w*(?:\.\w+)?)"/.exec(message)?.[1] ?? null

/** Finds the place of the coordinate in the last subgraph that the message names and that has it. */
export function placed(
  mistake: CompositionMistake,
  documents: ReadonlyMap<string, DocumentNode>,
): CompositionMistake {
  const named = [...documents].filter(([name]) => mistake.message.includes(`"${name}"`))
  for (const [subgraph, document] of named.toReversed()) {
    const token = mistake.coordinate && nodeAt(document, mistake.coordinate)?.loc?.startToken
    if (token) return { ...mistake, subgraph, line: token.line, column: token.column }
  }
  return { ...mistake, subgraph: mistake.subgraph ?? named.at(-1)?.[0] ?? null }
}

/** The name of a type, field or enum value in a document. */
function nodeAt(document: DocumentNode, coordinate: string): ASTNode | undefined {
  const [type, member] = coordinate.split('.')
  for (const definition of document.definitions) {
    if (!('name' in definition) || definition.name?.value !== type) continue
    if (member === undefined) return definition.name
    const members = [
      ...('fields' in definition ? (definition.fields ?? []) : []),
      ...('values' in definition ? (definition.values ?? []) : []),
    ]
    const found = members.find(({ name }) => name.value === member)
    if (found) return found.name
  }
  return undefined
}

/**
 * Composes Federation 2 subgraphs into a supergraph SDL. Throws one error that lists every composition error.
 */
export function composeSupergraph(subgraphs: readonly SubgraphSdl[]): string {
  const composed = composeOrMistakes(subgraphs)
  if ('supergraphSdl' in composed) return composed.supergraphSdl
  const errors = composed.mistakes.map(({ message }) => `- ${message}`).join('\n')
  throw new Error(`the subgraphs cannot be composed:\n${errors}`)
}

/** Returns the SDL for clients: no federation directives, nothing `@inaccessible`. */
export const apiSdl = (supergraphSdl: string): string =>
  print(apiDocument(withOwnNames(parse(supergraphSdl, { noLocation: true }))))

/** The same as a document, of a supergraph whose directives have their own names. */
export function apiDocument(supergraph: DocumentNode): DocumentNode {
  const document = transformSupergraphToPublicSchema(supergraph)
  const types = new Set(document.definitions.map((node) => ('name' in node ? node.name?.value : undefined)))
  // The library does not remove hidden types from unions.
  const definitions = document.definitions.map((node) =>
    node.kind === Kind.UNION_TYPE_DEFINITION
      ? { ...node, types: node.types?.filter(({ name }) => types.has(name.value)) ?? [] }
      : node,
  )
  return { ...document, definitions }
}

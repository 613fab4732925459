// Composes the SDL of the subgraphs into the SDL of the supergraph.

import { composeServices, transformSupergraphToPublicSchema } from '@theguild/federation-composition'
import { concatAST, Kind, parse, print, visit, type DocumentNode } from 'graphql'
import { queryTypeOf, renameBelow } from './nested-query.ts'

export interface SubgraphSdl {
  readonly name: string
  readonly url?: string
  readonly sdl: string
}

/**
 * Composes Federation 2 subgraphs into a supergraph SDL. Throws one error that lists every composition error.
 */
export function composeSupergraph(subgraphs: readonly SubgraphSdl[]): string {
  const result = composeServices(
    subgraphs.map(({ name, url, sdl }) => ({ name, url: url ?? '', typeDefs: forComposition(parse(sdl)) })),
  )
  if (result.errors) {
    const errors = result.errors.map(({ message }) => `- ${message}`).join('\n')
    throw new Error(`the subgraphs cannot be composed:\n${errors}`)
  }
  return mended(result.supergraphSdl)
}

/**
 * Stands for `Query` below a field while the library composes: it would refuse such a field, because `Query`
 * has no key. A subgraph can always be reached at its root.
 */
const belowField = 'Query__below'

function forComposition(document: DocumentNode): DocumentNode {
  const changed = renameBelow(document, queryTypeOf(document), belowField)
  return changed === document ? document : concatAST([changed, parse(`scalar ${belowField}`)])
}

function mended(supergraphSdl: string): string {
  if (!supergraphSdl.includes(belowField)) return supergraphSdl
  const document = parse(supergraphSdl)
  const definitions = document.definitions.filter(
    (node) => node.kind !== Kind.SCALAR_TYPE_DEFINITION || node.name.value !== belowField,
  )
  return print(renameBelow({ ...document, definitions }, belowField, queryTypeOf(document)))
}

/** Returns the SDL for clients: no federation directives, nothing `@inaccessible`. */
export function apiSdl(supergraphSdl: string): string {
  const document = transformSupergraphToPublicSchema(parse(supergraphSdl))
  const types = new Set(document.definitions.map((node) => ('name' in node ? node.name?.value : undefined)))
  return print(
    visit(document, {
      // The library does not remove hidden types from unions.
      UnionTypeDefinition: (node) => ({
        ...node,
        types: node.types?.filter(({ name }) => types.has(name.value)),
      }),
    }),
  )
}

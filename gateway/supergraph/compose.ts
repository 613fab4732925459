// Composes the SDL of the subgraphs into the SDL of the supergraph.

import { composeServices, transformSupergraphToPublicSchema } from '@theguild/federation-composition'
import { parse, print, visit } from 'graphql'
import { repairedInput, repairedOutput } from './compose-repairs.ts'

export interface SubgraphSdl {
  readonly name: string
  readonly url?: string
  readonly sdl: string
}

/**
 * Composes Federation 2 subgraphs into a supergraph SDL. Throws one error that lists every composition error.
 */
export function composeSupergraph(subgraphs: readonly SubgraphSdl[]): string {
  const documents = new Map(subgraphs.map(({ name, sdl }) => [name, repairedInput(parse(sdl))]))
  const result = composeServices(
    subgraphs.map(({ name, url }) => ({ name, url: url ?? '', typeDefs: documents.get(name)! })),
  )
  if (result.errors) {
    const errors = result.errors.map(({ message }) => `- ${message}`).join('\n')
    throw new Error(`the subgraphs cannot be composed:\n${errors}`)
  }
  return repairedOutput(result.supergraphSdl, documents)
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

// Subgraph SDLs in, supergraph SDL out.

import { composeServices, transformSupergraphToPublicSchema } from '@theguild/federation-composition'
import { parse, print, visit } from 'graphql'

export interface SubgraphSdl {
  readonly name: string
  readonly url?: string
  readonly sdl: string
}

/** Composes Federation 2 subgraphs. Throws one error that lists every mistake, each with its subgraph. */
export function composeSupergraph(subgraphs: readonly SubgraphSdl[]): string {
  const result = composeServices(
    subgraphs.map(({ name, url, sdl }) => ({ name, url: url ?? '', typeDefs: parse(sdl) })),
  )
  if (result.errors) {
    const mistakes = result.errors.map(({ message }) => `- ${message}`).join('\n')
    throw new Error(`the subgraphs do not fit together:\n${mistakes}`)
  }
  return result.supergraphSdl
}

/** What clients see of a supergraph: no federation directives, nothing `@inaccessible`. */
export function apiSdl(supergraphSdl: string): string {
  const document = transformSupergraphToPublicSchema(parse(supergraphSdl))
  const types = new Set(document.definitions.map((node) => ('name' in node ? node.name?.value : undefined)))
  return print(
    visit(document, {
      // The library leaves hidden types in the unions that they are members of.
      UnionTypeDefinition: (node) => ({
        ...node,
        types: node.types?.filter(({ name }) => types.has(name.value)),
      }),
    }),
  )
}

// Subgraph SDLs in, supergraph SDL out.

import { composeServices, transformSupergraphToPublicSchema } from '@theguild/federation-composition'
import { parse, print } from 'graphql'

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
export const apiSdl = (supergraphSdl: string): string =>
  print(transformSupergraphToPublicSchema(parse(supergraphSdl)))

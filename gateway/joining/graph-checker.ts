// Checks subgraphs that are to join, in a process that serves no graph: the participant process, which runs
// the operator’s mutations.

import type { CompositionMistake } from '../supergraph/index.ts'
import { openComposer } from './compose-in-thread.ts'
import { othersThan, type GraphKeeper, type JoinedSubgraph, type Source } from './graph-keeper.ts'
import type { OwnGraph } from './own-graph.ts'

export type GraphChecker = Pick<GraphKeeper, 'set' | 'check' | 'close'>

/** `set` only remembers the subgraphs: gateways take them on. */
export function openGraphChecker(ownGraph: OwnGraph): GraphChecker {
  const composer = openComposer()
  const present = new Map<Source, readonly JoinedSubgraph[]>()
  return {
    set(source, subgraphs) {
      present.set(source, subgraphs)
      return Promise.resolve([])
    },
    async check({ name, url, sdl }): Promise<readonly CompositionMistake[]> {
      const joined = [...othersThan(name, present), { name, url: url ?? '', sdl }]
      const composed = await composer.compose({ ...ownGraph, joined, newest: name })
      return 'mistakes' in composed ? composed.mistakes : []
    },
    close: () => composer.close(),
  }
}

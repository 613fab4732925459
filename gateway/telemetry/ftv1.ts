// Reads the trace that a subgraph returns as `extensions.ftv1`: the times of its resolvers, in the format of
// Apollo’s federated traces.
// Source: reports.proto of @apollo/usage-reporting-protobuf.

import { Trace } from '@apollo/usage-reporting-protobuf'

/** With the value `ftv1`, a request for such a trace. */
export const traceRequestHeader = 'apollo-federation-include-trace'

export interface SubgraphTrace {
  readonly durationMs: number
  readonly resolvers: readonly Resolver[]
  /** How many more resolvers there are. */
  readonly omitted: number
}

export interface Resolver {
  /** The field in the schema of the subgraph, such as "Merchant.offers". */
  readonly field: string
  /** Milliseconds from the start of the subgraph’s work. */
  readonly fromMs: number
  readonly toMs: number
  readonly hasFailed: boolean
}

/** Characters in base64: what is longer would take milliseconds to decode. */
const charactersMax = 128 * 1024
const resolversMax = 200

/** Null for what is no such trace, or is too long. */
export function readTrace(ftv1: unknown): SubgraphTrace | null {
  if (typeof ftv1 !== 'string' || ftv1.length > charactersMax) return null
  try {
    const { root, durationNs } = Trace.decode(Buffer.from(ftv1, 'base64'))
    return root ? { durationMs: durationNs / 1e6, ...resolversIn(root) } : null
  } catch {
    return null
  }
}

/** Level by level, so that the deepest are omitted. */
function resolversIn(root: Trace.INode): Pick<SubgraphTrace, 'resolvers' | 'omitted'> {
  const resolvers: Resolver[] = []
  let omitted = 0
  for (let level = [root]; level.length > 0; level = level.flatMap(({ child }) => child ?? [])) {
    for (const node of level) {
      const resolver = resolverOf(node)
      if (!resolver) continue
      if (resolvers.length < resolversMax) resolvers.push(resolver)
      else omitted += 1
    }
  }
  return { resolvers, omitted }
}

/** Null for the root and for items of lists, which no resolver returns by itself. */
function resolverOf(node: Trace.INode): Resolver | null {
  const { parentType, originalFieldName, responseName, startTime, endTime, error } = node
  const field = `${parentType}.${originalFieldName || responseName}`
  const [fromMs, toMs] = [Number(startTime) / 1e6, Number(endTime) / 1e6]
  if (!/^\w{1,128}\.\w{1,128}$/.test(field) || !(fromMs >= 0 && toMs >= fromMs)) return null
  return { field, fromMs, toMs, hasFailed: (error ?? []).length > 0 }
}

// Decides whether a document may be sent to a subgraph again when its first response was lost.

import { Kind, parse, type ValueNode } from 'graphql'
import type { Variables } from './connection.ts'

/**
 * A query may always be sent again. A mutation may when each of its root fields has a text called `keyName`,
 * as an argument or in an input object: its idempotency key.
 */
export function compileRepeatable(
  document: string,
  keyName: string | null,
): (variables: Variables) => boolean {
  const operation = parse(document, { noLocation: true }).definitions.find(
    (node) => node.kind === Kind.OPERATION_DEFINITION,
  )!
  if (operation.operation === 'query') return () => true
  const roots = operation.selectionSet.selections
  if (keyName === null) return () => false
  return (variables) =>
    roots.every(
      (root) =>
        root.kind === Kind.FIELD &&
        (root.arguments ?? []).some(({ name, value }) => {
          const given = valueOf(value, variables)
          return name.value === keyName ? typeof given === 'string' : hasText(given, keyName)
        }),
    )
}

const hasText = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && typeof (value as Variables)[name] === 'string'

/** The value of an argument; null for what cannot contain a text. */
function valueOf(node: ValueNode, variables: Variables): unknown {
  if (node.kind === Kind.VARIABLE) return variables[node.name.value]
  if (node.kind === Kind.STRING) return node.value
  if (node.kind !== Kind.OBJECT) return null
  return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, valueOf(value, variables)]))
}

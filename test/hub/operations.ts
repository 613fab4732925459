// The documents of schema/operations by name, each with the fragments that it uses.

import {
  Kind,
  parse,
  visit,
  type DefinitionNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
} from 'graphql'
import { readFileSync } from 'node:fs'

const files = ['counterparty', 'dashboard', 'operator', 'portal', 'wallet']

export interface ClientOperation {
  readonly name: string
  readonly kind: 'query' | 'mutation' | 'subscription'
  /** The operation's own text, byte for byte, and that of its fragments. */
  readonly text: string
}

export const operations: ReadonlyMap<string, ClientOperation> = new Map(
  files.flatMap((file) => {
    const source = readFileSync(new URL(`../../schema/operations/${file}.graphql`, import.meta.url), 'utf8')
    const { definitions } = parse(source)
    const fragments = new Map(
      definitions
        .filter((node) => node.kind === Kind.FRAGMENT_DEFINITION)
        .map((node) => [node.name.value, node]),
    )
    const sourceOf = ({ loc }: DefinitionNode): string => source.slice(loc!.start, loc!.end)
    return definitions
      .filter((node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION)
      .map((node): [string, ClientOperation] => {
        const name = node.name!.value
        const text = [node, ...used(node, fragments)].map(sourceOf).join('\n\n')
        return [name, { name, kind: node.operation, text }]
      })
  }),
)

/** The text of an operation by its name. */
export function textOf(name: string): string {
  const operation = operations.get(name)
  if (!operation) throw new TypeError(`there is no operation ${name} in schema/operations`)
  return operation.text
}

function used(
  operation: DefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): FragmentDefinitionNode[] {
  const found = new Set<FragmentDefinitionNode>()
  const look = (node: DefinitionNode): void => {
    visit(node, {
      FragmentSpread({ name }) {
        const fragment = fragments.get(name.value)
        if (!fragment || found.has(fragment)) return
        found.add(fragment)
        look(fragment)
      },
    })
  }
  look(operation)
  return [...found]
}

// The documents of schema/operations by name, each with the fragments that it uses.

import { fileURLToPath } from 'node:url'
import { readOperations, type ClientOperation } from '../../gateway/cli/read-operations.ts'

const files = ['counterparty', 'dashboard', 'operator', 'portal', 'wallet'].map((name) =>
  fileURLToPath(new URL(`../../schema/operations/${name}.graphql`, import.meta.url)),
)

export const operations: ReadonlyMap<string, ClientOperation> = new Map(
  (await readOperations(files)).map((operation) => [operation.name, operation]),
)

/** The text of an operation by its name. */
export function textOf(name: string): string {
  const operation = operations.get(name)
  if (!operation) throw new TypeError(`there is no operation ${name} in schema/operations`)
  return operation.text
}

// The operations that clients send, read from their files: GraphQL documents, code with documents in it, and
// manifests of trusted documents.

import {
  Kind,
  parse,
  visit,
  type DefinitionNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
} from 'graphql'
import { readFile } from 'node:fs/promises'
import { documentId, readManifest } from '../protocol/trusted-documents.ts'

export interface ClientOperation {
  /** The id in its manifest, else the SHA-256 of the text. */
  readonly id: string
  readonly name: string
  readonly type: 'query' | 'mutation' | 'subscription'
  /** As clients send it: the operation byte for byte, then the fragments that it uses. */
  readonly text: string
  /** The file that it comes from. */
  readonly file: string
}

/** Throws an Error that names the file and the place of a syntax error. */
export async function readOperations(files: readonly string[]): Promise<readonly ClientOperation[]> {
  const read = await Promise.all(files.map(readFileOperations))
  return read.flat()
}

async function readFileOperations(file: string): Promise<readonly ClientOperation[]> {
  if (file.endsWith('.json')) {
    const { operations } = await readManifest(file)
    return operations.flatMap(({ id, body }) =>
      operationsIn(body, file).map((operation) => ({ ...operation, id })),
    )
  }
  const source = await readFile(file, 'utf8')
  if (/\.(graphql|gql)$/.test(file)) return operationsIn(source, file)
  // Each document in code is sent as it is, so all operations in one template have its text.
  return [...source.matchAll(templates)].flatMap(([, text = '']) =>
    operationsIn(text, file).map((operation) => ({ ...operation, id: documentId(text), text })),
  )
}

/** `graphql(\`…\`)` and `gql\`…\`` without expressions. */
const templates = /\b(?:graphql\(\s*|gql\s*)`([^`$\\]*)`/g

function operationsIn(source: string, file: string): readonly ClientOperation[] {
  const { definitions } = parseFile(source, file)
  const fragments = new Map(
    definitions
      .filter((node) => node.kind === Kind.FRAGMENT_DEFINITION)
      .map((node) => [node.name.value, node]),
  )
  const sourceOf = ({ loc }: DefinitionNode): string => source.slice(loc!.start, loc!.end)
  return definitions
    .filter((node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION)
    .map((node) => {
      const text = [node, ...used(node, fragments)].map(sourceOf).join('\n\n')
      return { id: documentId(text), name: node.name?.value ?? '', type: node.operation, text, file }
    })
}

function parseFile(source: string, file: string): DocumentNode {
  try {
    return parse(source)
  } catch (error) {
    throw new Error(`${file}: ${String(error)}`, { cause: error })
  }
}

/** The fragments that an operation uses, directly or through others, each once. */
function used(
  operation: DefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): readonly FragmentDefinitionNode[] {
  const found = new Set<FragmentDefinitionNode>()
  const collect = (node: DefinitionNode): void => {
    visit(node, {
      FragmentSpread({ name }) {
        const fragment = fragments.get(name.value)
        if (!fragment || found.has(fragment)) return
        found.add(fragment)
        collect(fragment)
      },
    })
  }
  collect(operation)
  return [...found]
}

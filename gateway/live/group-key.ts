// Decides which subscriptions share one upstream, what a new one receives first, and how it resumes.

import {
  Kind,
  parse,
  print,
  stripIgnoredCharacters,
  visit,
  type DocumentNode,
  type FieldNode,
  type OperationDefinitionNode,
  type ValueNode,
} from 'graphql'
import type { Resumption, Variables } from '../supergraph/index.ts'

/**
 * How subscriptions to a field share an upstream:
 * - `OWN`: not at all, because the events depend on the position of each subscriber.
 * - `FROM_NOW`: events from now on. A subscription that joins later has missed nothing.
 * - `REPLAY_LAST`: begins with the current state. A subscription that joins receives the last event first.
 * - `LATEST`: the same, and a newer event replaces an older one, so a slow client skips events.
 */
export type Sharing = 'OWN' | 'FROM_NOW' | 'REPLAY_LAST' | 'LATEST'

interface FieldRule {
  readonly sharing: Sharing
  /** The argument that takes the position of a subscriber; null where there is none. */
  readonly positionArgument: {
    readonly name: string
    readonly type: string
    readonly valueOf: (cursor: string) => unknown
  } | null
}

/** By field of Subscription. A field that is not listed is OWN, which is always correct and only slower. */
const fieldRules: Readonly<Record<string, FieldRule>> = {
  transactionEvents: {
    sharing: 'FROM_NOW',
    positionArgument: { name: 'after', type: 'String', valueOf: (cursor) => cursor },
  },
  transactionUpdated: {
    sharing: 'REPLAY_LAST',
    positionArgument: { name: 'afterSequence', type: 'Int', valueOf: Number },
  },
  alertEvents: {
    sharing: 'FROM_NOW',
    positionArgument: { name: 'after', type: 'String', valueOf: (cursor) => cursor },
  },
  activityUpdated: { sharing: 'LATEST', positionArgument: null },
}

/**
 * How the stream of a subgraph in another process continues after its connection broke: after its position,
 * or, where there is none, again with the present state.
 */
export function resumptionOf(field: string): Resumption {
  const argument = fieldRules[field]?.positionArgument
  return argument ? { argument: argument.name, valueOf: argument.valueOf } : 'RESTART'
}

/** A subscription document whose position is a variable, so that subscribers at all positions share it. */
export interface SharedDocument {
  readonly sharing: Sharing
  /** What the engine runs: the same text for all documents that differ only in their position. */
  readonly text: string
  /** Variables for `text`: the client's own, and the cursor to resume after; null begins now. */
  variablesAt(variables: Variables, cursor: string | null): Variables
  /** The cursor that the client gives in the document or in `variables`; null when it gives none. */
  cursorIn(variables: Variables): string | null
  /** Whether the field can resume after a cursor. */
  readonly canResume: boolean
}

/** The shared form of the subscription `operationName` in `text`, which must be valid. */
export function sharedDocumentOf(text: string, operationName: string | undefined): SharedDocument {
  const document = parse(text, { noLocation: true })
  const operation = document.definitions
    .filter((node) => node.kind === Kind.OPERATION_DEFINITION)
    .find(({ name }) => operationName === undefined || name?.value === operationName)
  const root = operation?.selectionSet.selections[0]
  const rule = root?.kind === Kind.FIELD ? fieldRules[root.name.value] : undefined
  if (!operation || root?.kind !== Kind.FIELD || !rule?.positionArgument) {
    return { ...ownDocument(text), sharing: rule?.sharing ?? 'OWN' }
  }
  const { name: argument, type, valueOf } = rule.positionArgument
  const position = root.arguments?.find(({ name }) => name.value === argument)?.value
  const variable = unusedName(text)
  return {
    sharing: rule.sharing,
    text: stripIgnoredCharacters(
      print(withPositionVariable(document, operation, root, { argument, type, variable })),
    ),
    variablesAt: (variables, cursor) => ({
      ...variables,
      [variable]: cursor === null ? null : valueOf(cursor),
    }),
    cursorIn: (variables) => (position ? cursorOf(position, variables) : null),
    canResume: true,
  }
}

/** The form of a document whose subscribers share nothing. */
export const ownDocument = (text: string): SharedDocument => ({
  sharing: 'OWN',
  text,
  variablesAt: (variables) => variables,
  cursorIn: () => null,
  canResume: false,
})

const unusedName = (text: string): string => {
  let name = 'after__'
  while (text.includes(name)) name += '_'
  return name
}

function withPositionVariable(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  root: FieldNode,
  { argument, type, variable }: { argument: string; type: string; variable: string },
): DocumentNode {
  const nameOf = (value: string) => ({ kind: Kind.NAME, value }) as const
  const reference = { kind: Kind.VARIABLE, name: nameOf(variable) } as const
  const others = (root.arguments ?? []).filter(({ name }) => name.value !== argument)
  const field: FieldNode = {
    ...root,
    arguments: [...others, { kind: Kind.ARGUMENT, name: nameOf(argument), value: reference }],
  }
  const changed: OperationDefinitionNode = {
    ...operation,
    selectionSet: { ...operation.selectionSet, selections: [field] },
  }
  const rest = document.definitions.map((node) => (node === operation ? changed : node))
  // The client's own variable for the position is removed, unless the document uses it elsewhere.
  const used = new Set<string>()
  visit(
    { ...document, definitions: rest },
    {
      VariableDefinition: () => false,
      Variable: ({ name }) => void used.add(name.value),
    },
  )
  const definitions = (operation.variableDefinitions ?? []).filter(({ variable: declared }) =>
    used.has(declared.name.value),
  )
  const complete: OperationDefinitionNode = {
    ...changed,
    variableDefinitions: [
      ...definitions,
      {
        kind: Kind.VARIABLE_DEFINITION,
        variable: reference,
        type: { kind: Kind.NAMED_TYPE, name: nameOf(type) },
      },
    ],
  }
  return { ...document, definitions: rest.map((node) => (node === changed ? complete : node)) }
}

function cursorOf(value: ValueNode, variables: Variables): string | null {
  if (value.kind === Kind.VARIABLE) {
    const cursor = variables[value.name.value]
    return typeof cursor === 'string' || typeof cursor === 'number' ? String(cursor) : null
  }
  return value.kind === Kind.STRING || value.kind === Kind.INT ? value.value : null
}

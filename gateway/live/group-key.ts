// Which subscriptions may share one upstream, what somebody gets who joins one that runs already, and how one is resumed.

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
import type { Variables } from '../supergraph/index.ts'

/**
 * - `OWN`: nobody else can use its events, because they depend on where this subscriber stands.
 * - `FROM_NOW`: events from now on; who joins later has missed nothing that it asked for.
 * - `REPLAY_LAST`: begins with where things stand; who joins gets the last event first, which says just that.
 * - `LATEST`: the same, and a newer event makes an older one worthless, so a slow reader skips.
 */
export type Sharing = 'OWN' | 'FROM_NOW' | 'REPLAY_LAST' | 'LATEST'

interface FieldRule {
  readonly sharing: Sharing
  /** The argument that says where a subscriber stands, and its value for a cursor. */
  readonly resuming: {
    readonly argument: string
    readonly type: string
    readonly valueOf: (cursor: string) => unknown
  } | null
}

/** By field of Subscription. One that is not listed is OWN, which is always right and merely slower. */
const fields: Readonly<Record<string, FieldRule>> = {
  transactionEvents: {
    sharing: 'FROM_NOW',
    resuming: { argument: 'after', type: 'String', valueOf: (cursor) => cursor },
  },
  transactionUpdated: {
    sharing: 'REPLAY_LAST',
    resuming: { argument: 'afterSequence', type: 'Int', valueOf: Number },
  },
  activityUpdated: { sharing: 'LATEST', resuming: null },
}

/** A subscription document with the place where a subscriber stands taken out of it. */
export interface Form {
  readonly sharing: Sharing
  /** What is run: the same for all who differ in their place alone. */
  readonly document: string
  /** Variables for `document`: the client's, and the place that it resumes from; null is from now on. */
  variablesAt(variables: Variables, cursor: string | null): Variables
  /** Where the client says it stands; null when it does not say. */
  cursorIn(variables: Variables): string | null
  /** Whether a subscriber can go on from a cursor. */
  readonly canResume: boolean
}

/** The form of the subscription `operationName` in `text`, which must be valid. */
export function formOf(text: string, operationName: string | undefined): Form {
  const document = parse(text, { noLocation: true })
  const operation = document.definitions
    .filter((node) => node.kind === Kind.OPERATION_DEFINITION)
    .find(({ name }) => operationName === undefined || name?.value === operationName)
  const root = operation?.selectionSet.selections[0]
  const rule = root?.kind === Kind.FIELD ? fields[root.name.value] : undefined
  if (!operation || root?.kind !== Kind.FIELD || !rule?.resuming) {
    return {
      sharing: rule?.sharing ?? 'OWN',
      document: text,
      variablesAt: (variables) => variables,
      cursorIn: () => null,
      canResume: false,
    }
  }
  const { argument, type, valueOf } = rule.resuming
  const given = root.arguments?.find(({ name }) => name.value === argument)?.value
  const variable = freeName(text)
  return {
    sharing: rule.sharing,
    document: stripIgnoredCharacters(
      print(withPlaceAsVariable(document, operation, root, { argument, type, variable })),
    ),
    variablesAt: (variables, cursor) => ({
      ...variables,
      [variable]: cursor === null ? null : valueOf(cursor),
    }),
    cursorIn: (variables) => (given ? cursorOf(given, variables) : null),
    canResume: true,
  }
}

const freeName = (text: string): string => {
  let name = 'after__'
  while (text.includes(name)) name += '_'
  return name
}

function withPlaceAsVariable(
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
  // The client's own variable for its place is not used any more, unless elsewhere too.
  const used = new Set<string>()
  visit(
    { ...document, definitions: rest },
    {
      VariableDefinition: () => false,
      Variable: ({ name }) => void used.add(name.value),
    },
  )
  const definitions = (operation.variableDefinitions ?? []).filter(({ variable: own }) =>
    used.has(own.name.value),
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
    const given = variables[value.name.value]
    return typeof given === 'string' || typeof given === 'number' ? String(given) : null
  }
  return value.kind === Kind.STRING || value.kind === Kind.INT ? value.value : null
}

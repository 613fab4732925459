// Checks the tokens of a document before it is parsed: how deep they are nested, and what the caller of the engine
// refuses. The parser and many rules of validation call themselves for each level.

import { Kind, Lexer, parse, Source, TokenKind, visit, type ASTNode, type Token } from 'graphql'
import { reject, type Rejected } from './errors.ts'
import type { Limits } from './limits.ts'

/**
 * Returns why a document with this text is refused, or null. `field` is the argument or input field that the text
 * is for; '' when it is for none.
 */
export type RefuseText = (text: string, field: string) => { readonly code: string; readonly message: string } | null

/** What is checked in the text of a document. */
export interface TextRules {
  readonly limits: Limits
  readonly refuseText: RefuseText
}

/** Returns null for text that may be parsed. Throws a GraphQLError where it cannot. */
export function checkText(text: string, { limits, refuseText }: TextRules): Rejected | null {
  const lexer = new Lexer(new Source(text))
  let depth = 0
  let name = ''
  let field = ''
  // The parser refuses a document with more tokens.
  for (let count = 0; count <= limits.tokensMax; count++) {
    const token = lexer.advance()
    if (token.kind === TokenKind.EOF) return null
    if (openers.has(token.kind) && ++depth > limits.nestingMax)
      return reject('OPERATION_TOO_LARGE', `The document is nested more than ${limits.nestingMax} levels deep.`)
    if (closers.has(token.kind)) depth--
    if (token.kind === TokenKind.COLON) field = name
    const refusal = token.value ? refuseText(token.value, field) : null
    if (refusal) return refused(text, token, refusal)
    if (token.kind === TokenKind.NAME) {
      name = token.value
      field = ''
    }
  }
  return null
}

const openers: ReadonlySet<string> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const closers: ReadonlySet<string> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

function refused(text: string, token: Token, { code, message }: NonNullable<ReturnType<RefuseText>>): Rejected {
  const { line, column } = token
  const extensions = { code, path: pathOf(text, token) }
  return { kind: 'rejected', errors: [{ message, locations: [{ line, column }], extensions }], isSecret: true }
}

/** The arguments, input fields and indexes that lead to the literal at `token`; empty for any other token. */
function pathOf(text: string, token: Token): readonly string[] {
  let path: readonly string[] = []
  try {
    visit(parse(text), {
      enter(node, key, _parent, _path, ancestors) {
        if (node.loc?.startToken.start !== token.start || !literals.has(node.kind)) return
        const around = ancestors.filter((one): one is ASTNode => 'kind' in one)
        const steps = around.flatMap((one) =>
          one.kind === Kind.ARGUMENT || one.kind === Kind.OBJECT_FIELD ? [one.name.value] : [],
        )
        path = typeof key === 'number' ? [...steps, String(key)] : steps
      },
    })
  } catch {
    // The rest of the document is no GraphQL.
  }
  return path
}

const literals: ReadonlySet<string> = new Set([Kind.STRING, Kind.INT, Kind.FLOAT, Kind.ENUM])

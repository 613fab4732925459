import { expect, test } from 'vitest'
import { maskErrors } from '../../../gateway/http/mask-errors.ts'

const lines: string[] = []
const log = (_details: object | string, line?: string) => void lines.push(line ?? '')
const present = maskErrors({ warn: log, error: log }, (subgraph) => subgraph === 'offers')
const context = { requestId: 'r1' }
const masked = { code: 'INTERNAL_SERVER_ERROR', requestId: 'r1' }

test.each([
  {
    what: 'a code of its own passes',
    code: 'OFFER_GONE',
    extensions: { code: 'OFFER_GONE', subgraph: 'offers' },
  },
  { what: 'a code of the hub passes', code: 'BAD_VALUE', extensions: { code: 'BAD_VALUE' } },
  { what: 'an error without a code is masked', code: undefined, extensions: masked },
  { what: 'a text that is no code is masked', code: 'no code', extensions: masked },
  {
    what: 'a refused document is no mistake of the client',
    code: 'GRAPHQL_VALIDATION_FAILED',
    extensions: { code: 'SUBGRAPH_RESPONSE_INVALID', subgraph: 'offers' },
  },
])('of a joined subgraph, $what', ({ code, extensions }) => {
  const error = { message: 'it is gone', extensions: { ...(code && { code }) } }
  expect(present(error, 'offers', context).extensions).toEqual(extensions)
})

test('of a subgraph of the hub, an unknown code is masked and logged', () => {
  const error = { message: 'secret', extensions: { code: 'OFFER_GONE' } }
  expect(present(error, 'merchant', context)).toMatchObject({ extensions: masked })
  expect(lines.at(-1)).toContain('a subgraph failed')
})

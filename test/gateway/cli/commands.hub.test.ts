import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { commands } from '../../../gateway/cli/help.ts'
import { startLibrary } from '../../fixtures/foreign-subgraphs.ts'
import { temporaryFolder } from '../../harness/temporary-folder.ts'
import { processes } from '../../hub/child.ts'

const start = processes()
const folder = temporaryFolder()

function fileWith(name: string, content: string): string {
  const file = path.join(folder, name)
  writeFileSync(file, content)
  return file
}

async function run(command: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const started = start({}, `cli/${command}.ts`, ...args)
  const code = await started.exit
  return { code, output: started.output() }
}

const merchant = readFileSync('subgraphs/merchant/schema.graphql', 'utf8')

describe('npm run schema:check', () => {
  test('passes what a subgraph has now', async () => {
    const { code, output } = await run('schema-check', 'subgraphs/merchant/schema.graphql')
    expect(output).toMatch(/^The subgraphs compose\. 0 breaking changes/)
    expect(code).toBe(0)
  })

  test('fails what an operation of a client would not survive', async () => {
    const changed = merchant.replace(/(merchant\([^)]*id: ID!)\)/, '$1, why: String!)')
    const { code, output } = await run('schema-check', fileWith('merchant.graphql', changed))
    expect(output).toContain('A required arg why on Query.merchant was added. Used by MerchantDetail.')
    expect(output).toMatch(
      /Operations that would be refused:\n.*MerchantDetail: Field "merchant" argument "why"/,
    )
    expect(code).toBe(1)
  })

  test('fails what does not compose, and names why', async () => {
    const changed = merchant.replace(/(merchant\([^)]*id: ID!\)): Merchant/, '$1: Nothing')
    const { code, output } = await run('schema-check', '--name', 'merchant', fileWith('new.graphql', changed))
    expect(output).toMatch(/new\.graphql as "merchant": the subgraphs cannot be composed:\n- /)
    expect(code).toBe(1)
  })

  test('checks the subgraphs of others against a manifest, and strictly with --strict', async () => {
    const federation =
      'extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])\n'
    const now = fileWith('now.graphql', `${federation}type Query { a: Int b: Int c: Int! }`)
    const next = fileWith('next.graphql', `${federation}type Query { a: Int c: Int }`)
    const manifest = (body: string) =>
      fileWith(
        'manifest.json',
        JSON.stringify({
          format: 'apollo-persisted-query-manifest',
          version: 1,
          operations: [{ id: '1', name: 'One', type: 'query', body }],
        }),
      )
    const args = ['--name', 'a', '--with', `a=${now}`, next]
    const unused = await run('schema-check', ...args, '--operations', manifest('query One { a }'))
    expect(unused).toMatchObject({ code: 0 })
    expect(unused.output).toContain('Query.b was removed. No operation uses it.')
    const used = await run('schema-check', ...args, '--operations', manifest('query One { c }'))
    expect(used).toMatchObject({ code: 1 })
    const strict = await run('schema-check', '--strict', ...args, '--operations', manifest('query One { a }'))
    expect(strict).toMatchObject({ code: 1 })
  })
})

describe('npm run operations', () => {
  test('makes a manifest of documents and of code', async () => {
    const code = fileWith('page.ts', 'const a = graphql(`query Page { viewer { scopes } }`)')
    const { output } = await run('operations', 'schema/operations/wallet.graphql', code)
    const { operations } = JSON.parse(output) as { operations: { name: string; body: string }[] }
    expect(operations.find(({ name }) => name === 'Page')?.body).toBe('query Page { viewer { scopes } }')
    expect(operations.find(({ name }) => name === 'SubmitPayment')?.body).toMatch(/^mutation SubmitPayment/)
  })

  test('refuses a document that is not valid', async () => {
    const file = fileWith('wrong.graphql', 'query Wrong { nothing }')
    const { code, output } = await run('operations', file)
    expect(output).toContain('wrong.graphql, Wrong: Cannot query field "nothing"')
    expect(code).toBe(1)
  })
})

describe('gateway/cli/compose.ts', async () => {
  const library = await startLibrary()
  afterAll(() => library.close())

  test('composes a running subgraph with a file', async () => {
    const prices = fileWith(
      'prices.graphql',
      'extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])\ntype Book @key(fields: "id") { id: ID! price: Int }',
    )
    const args = [`library=${library.url}`, 'prices=http://127.0.0.1:1/', '--sdl', `prices=${prices}`]
    const { code, output } = await run('compose', ...args)
    expect(output).toContain(`url: "${library.url}"`)
    expect(output).toContain('price: Int')
    expect(code).toBe(0)
  })
})

describe('npm run help', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }

  test('lists every command, and none that is not there', async () => {
    const listed = Object.values(commands).flatMap((group) => Object.keys(group))
    const parts = /^(pre|test:|check:)/
    expect(listed.toSorted()).toEqual(
      Object.keys(scripts)
        .filter((name) => !parts.test(name))
        .toSorted(),
    )
    const { code, output } = await run('help')
    expect(code).toBe(0)
    for (const name of listed) expect(output).toContain(`npm run ${name} `)
  })

  test('each command of an operator prints its arguments, without a database', async () => {
    const names = ['hub-init', 'keys', 'secrets', 'verify', 'rebuild', 'backup', 'erase', 'audit', 'dataset']
    const others = ['conformance', 'operations', 'schema-check']
    for (const name of [...names, ...others]) {
      const { code, output } = await run(name, '--help')
      expect([name, code, output]).toEqual([name, 0, expect.stringMatching(/^usage:/)])
    }
  })
})

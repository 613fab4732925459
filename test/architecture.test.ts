import { describe, expect, test } from 'vitest'
import { cycles, misnamedTests, mutualFolders, type Tree, wrongDirections } from './harness/architecture.ts'
import { files, read } from './harness/files.ts'
import { regularExpressionsOf, superlinear } from './harness/linear-regexp.ts'

const sources: Tree = new Map(
  files.filter((file) => /\.(ts|js)$/.test(file)).map((file) => [file, read(file)]),
)

describe('the source tree', () => {
  test('imports point one way', () => {
    expect(wrongDirections(sources)).toEqual([])
  })

  test('no two folders import each other', () => {
    const product = new Map([...sources].filter(([file]) => !/^(test|bench)\//.test(file)))
    expect(mutualFolders(product)).toEqual([])
  })

  test.each(['gateway/', 'subgraphs/'])('%s has at most six loose files', (folder) => {
    const loose = files.filter((file) => file.startsWith(folder) && !file.slice(folder.length).includes('/'))
    expect(loose.length).toBeLessThanOrEqual(6)
  })

  test('no file imports itself, directly or through others', () => {
    expect(cycles(sources)).toEqual([])
  })

  test('a test file is named after the project that it needs', () => {
    expect(misnamedTests(sources)).toEqual([])
  })

  test('hooks of tests are registered in test files, or by functions that they call', () => {
    // A worker loads a shared module once for all of its test files.
    const shared = [...sources].filter(([file]) => file.startsWith('test/') && !file.endsWith('.test.ts'))
    const registering = shared.filter(([, text]) => /^(before|after)(All|Each)\(/m.test(text))
    expect(registering.map(([file]) => file)).toEqual([])
  })

  test('only the configuration reads the environment', () => {
    const free =
      /^(gateway\/(config\/config\.ts|prepare\.js)|subgraphs\/offers\/main\.ts)$|^(test|bench|deploy|\.ci)\//
    const readers = [...sources].filter(([file, text]) => !free.test(file) && text.includes('process.env'))
    expect(readers.map(([file]) => file)).toEqual([])
  })

  test('has only known folders and files at the top', () => {
    const rooms = [
      'gateway',
      'subgraphs',
      'schema',
      'dataset',
      'portal',
      'bench',
      'test',
      'docs',
      'examples',
      'deploy',
    ]
    const papers = [
      'README.md',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'SECURITY.md',
      'LICENSE',
      'Dockerfile',
      'compose.yaml',
      'package.json',
      'package-lock.json',
      'tsconfig.json',
    ]
    const entries = new Set(files.map((file) => file.split('/')[0]!).filter((name) => !name.startsWith('.')))
    expect([...entries].filter((name) => ![...rooms, ...papers].includes(name))).toEqual([])
  })

  test('names no package registry and no path of a developer’s machine', () => {
    const names =
      /registry\.npmjs|registry\.yarnpkg|npmmirror\.com|pypi\.org|pythonhosted\.org|\/work\/|\/home\/\w|\/Users\/\w/
    expect(files.filter((file) => names.test(read(file)))).toEqual([])
  })

  test('locks versions without the addresses of packages', () => {
    expect(read('package-lock.json')).not.toContain('"resolved"')
  })

  test('npm run check runs every part that CI runs', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const parts = Object.keys(scripts).filter((name) => name.startsWith('check:'))
    expect(scripts.check).toBe(parts.map((name) => `npm run -s ${name}`).join(' && '))
  })
})

describe('regular expressions', () => {
  const product = [...sources].filter(([file]) => /^(gateway|subgraphs|schema)\//.test(file))

  test('take linear time for any text', () => {
    const found = product.flatMap(([file, text]) =>
      regularExpressionsOf(text).map((literal) => ({ file, literal, reason: superlinear(literal) })),
    )
    expect(found.length).toBeGreaterThan(200)
    expect(found.filter(({ reason }) => reason !== null)).toEqual([])
  })

  test('are literals, except where a text is escaped for one', () => {
    const making = product.filter(([, text]) => /\bRegExp\(/.test(text)).map(([file]) => file)
    expect(making).toEqual([
      'gateway/http/refusals.ts',
      'gateway/supergraph/nested-query.ts',
      'subgraphs/merchant/merchant-store.ts',
    ])
  })

  test.each([
    ['exponential', [/(a+)+$/, /^(a*)*$/, /^(a|a)*$/, /^(\w+\s?)*$/, /^(?:a|ab?c?)*d/, /^(?=(a+)+b)/]],
    [
      'quadratic',
      [/\s+$/, /^\d*\d*$/, /a.*b.*c/, /^(?!.*a.*a)/, /a(?:.*b)?/g, /^(a{1,500}){2}$/, / x.*\?$/s],
    ],
    ['a back reference', [/(x)\1/]],
    ['a lookbehind without bounds', [/(?<=a*)b/]],
    [
      null,
      [/^[\w-]+(\.[\w-]+)*$/, /\s+/, /^\s*x/, /[^"]{81,}/, /\b[a-z]\w*\.x/, /"((?:[^"]|"")*)"/y, /x(?!\s*y)/],
    ],
  ])('are judged: %s', (reason, patterns) => {
    for (const pattern of patterns) expect([pattern, superlinear(pattern)]).toEqual([pattern, reason])
  })
})

describe('the checker itself', () => {
  /** Every file that the imports below name, and one file with the import under test. */
  const tree = (from: string, text: string): Tree =>
    new Map([
      ...[
        'gateway/main.ts',
        'gateway/http/server.ts',
        'gateway/protocol/accept.ts',
        'subgraphs/transaction/payment/payment.ts',
        'subgraphs/transaction/service/payment-service.ts',
        'subgraphs/shared/access.ts',
        'subgraphs/platform/async/batching.ts',
        'subgraphs/merchant/index.ts',
        'subgraphs/merchant/resolvers.ts',
        'subgraphs/merchant/store.ts',
        'subgraphs/merchant/offer.ts',
        'schema/values/money.ts',
        'schema/qr/crc.ts',
        'gateway/cli/generate.ts',
        'gateway/verify/verify.ts',
        'dataset/merchants.ts',
      ].map((file): [string, string] => [file, '']),
      [from, text],
    ])

  test.each([
    ['gateway/app/a.ts', "import { merchant } from '../../subgraphs/merchant/index.ts'"],
    ['gateway/live/a.ts', "import { createLoader } from '../../subgraphs/platform/async/batching.ts'"],
    ['gateway/http/a.ts', "import { negotiate } from '../protocol/accept.ts'"],
    ['subgraphs/transaction/service/a.ts', "import { submit } from '../payment/payment.ts'"],
    ['gateway/main.ts', "import { merchants } from '../dataset/merchants.ts'"],
    ['gateway/cli/verify.ts', "import { verify } from '../verify/verify.ts'"],
    ['subgraphs/merchant/index.ts', "import { resolvers } from './resolvers.ts'"],
    ['subgraphs/merchant/resolvers.ts', "import { store } from './store.ts'"],
    ['subgraphs/merchant/store.ts', "import type { Offer } from './offer.ts'"],
    ['subgraphs/merchant/code.ts', "import { crc } from '../../schema/qr/crc.ts'"],
    ['dataset/a.ts', "import type { Merchant } from '../subgraphs/merchant/index.ts'"],
    ['bench/a.ts', "import { store } from '../subgraphs/merchant/store.ts'"],
    ['gateway/http/a.ts', "import { readFileSync } from 'node:fs'"],
  ])('allows in %s: %s', (from, text) => {
    expect(wrongDirections(tree(from, text))).toEqual([])
  })

  test.each([
    ['gateway/app/a.ts', "import { store } from '../../subgraphs/merchant/store.ts'"],
    ['gateway/app/a.ts', "import type { Store } from '../../subgraphs/merchant/store.ts'"],
    ['gateway/app/a.ts', "import { main } from '../main.ts'"],
    ['gateway/app/a.ts', "import { merchants } from '../../dataset/merchants.ts'"],
    ['gateway/protocol/a.ts', "import { server } from '../http/server.ts'"],
    ['gateway/protocol/a.ts', "import type { Server } from '../http/server.ts'"],
    ['gateway/supergraph/a.ts', "import { createLoader } from '../../subgraphs/platform/async/batching.ts'"],
    ['gateway/supergraph/a.ts', "import type { Viewer } from '../../subgraphs/shared/access.ts'"],
    ['gateway/a.ts', "import { negotiate } from './protocol/accept.ts'"],
    ['gateway/verify/a.ts', "import { money } from '../../schema/values/money.ts'"],
    ['gateway/verify/a.ts', "import type { Payment } from '../../subgraphs/transaction/payment/payment.ts'"],
    ['gateway/http/a.ts', "import { verify } from '../verify/verify.ts'"],
    ['subgraphs/platform/async/a.ts', "import { sees } from '../../shared/access.ts'"],
    [
      'subgraphs/transaction/payment/a.ts',
      "import type { PaymentService } from '../service/payment-service.ts'",
    ],
    ['subgraphs/transaction/a.ts', "import { merchant } from '../merchant/index.ts'"],
    ['subgraphs/transaction/index.ts', "export * from '../merchant/offer.ts'"],
    ['subgraphs/merchant/store.ts', "import { resolvers } from './resolvers.ts'"],
    ['subgraphs/merchant/offer.ts', "import { merchant } from './index.ts'"],
    ['subgraphs/merchant/resolvers.ts', "import '../../gateway/http/server.ts'"],
    ['subgraphs/log/a.ts', "import {\n  merchant,\n  type Merchant,\n} from '../merchant/index.ts'"],
    ['schema/values/a.ts', "import { createLoader } from '../../subgraphs/platform/async/batching.ts'"],
    ['schema/values/a.ts', "import { generate } from '../../gateway/cli/generate.ts'"],
    ['schema/qr/a.ts', "import { money } from '../values/money.ts'"],
    ['dataset/a.ts', "import { merchant } from '../subgraphs/merchant/index.ts'"],
    ['dataset/a.ts', "import type { Offer } from '../subgraphs/merchant/offer.ts'"],
    ['dataset/a.ts', "import { server } from '../gateway/http/server.ts'"],
    ['schema/values/a.ts', "const later = await import('../../gateway/http/server.ts')"],
    ['schema/values/a.ts', "type Server = import('../../gateway/http/server.ts').Server"],
    ['shed/a.ts', "import { money } from '../schema/values/money.ts'"],
  ])('refuses in %s: %s', (from, text) => {
    expect(wrongDirections(tree(from, text))).toHaveLength(1)
  })

  test('finds folders that import each other', () => {
    const pair: Tree = new Map([
      ['gateway/http/a.ts', "import { b } from '../live/b.ts'"],
      ['gateway/live/b.ts', "import { negotiate } from '../protocol/c.ts'"],
      ['gateway/live/d.ts', "import type { A } from '../http/a.ts'"],
    ])
    expect(mutualFolders(pair)).toEqual(['gateway/http ⇄ gateway/live'])
  })

  test('finds cycles', () => {
    const ring: Tree = new Map([
      ['schema/a.ts', "import { b } from './b.ts'"],
      ['schema/b.ts', "export type { C } from './c.ts'"],
      ['schema/c.ts', "import { a } from './a.ts'"],
    ])
    expect(cycles(ring)).toEqual(['schema/a.ts → schema/b.ts → schema/c.ts → schema/a.ts'])
  })
  test.each([
    { name: 'a.test.ts', imports: [], project: '.test.ts' },
    { name: 'a.mongo.test.ts', imports: [], project: '.test.ts' },
    { name: 'a.test.ts', imports: ['./harness/mongo.ts'], project: '.mongo.test.ts' },
    { name: 'a.test.ts', imports: ['./fixtures/world.ts'], project: '.mongo.test.ts' },
    { name: 'a.mongo.test.ts', imports: ['./fixtures/world.ts'], project: '.mongo.test.ts' },
    { name: 'a.test.ts', imports: ['./harness/mongo.ts', './hub/child.ts'], project: '.hub.test.ts' },
    { name: 'a.hub.test.ts', imports: ['../gateway/http/server.ts'], project: '.hub.test.ts' },
  ])('finds the project of $name with $imports', ({ name, imports, project }) => {
    const text = imports.map((file) => `import { a } from '${file}'`).join('\n')
    const tests: Tree = new Map([
      ['test/harness/mongo.ts', ''],
      ['test/fixtures/world.ts', "import { freshDatabase } from '../harness/mongo.ts'"],
      ['test/hub/child.ts', "import type { FreshDatabase } from '../harness/mongo.ts'"],
      ['gateway/http/server.ts', ''],
      [`test/${name}`, text],
    ])
    expect(misnamedTests(tests)).toEqual(name === `a${project}` ? [] : [`test/${name} → *${project}`])
  })
})

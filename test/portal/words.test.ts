import { buildSchema, type GraphQLEnumType } from 'graphql'
import { parse } from 'svelte/compiler'
import { describe, expect, test } from 'vitest'
import { en } from '../../portal/app/words/en.ts'
import { categories, cities, problems, reasons } from '../../portal/app/words/zh-names.ts'
import { zh } from '../../portal/app/words/zh.ts'
import { toneOf } from '../../portal/parts/tone.ts'
import { mccByCode } from '../../schema/values/mcc.ts'
import { problems as problemCodes } from '../../schema/values/problems.ts'
import { reasons as reasonCodes } from '../../schema/values/reasons.ts'
import { scopes } from '../../schema/values/scopes.ts'
import { files, read } from '../harness/files.ts'

const schema = buildSchema(read('schema/generated/api.graphql'))

const valuesOf = (name: string): readonly string[] =>
  (schema.getType(name) as GraphQLEnumType).getValues().map((value) => value.name)

/** The path of each text, and what kind of text it is. */
function pathsOf(words: object, path = ''): string[] {
  return Object.entries(words)
    .filter(([name]) => !(path === '' && name === 'names'))
    .flatMap(([name, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null
        ? pathsOf(value, `${path}${name}.`)
        : [`${path}${name}: ${typeof value}`],
    )
    .toSorted()
}

describe('the texts of the portal', () => {
  test('have the same members in both languages', () => {
    expect(pathsOf(zh)).toEqual(pathsOf(en))
    expect(pathsOf(en).length).toBeGreaterThan(300)
  })

  test('are in Chinese where they are not names', () => {
    const english = new Set(pathsOf(en).map((path) => path.split(': ')[0]))
    const textAt = (words: object, path: string): unknown =>
      path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], words)
    const same = [...english].filter((path) => {
      const text = textAt(zh, path!)
      return typeof text === 'string' && text !== '' && text === textAt(en, path!) && /[a-z]{4}/.test(text)
    })
    expect(same).toEqual([])
  })
})

describe('a page', () => {
  /** Names, units and examples, which are the same in every language. */
  const untranslated =
    /^(Crossgate|CNY|SG-CN|wallet-sg-01|cg_…|https:\S+|URL|id|RRN|CSV|SHA-256|p50 · p95|p95( ms)?|ms|s|min|px)$/
  /** Attributes that a viewer or a screen reader reads. */
  const spoken = new Set(['aria-label', 'title', 'placeholder', 'alt', 'label', 'text', 'none'])

  /** The texts of a node that are not in an expression. */
  function textsIn(node: unknown, isText: boolean): string[] {
    if (Array.isArray(node)) return node.flatMap((each) => textsIn(each, isText))
    if (typeof node !== 'object' || node === null) return []
    const { type, name, data, value } = node as Record<string, unknown>
    if (type === 'Text') return isText && /\p{L}/u.test(String(data)) ? [String(data).trim()] : []
    if (type === 'Attribute') return textsIn(value, spoken.has(String(name)))
    return Object.values(node).flatMap((each) => textsIn(each, isText))
  }

  const sources = files.filter((file) => file.startsWith('portal/') && file.endsWith('.svelte'))
  test('has no text of its own beside those of the language', () => {
    const found = sources.map((file) => ({
      file,
      texts: textsIn(parse(read(file), { modern: true }).fragment, true).filter(
        (text) => !untranslated.test(text),
      ),
    }))
    expect(found.filter(({ texts }) => texts.length > 0)).toEqual([])
    expect(sources.length).toBeGreaterThan(40)
    // The search finds one.
    const { fragment } = parse('<p title="Not translated">{words.x} words</p>', { modern: true })
    expect(textsIn(fragment, true)).toEqual(['Not translated', 'words'])
  })
})

describe('labels', () => {
  /** The states that `Status` shows, of all enums that it is used for, and those of a key. */
  const statuses = [
    'CapabilityState',
    'CorridorStatus',
    'MerchantStatus',
    'Outcome',
    'ParticipantStatus',
    'ProjectStatus',
    'SettlementBatchStatus',
    'SettlementStatus',
    'TransactionStatus',
    'WebhookDeliveryState',
    'WebhookStatus',
  ].flatMap(valuesOf)
  const keyStates = ['ACTIVE', 'EXPIRED', 'REVOKED']

  test.each([
    { of: 'statuses', labels: en.status, values: [...statuses, ...keyStates] },
    { of: 'the steps of a payment', labels: en.steps, values: valuesOf('StepKind') },
    { of: 'entry modes', labels: en.coverage.entryModes, values: valuesOf('EntryMode') },
    { of: 'scenarios', labels: en.coverage.scenarios, values: valuesOf('Scenario') },
    { of: 'directions', labels: en.corridor.directions, values: valuesOf('Direction') },
    { of: 'accounts', labels: en.payment.accounts, values: valuesOf('PostingAccount') },
    { of: 'roles', labels: en.operator.roleNames, values: valuesOf('ParticipantRole') },
    { of: 'connections', labels: en.operator.connections, values: valuesOf('ConnectionKind') },
    { of: 'payers of a fee', labels: en.sandbox.fee, values: valuesOf('FeePayer') },
    { of: 'kinds of a count', labels: en.payments.totals, values: valuesOf('CountKind') },
    { of: 'scopes', labels: en.keys.scopes, values: Object.keys(scopes) },
  ])('exist for all $of of the schema, and for no other', ({ labels, values }) => {
    expect(Object.keys(labels).toSorted()).toEqual([...new Set(values)].toSorted())
  })

  test('of a status have one shape for what failed, and one for what is open', () => {
    const failed = ['DECLINED', 'FAILED', 'EXPIRED', 'REJECTED', 'SUSPENDED', 'DEAD', 'REVOKED']
    expect(failed.map(toneOf)).toEqual(failed.map(() => 'bad'))
    const open = ['RECEIVED', 'ROUTED', 'IN_DOUBT', 'REVERSING', 'CANCELLING', 'PENDING']
    expect(open.map(toneOf)).toEqual(open.map(() => 'wait'))
  })
})

describe('names in Chinese', () => {
  const codes = Array.from({ length: 10_000 }, (_, n) => String(n).padStart(4, '0'))
  test.each([
    { of: 'every category', names: categories, keys: codes.filter((code) => mccByCode(code)) },
    { of: 'every problem code', names: problems, keys: Object.keys(problemCodes) },
    { of: 'every reason', names: reasons, keys: Object.keys(reasonCodes) },
  ])('exist for $of, and for no other', ({ names, keys }) => {
    expect([...names.keys()].toSorted()).toEqual(keys.toSorted())
  })

  test('exist for the large cities', () => {
    expect(cities.get('Shanghai')).toBe('上海')
    expect([...cities.values()].filter((name) => !/^\p{Script=Han}/u.test(name))).toEqual([])
  })
})

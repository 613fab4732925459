import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  print,
  specifiedRules,
  validate,
  NoUnusedFragmentsRule,
  type DocumentNode,
} from 'graphql'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { problems } from '../../schema/values/problems.ts'
import { reasons } from '../../schema/values/reasons.ts'

const read = (path: string): string => readFileSync(new URL(`../../schema/${path}`, import.meta.url), 'utf8')
const api = buildSchema(read('generated/api.graphql'))

describe('documents of clients are valid for the API', () => {
  test.each(['counterparty', 'dashboard', 'operator', 'portal', 'wallet'])('the documents of %s', (file) => {
    const document = parse(read(`operations/${file}.graphql`))
    expect(document.definitions.length).toBeGreaterThan(2)
    expect(validate(api, document, specifiedRules).map(String)).toEqual([])
  })

  test('each operation is valid alone, with its fragments', () => {
    const document = parse(read('operations/wallet.graphql'))
    const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION)
    const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION)
    const rules = specifiedRules.filter((rule) => rule !== NoUnusedFragmentsRule)
    for (const operation of operations) {
      const alone: DocumentNode = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] }
      expect(validate(api, alone, rules).map(String)).toEqual([])
    }
  })
})

describe('the inputs of the operations are in the API', () => {
  const { definitions } = parse(read('operations/inputs.graphql'))

  for (const definition of definitions) {
    if (definition.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION) {
      test(`${definition.name.value} has every field with the same type`, () => {
        const type = api.getType(definition.name.value)
        const fields = isInputObjectType(type) ? type.getFields() : {}
        for (const { name, type: expected, defaultValue } of definition.fields ?? []) {
          const field = fields[name.value]
          expect(`${name.value}: ${String(field?.type)}`).toBe(`${name.value}: ${print(expected)}`)
          if (defaultValue) expect(print(field!.astNode!.defaultValue!)).toBe(print(defaultValue))
        }
      })
      test(`${definition.name.value} has no other required field`, () => {
        const type = api.getType(definition.name.value)
        const names = new Set(definition.fields?.map(({ name }) => name.value))
        const more = Object.values(isInputObjectType(type) ? type.getFields() : {}).filter(
          ({ name }) => !names.has(name),
        )
        expect(
          more.filter((field) => String(field.type).endsWith('!') && field.defaultValue === undefined),
        ).toEqual([])
      })
    }
    if (definition.kind === Kind.ENUM_TYPE_DEFINITION) {
      test(`${definition.name.value} has every value`, () => {
        const type = api.getType(definition.name.value)
        const values = isEnumType(type) ? type.getValues().map(({ name }) => name) : []
        expect(values).toEqual(
          expect.arrayContaining((definition.values ?? []).map(({ name }) => name.value)),
        )
      })
    }
  }
})

describe('the API describes itself', () => {
  const own = Object.values(api.getTypeMap()).filter(
    (type) => !type.name.startsWith('__') && type.astNode !== undefined,
  )

  test('every type has a description', () => {
    const roots = [api.getQueryType(), api.getMutationType(), api.getSubscriptionType()]
    const bare = own.filter((type) => !type.description && !roots.includes(type as never))
    expect(own.length).toBeGreaterThan(100)
    expect(bare.map(({ name }) => name)).toEqual([])
  })

  test('every field, argument, input field and enum value has a description', () => {
    const bare: string[] = []
    for (const type of own) {
      if (isEnumType(type)) {
        for (const value of type.getValues()) if (!value.description) bare.push(`${type.name}.${value.name}`)
      }
      if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)) {
        for (const field of Object.values(type.getFields())) {
          if (!field.description) bare.push(`${type.name}.${field.name}`)
          for (const arg of 'args' in field ? field.args : []) {
            if (!arg.description) bare.push(`${type.name}.${field.name}(${arg.name}:)`)
          }
        }
      }
    }
    expect(bare).toEqual([])
  })

  test.each([
    { name: 'ProblemCode', codes: Object.keys(problems) },
    { name: 'ReasonCode', codes: Object.keys(reasons) },
  ])('$name has exactly the codes of the hub', ({ name, codes }) => {
    const type = api.getType(name)
    expect(
      isEnumType(type) &&
        type
          .getValues()
          .map((value) => value.name)
          .toSorted(),
    ).toEqual(codes.toSorted())
  })

  test('the reference page names every operation and every code', () => {
    const page = read('generated/reference.md')
    const roots = [api.getQueryType(), api.getMutationType(), api.getSubscriptionType()]
    const operations = roots.flatMap((root) => Object.keys(root!.getFields()))
    expect(operations.filter((name) => !page.includes(`\n### ${name}\n`))).toEqual([])
    const codes = [...Object.keys(problems), ...Object.keys(reasons)]
    expect(codes.filter((code) => !page.includes(`| \`${code}\` |`))).toEqual([])
  })
})

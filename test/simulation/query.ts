// The part of MongoDB's query language that the code under test uses. Anything else throws, so a query that
// the simulation would misread cannot pass.

import type { Document } from 'mongodb'

export const unsupported = (what: string): Error => new Error(`the simulated MongoDB does not have ${what}`)

const isPlain = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** The values at a path; several where the path leads through an array. */
function valuesAt(value: unknown, path: string): unknown[] {
  if (!path.includes('.')) {
    const direct = (value as Document | undefined)?.[path]
    return Array.isArray(direct) ? [direct, ...(direct as unknown[])] : [direct]
  }
  let values = [value]
  for (const key of path.split('.')) {
    values = values.flatMap((one) => {
      if (Array.isArray(one)) return one.map((element: Document | undefined) => element?.[key] as unknown)
      return [(one as Document | null | undefined)?.[key] as unknown]
    })
  }
  return values.flatMap((one) => (Array.isArray(one) ? [one, ...(one as unknown[])] : [one]))
}

const scalar = (value: unknown): unknown => (value instanceof Date ? value.getTime() : value)

export function isEqual(a: unknown, b: unknown): boolean {
  const [left, right] = [scalar(a), scalar(b)]
  if (typeof left === 'bigint' || typeof right === 'bigint') {
    return isComparable(left, right) && compare(left, right) === 0
  }
  return left === right || (left === null && right === undefined)
}

export const compare = (a: unknown, b: unknown): number => {
  const [left, right] = [scalar(a) as number, scalar(b) as number]
  return left < right ? -1 : left > right ? 1 : 0
}

const isComparable = (a: unknown, b: unknown): boolean => {
  const kind = (value: unknown) => (typeof value === 'bigint' ? 'number' : typeof scalar(value))
  return a !== null && a !== undefined && kind(a) === kind(b)
}

type Test = (value: unknown, operand: never) => boolean
const tests: Readonly<Record<string, Test>> = {
  $eq: isEqual,
  $in: (value, operand: readonly unknown[]) => operand.some((one) => isEqual(value, one)),
  $gt: (value, operand) => isComparable(value, operand) && compare(value, operand) > 0,
  $gte: (value, operand) => isComparable(value, operand) && compare(value, operand) >= 0,
  $lt: (value, operand) => isComparable(value, operand) && compare(value, operand) < 0,
  $lte: (value, operand) => isComparable(value, operand) && compare(value, operand) <= 0,
  $exists: (value, operand: boolean) => (value !== undefined) === operand,
}

/** True when `document` matches `filter`. */
export function matches(filter: Document, document: Document, now: Date): boolean {
  for (const [key, condition] of Object.entries(filter)) {
    if (!matchesOne(key, condition, document, now)) return false
  }
  return true
}

function matchesOne(key: string, condition: unknown, document: Document, now: Date): boolean {
  if (key === '$and') return (condition as Document[]).every((each) => matches(each, document, now))
  if (key === '$or') return (condition as Document[]).some((each) => matches(each, document, now))
  if (key === '$expr') return Boolean(evaluate(condition, document, now))
  if (key.startsWith('$')) throw unsupported(`the query operator ${key}`)
  const values = valuesAt(document, key)
  const operators = isPlain(condition) ? Object.entries(condition) : []
  if (operators.length === 0 || !operators[0]![0].startsWith('$')) {
    return values.some((value) => isEqual(value, condition))
  }
  return operators.every(([operator, operand]) => {
    const test = tests[operator]
    if (!test) throw unsupported(`the query operator ${operator}`)
    return values.some((value) => test(value, operand as never))
  })
}

type Operator = (operands: readonly unknown[]) => unknown
const operators: Readonly<Record<string, Operator>> = {
  $cond: ([condition, yes, no]) => (condition ? yes : no),
  $ifNull: (operands) => operands.find((one) => one !== null && one !== undefined) ?? null,
  $add: (operands) => {
    const sum = operands.reduce<number>((total, one) => total + Number(scalar(one)), 0)
    return operands.some((one) => one instanceof Date) ? new Date(sum) : sum
  },
  $eq: ([a, b]) => isEqual(a, b),
  $gt: ([a, b]) => compare(a, b) > 0,
  $gte: ([a, b]) => compare(a, b) >= 0,
  $lt: ([a, b]) => compare(a, b) < 0,
  $lte: ([a, b]) => compare(a, b) <= 0,
  $and: (operands) => operands.every(Boolean),
  $or: (operands) => operands.some(Boolean),
}

/** The value of an aggregation expression. */
export function evaluate(expression: unknown, document: Document, now: Date): unknown {
  if (typeof expression === 'string' && expression.startsWith('$')) {
    if (expression === '$$NOW') return now
    if (expression === '$$ROOT') return document
    if (expression.startsWith('$$')) throw unsupported(`the variable ${expression}`)
    return document[expression.slice(1)] as unknown
  }
  if (!isPlain(expression)) return expression
  const entries = Object.entries(expression)
  const name = entries[0]?.[0]
  if (!name?.startsWith('$')) {
    const made = entries.map(([key, value]) => [key, evaluate(value, document, now)] as const)
    return Object.fromEntries(made.filter(([, value]) => value !== undefined))
  }
  const operator = operators[name]
  if (!operator) throw unsupported(`the expression ${name}`)
  return operator((expression[name] as unknown[]).map((one) => evaluate(one, document, now)))
}

export interface Updated {
  readonly document: Document
  /** As a change stream gives it. */
  readonly updatedFields: Document
}

/** Applies an update to `before`, or to a new document when `isInsert`. */
export function applyUpdate(
  before: Document,
  update: Document | readonly Document[],
  now: Date,
  isInsert: boolean,
): Updated {
  const updatedFields: Document = {}
  if (Array.isArray(update)) {
    let document = before
    for (const stage of update as Document[]) document = applyStage(document, stage, now)
    return { document, updatedFields: document }
  }
  const document = { ...before }
  const set = (path: string, value: unknown): void => {
    if (path.includes('.')) throw unsupported(`an update of the path ${path}`)
    document[path] = value
    updatedFields[path] = value
  }
  const present = Object.entries(update as Document) as [string, Document][]
  for (const [operator, fields] of present) {
    for (const [path, value] of Object.entries(fields)) {
      const old = document[path] as unknown
      if (operator === '$set') set(path, value)
      else if (operator === '$setOnInsert') {
        if (isInsert) set(path, value)
      } else if (operator === '$inc') set(path, ((old as number | undefined) ?? 0) + (value as number))
      else if (operator === '$max') {
        if (old === undefined || compare(value, old) > 0) set(path, value)
      } else if (operator === '$currentDate') set(path, now)
      else if (operator === '$unset') delete document[path]
      else if (operator === '$push') {
        const array = (old as unknown[] | undefined) ?? []
        document[path] = [...array, value]
        updatedFields[old === undefined ? path : `${path}.${array.length}`] =
          old === undefined ? [value] : value
      } else throw unsupported(`the update operator ${operator}`)
    }
  }
  return { document, updatedFields }
}

function applyStage(document: Document, stage: Document, now: Date): Document {
  const [name, operand] = Object.entries(stage)[0] as [string, unknown]
  if (name === '$set') return { ...document, ...(evaluate(operand, document, now) as Document) }
  if (name === '$replaceWith') return evaluate(operand, document, now) as Document
  if (name === '$unset') {
    const rest = { ...document }
    delete rest[operand as string]
    return rest
  }
  throw unsupported(`the update stage ${name}`)
}

/** Runs an aggregation over `documents`. */
export function aggregate(documents: Document[], pipeline: readonly Document[], now: Date): Document[] {
  let rows = documents
  for (const stage of pipeline) {
    const [name, operand] = Object.entries(stage)[0] as [string, never]
    if (name === '$match') rows = rows.filter((row) => matches(operand, row, now))
    else if (name === '$sort') rows = sorted(rows, operand)
    else if (name === '$limit') rows = rows.slice(0, operand)
    else if (name === '$unwind') rows = rows.flatMap((row) => unwound(row, (operand as string).slice(1)))
    else if (name === '$replaceRoot') {
      const { newRoot } = operand as unknown as { newRoot: unknown }
      rows = rows.map((row) => evaluate(newRoot, row, now) as Document)
    } else if (name === '$unset') rows = rows.map((row) => applyStage(row, stage, now))
    // A superset of the fields that the stage keeps does no harm.
    else if (name !== '$project') throw unsupported(`the stage ${name}`)
  }
  return rows
}

const unwound = (row: Document, field: string): Document[] =>
  (row[field] as unknown[]).map((element) => ({ ...row, [field]: element }))

export function sorted(rows: readonly Document[], sort: Document): Document[] {
  const [first, ...others] = Object.entries(sort) as [string, number][]
  if (!first || others.length > 0) throw unsupported('a sort by several fields')
  const [field, order] = first
  return rows.toSorted((a, b) => order * compare(a[field], b[field]))
}

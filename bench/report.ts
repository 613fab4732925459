// Prints the figures of a benchmark and writes them to `bench/results`.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'

export interface Row {
  /** The figure’s name, such as "one entity, in process: hub". `bench/tables.ts` finds rows by it. */
  readonly what: string
  readonly value: number
  readonly unit: string
  /** The hub's value as a multiple of that of `peer`; null for a figure without a peer. */
  readonly ratio: number | null
  readonly peer: string | null
  /** The goal for the ratio, or for the value where there is none, such as "≥ 0.8"; null without a goal. */
  readonly goal: string | null
}

export const row = (
  what: string,
  value: number,
  unit: string,
  against: { ratio: number; peer: string } | null = null,
  goal: string | null = null,
): Row => ({ what, value, unit, ratio: against?.ratio ?? null, peer: against?.peer ?? null, goal })

/** Prints the rows as a table and writes `bench/results/NAME.json`. */
export function report(name: string, rows: readonly Row[]): void {
  print(rows)
  save(name, rows)
  console.log(`wrote bench/results/${name}.json; npm run generate writes it into the pages`)
}

export function print(rows: readonly Row[]): void {
  const cells = rows.map((r) => [
    r.what,
    `${short(r.value)} ${r.unit}`,
    r.ratio === null ? '' : `hub is ${short(r.ratio)} × this`,
    r.goal ?? '',
  ])
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((line) => line[column]!.length)))
  for (const line of cells) console.log(line.map((cell, column) => cell.padEnd(widths[column]!)).join('  '))
}

export function save(name: string, rows: readonly Row[]): void {
  mkdirSync(folder, { recursive: true })
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`
  const text = JSON.stringify({ name, measuredAt: new Date().toISOString(), machine, rows }, null, 2)
  writeFileSync(new URL(`${name}.json`, folder), `${text}\n`)
}

/** The rows of the last run; none when there is no file of it. */
export function lastRows(name: string): readonly Row[] {
  const file = new URL(`${name}.json`, folder)
  if (!existsSync(file)) return []
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly rows: readonly Row[] }).rows
}

const folder = new URL('results/', import.meta.url)

/** Three significant digits, or a whole number from 100 on. */
export const short = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(3)).toString()

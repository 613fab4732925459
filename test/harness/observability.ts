// Reads the alerts and the dashboard of docs/observability, and what their expressions are about.

import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { parse as parseYaml } from 'yaml'
import { read } from './files.ts'

export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly runbook: string }
}

export function alerts(): readonly Alert[] {
  const { groups } = parseYaml(read('docs/observability/alerts.yaml')) as {
    readonly groups: readonly { readonly rules: readonly Alert[] }[]
  }
  return groups.flatMap(({ rules }) => rules)
}

interface Panel {
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

interface Dashboard {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string }[] }
}

export const dashboard = (): Dashboard => JSON.parse(read('docs/observability/dashboard.json')) as Dashboard

/** The expressions of the dashboard, with values for Grafana’s variables. */
export const dashboardExpressions = (): readonly string[] =>
  dashboard().panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*')),
  )

/** What an expression selects: a metric, and the labels by which it selects or groups. */
export interface Selection {
  readonly metric: string
  readonly labels: ReadonlySet<string>
}

/** Throws for what is no PromQL. */
export function selectionsOf(expr: string): readonly Selection[] {
  const found: Selection[] = []
  const textOf = ({ from, to }: SyntaxNode): string => expr.slice(from, to)
  const labelsIn = (node: SyntaxNode | null): string[] =>
    node ? descendants(node, 'LabelName').map(textOf) : []
  for (const node of descendants(parser.parse(expr).topNode, null)) {
    if (node.type.isError) throw new SyntaxError(`no PromQL at ${node.from}: ${expr}`)
    if (node.name !== 'VectorSelector') continue
    const labels = new Set(labelsIn(node.getChild('LabelMatchers')))
    for (let around: SyntaxNode | null = node.parent; around; around = around.parent)
      if (around.name === 'AggregateExpr')
        for (const label of labelsIn(around.getChild('AggregateModifier'))) labels.add(label)
    found.push({ metric: textOf(node.getChild('Identifier')!), labels })
  }
  return found
}

function descendants(node: SyntaxNode, name: string | null): SyntaxNode[] {
  const found = name === null || node.name === name ? [node] : []
  for (let child = node.firstChild; child; child = child.nextSibling) found.push(...descendants(child, name))
  return found
}

/** The samples that a hub exposes: the labels of each, by its name. */
export function samplesIn(metrics: string): ReadonlyMap<string, ReadonlySet<string>> {
  const samples = new Map<string, Set<string>>()
  for (const [, name, labels = ''] of metrics.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = samples.get(name!) ?? new Set()
    for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label!)
    samples.set(name!, known)
  }
  return samples
}

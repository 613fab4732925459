import { describe, expect, test } from 'vitest'
import { read } from '../harness/files.ts'
import { alerts, dashboard, dashboardExpressions, selectionsOf } from '../harness/observability.ts'

describe('an alert', () => {
  test.each(alerts())('$alert has an expression, a time, a severity and a page', (alert) => {
    expect(selectionsOf(alert.expr).length).toBeGreaterThan(0)
    expect(alert.for).toMatch(/^\d+[smh]$/)
    expect(alert.labels.severity).toMatch(/^(page|ticket)$/)
    expect(alert.annotations.summary).toMatch(/\.$/)
    expect(alert.annotations.runbook).toBe(`docs/alerts.md#${alert.alert.toLowerCase()}`)
  })

  test('has a section in docs/alerts.md that gives what it means and what to do', () => {
    const [, ...sections] = read('docs/alerts.md').split(/^## /m)
    const described = sections.filter((section) => section.startsWith('Crossgate'))
    expect(described.map((section) => section.split('\n')[0])).toEqual(alerts().map(({ alert }) => alert))
    alerts().forEach((alert, n) => {
      expect(described[n]).toContain(
        `${alert.annotations.summary} Severity: \`${alert.labels.severity}\`, after ${alert.for}.`,
      )
      expect(described[n]).toMatch(/^- /m)
    })
  })
})

describe('the dashboard', () => {
  test('has expressions in PromQL', () => {
    const expressions = dashboardExpressions()
    expect(expressions.length).toBeGreaterThan(20)
    for (const expr of expressions) expect(selectionsOf(expr).length).toBeGreaterThan(0)
  })

  test('defines each variable that it uses', () => {
    const own = dashboard().templating.list.map(({ name }) => name)
    const used = [...read('docs/observability/dashboard.json').matchAll(/\$\{?(\w+)/g)].map(
      ([, name]) => name!,
    )
    const builtIn = ['__rate_interval', '__all']
    expect([...new Set(used)].filter((name) => ![...own, ...builtIn].includes(name))).toEqual([])
  })
})

describe('the reading of PromQL', () => {
  test('finds metrics and labels, and mistakes', () => {
    expect(selectionsOf('sum by (a) (rate(x_total{b="1"}[5m])) / max(y)')).toEqual([
      { metric: 'x_total', labels: new Set(['b', 'a']) },
      { metric: 'y', labels: new Set() },
    ])
    expect(() => selectionsOf('sum by (a (x)')).toThrow('no PromQL')
  })
})

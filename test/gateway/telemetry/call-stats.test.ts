import { describe, expect, test } from 'vitest'
import { CallStats, counted } from '../../../gateway/telemetry/call-stats.ts'
import type { SubgraphConnection } from '../../../gateway/supergraph/index.ts'

describe('the counts of calls', () => {
  test('are a histogram and a counter by name', () => {
    const stats = new CallStats('subgraph', 'subgraph', 'Seconds of a call.')
    stats.count('offers', 3, false)
    stats.count('offers', 30_000, true)
    const lines = stats.text().split('\n')
    expect(lines).toContain('# TYPE crossgate_subgraph_seconds histogram')
    expect(lines).toContain('crossgate_subgraph_seconds_bucket{subgraph="offers",le="0.0025"} 0')
    expect(lines).toContain('crossgate_subgraph_seconds_bucket{subgraph="offers",le="0.005"} 1')
    expect(lines).toContain('crossgate_subgraph_seconds_bucket{subgraph="offers",le="+Inf"} 2')
    expect(lines).toContain('crossgate_subgraph_seconds_sum{subgraph="offers"} 30.003')
    expect(lines).toContain('crossgate_subgraph_errors_total{subgraph="offers"} 1')
  })

  test('have a bounded number of names, and lose no call', () => {
    const stats = new CallStats('operation', 'operation', 'Seconds.', 3)
    for (let n = 0; n < 1_000; n++) stats.count(`name${n}`, 1, false)
    const counts = [...stats.text().matchAll(/_count\{operation="(\w+)"\} (\d+)/g)].map(([, name, count]) => [
      name,
      Number(count),
    ])
    expect(counts).toEqual([
      ['name0', 1],
      ['name1', 1],
      ['name2', 1],
      ['other', 997],
    ])
  })

  test('include immediate and later results, with and without errors', async () => {
    const stats = new CallStats('subgraph', 'subgraph', 'Seconds of a call.')
    const connection = (result: object | Promise<object>): SubgraphConnection => ({
      name: 'a',
      prepare: () => ({ execute: () => result, subscribe: () => Promise.resolve({}) }),
    })
    const call = (result: object | Promise<object>) =>
      counted(connection(result), stats).prepare('{ a }').execute({}, {})
    expect(call({ data: { a: 1 } })).toEqual({ data: { a: 1 } })
    expect(await call(Promise.resolve({ data: null, errors: [{ message: 'no' }] }))).toMatchObject({
      data: null,
    })
    expect(stats.text()).toContain('crossgate_subgraph_seconds_count{subgraph="a"} 2')
    expect(stats.text()).toContain('crossgate_subgraph_errors_total{subgraph="a"} 1')
  })
})

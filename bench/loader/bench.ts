// What a read costs before MongoDB: the loader, which stands on DataLoader, beside the queue by hand that it
// has replaced. Each call is answered in the next turn of the event loop.

import { setImmediate as turn } from 'node:timers/promises'
import { createLoader } from '../../subgraphs/platform/async/batching.ts'
import { measure, ratio } from '../measure.ts'
import { report, row, type Row } from '../report.ts'
import { createLoader as createLoaderByHand } from './hand.ts'

async function load(keys: readonly number[]): Promise<readonly number[]> {
  await turn()
  return keys
}

export async function bench(): Promise<void> {
  const rows: Row[] = []
  for (const concurrency of [1, 64, 1_000]) {
    let key = 0
    const contenders = [
      { name: 'hub', loader: createLoader({ load }) },
      { name: 'hand', loader: createLoaderByHand({ load }) },
    ].map(({ name, loader }) => ({ name, run: () => loader.load((key = (key + 1) % 100_000)) }))
    const options = { concurrency, rounds: 15, sliceMs: 200, warmUpMs: 500 }
    const [hub, hand] = await measure(contenders, options)
    const what = `${concurrency} callers at once`
    rows.push(
      row(`${what}: hub`, hub!.perSecond, 'reads/s'),
      row(
        `${what}: by hand`,
        hand!.perSecond,
        'reads/s',
        { ratio: ratio(hub!, hand!), peer: 'by hand' },
        '≥ 0.9',
      ),
    )
  }
  report('loader', rows)
}

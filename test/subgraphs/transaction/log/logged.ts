// Waits for what the log says.

import type { LogReader, StepKind } from '../../../../subgraphs/log.ts'

/** Resolves once the log says of transaction `id`, for the `count`th time, what `kind` says. */
export const logged = (reader: LogReader, id: string, kind: StepKind, count = 1): Promise<void> =>
  new Promise((resolve, reject) => {
    const look = async () => {
      const range = { after: 0n, upTo: reader.tip(), max: count }
      if ((await reader.find({ transaction: id, kind }, range)).length < count) return
      stop()
      resolve()
    }
    const stop = reader.subscribe(() => void look().catch(reject))
    look().catch(reject)
  })

import { chunks } from './chunks.ts'
import { pause } from './promise.ts'

/**
 * Closes all `items`, 100 at a time, spread over less than `spreadMs` milliseconds. So the clients of a hub
 * that stops do not all reconnect to another one in the same instant.
 */
export async function closeSpread<Item>(
  items: readonly Item[],
  closeOne: (item: Item) => void,
  spreadMs: number,
): Promise<void> {
  const restMs = spreadMs / Math.ceil(items.length / chunkSize)
  for (const [n, chunk] of [...chunks(items, chunkSize)].entries()) {
    if (n > 0) await pause(restMs)
    chunk.forEach((item) => closeOne(item))
  }
}

const chunkSize = 100

import { statSync, type BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'

/** Differs between one content of a file and the next. */
export type FileState = string

/** Take it before the file is read, so that `followFile` sees a change during the reading. */
export const fileStateOf = (file: string): FileState =>
  stateOf(statSync(file, { bigint: true, throwIfNoEntry: false }))

/**
 * Calls `onChange` after each change of `file` since `state`, until the function that is returned is called:
 * when the file is written, replaced, deleted or made. By polling, which also sees a link that is moved and a
 * file on another machine.
 */
export function followFile(
  file: string,
  state: FileState,
  everyMs: number,
  onChange: () => void,
): () => void {
  let before = state
  let isClosed = false
  let timer: NodeJS.Timeout
  const check = async (): Promise<void> => {
    const now = stateOf(await stat(file, { bigint: true }).catch(() => undefined))
    if (isClosed) return
    if (now !== before) onChange()
    before = now
    checkLater()
  }
  const checkLater = (): void => {
    timer = setTimeout(() => void check(), everyMs).unref()
  }
  checkLater()
  return () => {
    isClosed = true
    clearTimeout(timer)
  }
}

const stateOf = (found: BigIntStats | undefined): FileState =>
  found ? `${found.ino} ${found.size} ${found.mtimeNs}` : 'none'

// A progress bar on a terminal; on anything else, a line now and then.

export interface ProgressBar {
  /** `done` of `total` rows of a phase. A new phase begins a new bar. */
  show(phase: string, done: number, total: number): void
  /** Prints a line above the bar. */
  line(text: string): void
  end(): void
}

interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const width = 30
const lineEveryMs = 10_000
const redrawEveryMs = 100

export function createProgressBar(output: Output, nowMs = () => performance.now()): ProgressBar {
  let phase = ''
  let startedAtMs = 0
  let firstDone = 0
  let nextAtMs = 0
  let shown = ''
  const clear = () => {
    if (output.isTTY && shown !== '') output.write('\r\u001B[K')
    shown = ''
  }
  const draw = (text: string) => {
    clear()
    output.write(output.isTTY ? text : `${text}\n`)
    shown = text
  }
  return {
    show(name, done, total) {
      const now = nowMs()
      const isNew = name !== phase
      if (isNew) {
        if (shown !== '' && output.isTTY) output.write('\n')
        shown = ''
        ;[phase, startedAtMs, firstDone, nextAtMs] = [name, now, done, now]
      }
      if (now < nextAtMs && done < total) return
      nextAtMs = now + (output.isTTY ? redrawEveryMs : lineEveryMs)
      draw(barOf(name, { done, total, doneHere: done - firstDone, elapsedMs: now - startedAtMs }))
    },
    line(text) {
      const previous = shown
      clear()
      output.write(`${text}\n`)
      if (output.isTTY && previous !== '') draw(previous)
    },
    end() {
      if (output.isTTY && shown !== '') output.write('\n')
      shown = ''
    },
  }
}

interface Step {
  readonly done: number
  readonly total: number
  /** Without what an earlier load had done. */
  readonly doneHere: number
  readonly elapsedMs: number
}

/** For example `payments   ███████░░░░░░  54 %  12,300/s  1:05 left`. */
function barOf(phase: string, { done, total, doneHere, elapsedMs }: Step): string {
  const share = total === 0 ? 1 : done / total
  const full = Math.round(share * width)
  const bar = '█'.repeat(full) + '░'.repeat(width - full)
  const perSecond = elapsedMs > 0 ? (doneHere * 1000) / elapsedMs : 0
  const rate = perSecond > 0 ? `  ${Math.round(perSecond).toLocaleString('en')}/s` : ''
  const left = perSecond > 0 && done < total ? `  ${clock((total - done) / perSecond)} left` : ''
  const percent = String(Math.floor(share * 100)).padStart(3)
  return `${phase.padEnd(10)} ${bar} ${percent} %${rate}${left}`
}

function clock(seconds: number): string {
  const whole = Math.ceil(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

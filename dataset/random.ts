// Repeatable random numbers. Each section of the data set has its own generator, so that a change in one does
// not affect the others.

/** The generator xoshiro128** 1.1 (Blackman and Vigna, 2018), 32 bits a draw. Not for secrets. */
export class Random {
  readonly #key: number
  #a = 0
  #b = 0
  #c = 0
  #d = 0

  /** The same seed, section and index always give the same numbers. */
  constructor(seed: number, section: string, index = 0) {
    this.#key = hashText(`${seed}/${section}`)
    this.restart(index)
  }

  /** Restarts as number `index` of the section, independent of earlier draws. */
  restart(index: number): void {
    // Chained, so that neighbouring indexes share no part of the state.
    this.#a = scramble(index ^ this.#key)
    this.#b = scramble((this.#a + 0x9e3779b9) | 0)
    this.#c = scramble((this.#b + this.#key) | 0)
    this.#d = scramble((this.#c ^ index) + 0x85ebca6b) | 1
  }

  /** Draws 32 bits as an unsigned integer. */
  bits(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = rotateLeft(this.#d, 11)
    return result
  }

  /** Draws a number of at least 0 and below 1. */
  next(): number {
    return this.bits() / 4294967296
  }

  /** Draws an integer of at least 0 and below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!
  }

  /** Draws from a log-normal distribution; `sigma` is the standard deviation of the logarithm. */
  logNormal(median: number, sigma: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()))
    return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * this.next()))
  }
}

/** Draws from `values` in proportion to `weights`, in constant time (Walker's alias method). */
export class Weighted<T> {
  readonly #values: readonly T[]
  readonly #keep: Float64Array
  readonly #alias: Int32Array

  constructor(values: readonly T[], weights: readonly number[]) {
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    if (weights.length !== values.length || !(total > 0))
      throw new RangeError(`${values.length} values have ${weights.length} weights, together ${total}`)
    this.#values = values
    this.#keep = Float64Array.from(weights, (weight) => (weight * values.length) / total)
    this.#alias = Int32Array.from(values, (_, index) => index)
    const small = [...this.#keep.keys()].filter((index) => this.#keep[index]! < 1)
    const large = [...this.#keep.keys()].filter((index) => this.#keep[index]! >= 1)
    for (let low = small.pop(); low !== undefined; low = small.pop()) {
      const high = large.at(-1)
      if (high === undefined) break // the rest is a rounding error
      this.#alias[low] = high
      this.#keep[high]! -= 1 - this.#keep[low]!
      if (this.#keep[high]! < 1) small.push(large.pop()!)
    }
  }

  draw(random: Random): T {
    const at = random.next() * this.#keep.length
    const index = Math.floor(at)
    return this.#values[at - index < this.#keep[index]! ? index : this.#alias[index]!]!
  }
}

/**
 * Divides `total` into whole parts in proportion to `weights`: each part is rounded down, and the rest goes
 * to the largest remainders. If `total` is large enough, no part is 0.
 */
export function apportion(total: number, weights: readonly number[]): number[] {
  const floor = total >= weights.length ? 1 : 0
  const spare = total - floor * weights.length
  const sum = weights.reduce((a, b) => a + b, 0)
  const exact = weights.map((weight) => (spare * weight) / sum)
  const parts = exact.map((value) => floor + Math.floor(value))
  const missing = total - parts.reduce((a, b) => a + b, 0)
  const remainder = (index: number): number => exact[index]! - Math.floor(exact[index]!)
  const order = [...weights.keys()].toSorted((a, b) => remainder(b) - remainder(a) || a - b)
  for (const index of order.slice(0, missing)) parts[index]! += 1
  return parts
}

/** Weights by Zipf's law: 1, 1/2ˢ, 1/3ˢ … */
export const zipf = (count: number, exponent = 1): number[] =>
  Array.from({ length: count }, (_, rank) => 1 / (rank + 1) ** exponent)

const rotateLeft = (value: number, by: number): number => (value << by) | (value >>> (32 - by))

/** The finalizer of MurmurHash3: each bit of the input changes about half the bits of the output. */
function scramble(value: number): number {
  let hash = value ^ (value >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** Hashes UTF-16 code units by FNV-1a. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return scramble(hash)
}

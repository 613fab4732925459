// Names and their numbers: counter blocks store small numbers, and a list of the names that the numbers stand
// for.

import type { CorridorId, ProjectId } from '../../schema/values/id.ts'
import type { LoggedPayment } from '../log/entry.ts'

/** Half of a 32-bit word holds a name's number. */
const numberMax = 0xffff

/** Numbers names from 0, in the order in which they are added. */
export class Names {
  readonly list: string[]
  readonly #numbers: Map<string, number>

  constructor(list: readonly string[] = []) {
    this.list = [...list]
    this.#numbers = new Map(list.map((name, number) => [name, number]))
  }

  /**
   * The number of `name`; a new name gets the next one. Throws RangeError when there are more than 65,536
   * names.
   */
  numberOf(name: string): number {
    let number = this.#numbers.get(name)
    if (number === undefined) {
      number = this.list.length
      if (number > numberMax)
        throw new RangeError(`a block has at most ${number} names: no number for "${name}"`)
      this.list.push(name)
      this.#numbers.set(name, number)
    }
    return number
  }
}

/**
 * A corridor with what its payments are filtered by. All of it follows from the payment, and is counted under
 * one name.
 */
export interface Lane {
  readonly corridor: CorridorId
  readonly direction: string
  readonly merchantCountry: string
  /** Empty for a corridor without a project. */
  readonly project: ProjectId
}

export const laneName = ({ corridor, direction, merchantCountry, project }: LoggedPayment): string =>
  `${corridor} ${direction} ${merchantCountry} ${project ?? ''}`

/** Reads the name of a lane. Names of other facets give a lane that means nothing. */
export function laneOf(name: string): Lane {
  const [corridor = '', direction = '', merchantCountry = '', project = ''] = name.split(' ')
  return { corridor: corridor as CorridorId, direction, merchantCountry, project: project as ProjectId }
}

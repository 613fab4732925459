// A check: one sentence about the database that is true or not, with how much was checked and what was found
// against it.

/** The most violations of one check that are kept with their text. */
const keptMax = 5

/** A sentence about the database, and what was found against it. */
export class Check {
  /** Short name, such as `postings`. */
  readonly name: string
  /** The sentence that holds for a true database. */
  readonly claim: string
  /** How many objects were checked. */
  checked = 0
  /** How many violations were found. */
  failed = 0
  /** The first violations: an id, and what is wrong with it. */
  readonly violations: string[] = []

  constructor(name: string, claim: string) {
    this.name = name
    this.claim = claim
  }

  /** Adds a violation: the id of the object, and what is wrong with it. */
  fail(id: string, text: string): void {
    this.failed++
    if (this.violations.length < keptMax) this.violations.push(`${id}: ${text}`)
  }

  /** Counts one object, which is a violation unless `holds`. */
  expect(holds: boolean, id: string, text: () => string): void {
    this.checked++
    if (!holds) this.fail(id, text())
  }
}

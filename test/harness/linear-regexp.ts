// Decides whether a regular expression can take more than linear time. A backtracking matcher repeats work
// where two paths through the expression read the same text. Such paths are found in its automaton: two
// from a state back to itself take exponential time, and a loop that a text can leave for a second loop of
// the same text takes quadratic time (Weber and Seidl, On the degree of ambiguity of finite automata, 1991).

import ts from 'typescript'

/** The regular expressions that a source text has as literals. */
export function regularExpressionsOf(text: string): readonly RegExp[] {
  const found: RegExp[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/')
      found.push(new RegExp(node.text.slice(1, end), node.text.slice(end + 1)))
    }
    ts.forEachChild(node, visit)
  }
  const options = {
    languageVersion: ts.ScriptTarget.Latest,
    jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
  }
  visit(ts.createSourceFile('a.ts', text, options))
  return found
}

type Node =
  | { readonly kind: 'atom'; readonly source: string }
  | { readonly kind: 'empty' | 'start' | 'condition' }
  | { readonly kind: 'dead' }
  | { readonly kind: 'sequence' | 'choice'; readonly of: readonly Node[] }
  | { readonly kind: 'repeat'; readonly of: Node; readonly min: number; readonly max: number }

/** The reason why `pattern` is not known to be linear; null when it is. */
export function superlinear({ source, flags }: RegExp): string | null {
  const tree = new Parser(source).parse()
  if (typeof tree === 'string') return tree
  return ambiguityOf(new Automaton(tree, flags))
}

/** Reads the syntax of ECMAScript without the flag `v`. */
class Parser {
  readonly #source: string
  #at = 0
  #refusal: string | null = null

  constructor(source: string) {
    this.#source = source
  }

  parse(): Node | string {
    const tree = this.#choice()
    return this.#refusal ?? tree
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    const sticky = new RegExp(pattern.source, 'suy')
    sticky.lastIndex = this.#at
    const found = sticky.exec(this.#source)
    if (found) this.#at += found[0].length
    return found
  }

  #choice(): Node {
    const of = [this.#sequence()]
    while (this.#take(/\|/)) of.push(this.#sequence())
    return of.length === 1 ? of[0]! : { kind: 'choice', of }
  }

  #sequence(): Node {
    const of: Node[] = []
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source[this.#at]!)) of.push(this.#term())
    return { kind: 'sequence', of }
  }

  #term(): Node {
    const of = this.#single()
    const [found, least, comma, most] = this.#take(/(?:[*+?]|\{(\d+)(,)?(\d+)?\})\??/) ?? []
    if (!found) return of
    const range = { '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] }[found[0]!]
    const [min, max] = range ?? [Number(least), comma ? Number(most ?? Infinity) : Number(least)]
    return { kind: 'repeat', of, min: min!, max: max! }
  }

  #single(): Node {
    if (this.#take(/\^/)) return { kind: 'start' }
    if (this.#take(/\$|\\[bB]/)) return { kind: 'condition' }
    if (this.#take(/\\[1-9]|\\k</)) return this.#refuse('a back reference')
    if (this.#take(/\(\?<[=!]/)) {
      // Read backwards from where it stands: a bounded one takes bounded time.
      if (isUnbounded(this.#group())) return this.#refuse('a lookbehind without bounds')
      return { kind: 'condition' }
    }
    // A lookahead is read, and then what follows is read from the same place.
    if (this.#take(/\(\?[=!]/)) {
      const ahead: Node = { kind: 'sequence', of: [this.#group(), { kind: 'dead' }] }
      return { kind: 'choice', of: [ahead, { kind: 'condition' }] }
    }
    if (this.#take(/\((?:\?:|\?<\w+>)?/)) return this.#group()
    const atom = this.#take(
      /\[(?:\\.|[^\]\\])*\]|\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|c.|.)|[^\\]/,
    )
    return atom ? { kind: 'atom', source: atom[0] } : this.#refuse('an unknown syntax')
  }

  #group(): Node {
    const inner = this.#choice()
    this.#take(/\)/)
    return inner
  }

  #refuse(reason: string): Node {
    this.#refusal ??= reason
    return { kind: 'empty' }
  }
}

function isUnbounded(node: Node): boolean {
  if (node.kind === 'repeat') return node.max === Infinity || isUnbounded(node.of)
  return (node.kind === 'sequence' || node.kind === 'choice') && node.of.some(isUnbounded)
}

/** Characters by which expressions differ: all of the first blocks, and some of every other one. */
const alphabet: readonly string[] = [
  ...Array.from({ length: 0x400 }, (_, code) => code),
  ...Array.from({ length: 0x800 }, (_, n) => 0x400 + n * 61),
  0x200b,
  0x2028,
  0x2029,
  0x3000,
  0xd800,
  0xdc00,
  0xdfff,
  0xfeff,
  0xff11,
  0xfffd,
].map((code) => String.fromCodePoint(code))

/**
 * A transition that reads a character. Its `ways` are the paths without a character that lead to it: two of
 * them read the same text twice.
 */
interface Edge {
  readonly to: number
  readonly ways: number
}

/** A part of the expression that reads a character, with what may follow it. */
interface Place {
  readonly reads: (character: string) => boolean
  /** Adds what can come next, by every path. */
  next: (visit: Visit) => void
}

interface Visit {
  readonly place: (place: Place) => void
  readonly accept: () => void
  readonly isAtStart: boolean
  /** Whether the way here depends on what surrounds it. */
  isConditional: boolean
  readonly open: Set<object>
}

type Follow = (visit: Visit) => void

class Automaton {
  /** For each state and class of characters, its transitions. */
  readonly edges: Edge[][][] = []
  /** States from which the expression has matched already, so that nothing is tried again. */
  readonly accepts: boolean[] = []
  readonly #classes: readonly string[]
  readonly #places = new Map<Place, number>()
  readonly #flags: string
  readonly #atoms = new Map<string, (character: string) => boolean>()

  constructor(tree: Node, flags: string) {
    this.#flags = flags.replace(/[gy]/g, '')
    this.#collect(tree)
    const bySignature = new Map<string, string>()
    for (const character of alphabet) {
      const signature = [...this.#atoms.values(), isWord].map((reads) => Number(reads(character))).join('')
      if (!bySignature.has(signature)) bySignature.set(signature, character)
    }
    this.#classes = [...bySignature.values()]
    const whole = this.#compile(tree, (visit) => visit.accept())
    const begin: Place = { reads: () => false, next: whole }
    this.#explore(begin, true)
    // Without the flag `y`, a search begins at each character.
    if (!flags.includes('y')) this.#search(tree, whole)
  }

  /** A search skips any characters; before a leading `\b`, the last one that is skipped is no letter. */
  #search(tree: Node, whole: Follow): void {
    const isAtWord = startsAtWord(tree, this.#atoms)
    const skipped: Place = { reads: () => true, next: () => {} }
    const last: Place = { reads: (character) => !isAtWord || !isWord(character), next: () => {} }
    skipped.next = (visit) => {
      visit.place(skipped)
      visit.place(last)
    }
    last.next = whole
    this.#explore(skipped, false)
  }

  #collect(node: Node): void {
    if (node.kind === 'atom') {
      const whole = new RegExp(`^(?:${node.source})$`, this.#flags)
      this.#atoms.set(node.source, (character) => whole.test(character))
    } else if (node.kind === 'repeat') this.#collect(node.of)
    else if (node.kind === 'sequence' || node.kind === 'choice') node.of.forEach((one) => this.#collect(one))
  }

  /** What is visited at the begin of a part, when `follow` comes after it. */
  #compile(node: Node, follow: Follow): Follow {
    switch (node.kind) {
      case 'empty':
        return follow
      case 'dead':
        return () => {}
      case 'start':
        return (visit) => {
          if (visit.isAtStart || this.#flags.includes('m')) follow(visit)
        }
      case 'condition':
        return (visit) => {
          const before = visit.isConditional
          visit.isConditional = true
          follow(visit)
          visit.isConditional = before
        }
      case 'atom': {
        const place: Place = { reads: this.#atoms.get(node.source)!, next: follow }
        return (visit) => visit.place(place)
      }
      case 'sequence':
        return node.of.reduceRight<Follow>((after, one) => this.#compile(one, after), follow)
      case 'choice': {
        const all = node.of.map((one) => this.#compile(one, follow))
        return (visit) => all.forEach((one) => one(visit))
      }
      case 'repeat':
        return this.#repeat(node, follow)
    }
  }

  #repeat({ of, min, max }: Extract<Node, { kind: 'repeat' }>, follow: Follow): Follow {
    let rest: Follow = follow
    if (max - min > copiesMax) {
      const loop = {}
      let body: Follow = () => {}
      rest = (visit) => {
        // A repetition that reads nothing ends the loop.
        if (visit.open.has(loop)) return
        visit.open.add(loop)
        body(visit)
        visit.open.delete(loop)
        follow(visit)
      }
      body = this.#compile(of, rest)
    } else {
      for (let n = min; n < max; n++) {
        const once = this.#compile(of, rest)
        rest = (visit) => {
          once(visit)
          follow(visit)
        }
      }
    }
    for (let n = 0; n < min; n++) rest = this.#compile(of, rest)
    return rest
  }

  /** Adds the state after `place`, and all states that follow. */
  #explore(first: Place, isAtStart: boolean): void {
    const waiting: Place[] = []
    const stateOf = (place: Place): number => {
      let state = this.#places.get(place)
      if (state === undefined) {
        this.#places.set(place, (state = this.#places.size))
        waiting.push(place)
      }
      return state
    }
    stateOf(first)
    for (let place = waiting.pop(); place; place = waiting.pop()) {
      const state = stateOf(place)
      const found = new Map<Place, number>()
      let accepts = false
      const visit: Visit = {
        place: (next) => found.set(next, (found.get(next) ?? 0) + 1),
        accept: () => {
          accepts ||= !visit.isConditional
        },
        isAtStart: isAtStart && place === first,
        isConditional: false,
        open: new Set(),
      }
      place.next(visit)
      this.accepts[state] = accepts
      this.edges[state] = this.#classes.map((character) =>
        [...found].flatMap(([next, ways]) => (next.reads(character) ? [{ to: stateOf(next), ways }] : [])),
      )
    }
  }
}

/** A part that repeats more often than this counts as repeated without end, which only adds paths. */
const copiesMax = 100

const isWord = (character: string): boolean => /\w/.test(character)

/** Whether the expression begins with `\b` and a letter, digit or underscore. */
function startsAtWord(tree: Node, atoms: ReadonlyMap<string, (character: string) => boolean>): boolean {
  if (tree.kind !== 'sequence') return false
  const [boundary, first] = tree.of
  return (
    boundary?.kind === 'condition' &&
    first !== undefined &&
    firstsOf(first).every((source) => {
      const reads = source === null ? null : atoms.get(source)!
      return reads !== null && alphabet.every((character) => !reads(character) || isWord(character))
    })
  )
}

/** The atoms with which a part can begin; null for what can be empty. */
function firstsOf(node: Node): readonly (string | null)[] {
  if (node.kind === 'atom') return [node.source]
  if (node.kind === 'choice') return node.of.flatMap(firstsOf)
  if (node.kind === 'sequence') return node.of[0] ? firstsOf(node.of[0]) : [null]
  return node.kind === 'repeat' && node.min > 0 ? firstsOf(node.of) : [null]
}

function ambiguityOf({ edges, accepts }: Automaton): string | null {
  const next = edges.map((ofState) => [...new Set(ofState.flat().map(({ to }) => to))])
  const targets = (state: number) => next[state]!
  const loops = new Map<number, ReadonlySet<number>>()
  for (const state of edges.keys()) {
    const reached = reach(targets(state), targets)
    if (reached.has(state))
      loops.set(state, new Set([...reached].filter((to) => reach([to], targets).has(state))))
  }
  // A loop of states that can fail: what has matched is never tried again.
  const failing = [...loops].filter(([state]) => !accepts[state])
  for (const [state, loop] of failing) if (isExponential(edges, accepts, state, loop)) return 'exponential'
  for (const [q, ofQ] of failing) {
    for (const [p, ofP] of loops)
      if (p !== q && isQuadratic(edges, accepts, [p, ofP], [q, ofQ])) return 'quadratic'
  }
  return null
}

function reach(from: readonly number[], targets: (state: number) => readonly number[]): Set<number> {
  const reached = new Set(from)
  for (const state of reached) for (const to of targets(state)) reached.add(to)
  return reached
}

/** Whether two paths of one text lead from `state` back to it, through states that can fail. */
function isExponential(
  edges: readonly Edge[][][],
  accepts: readonly boolean[],
  state: number,
  loop: ReadonlySet<number>,
): boolean {
  const stays = ({ to }: Edge) => loop.has(to) && !accepts[to]
  const seen = new Set([`${state} ${state} 0`])
  const waiting: [number, number, 0 | 1][] = [[state, state, 0]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [left, right, differs] = next
    for (const [character, ofLeft] of edges[left]!.entries()) {
      for (const one of ofLeft.filter(stays)) {
        for (const other of edges[right]![character]!.filter(stays)) {
          const isOther = one.to !== other.to || (left === right && one.ways > 1)
          const now: [number, number, 0 | 1] = [one.to, other.to, isOther ? 1 : differs]
          if (now[0] === state && now[1] === state && now[2] === 1) return true
          if (seen.has(now.join(' '))) continue
          seen.add(now.join(' '))
          waiting.push(now)
        }
      }
    }
  }
  return false
}

/** Whether one text leads from p to p, from p to q and from q to q. */
function isQuadratic(
  edges: readonly Edge[][][],
  accepts: readonly boolean[],
  [p, ofP]: readonly [number, ReadonlySet<number>],
  [q, ofQ]: readonly [number, ReadonlySet<number>],
): boolean {
  const seen = new Set<string>()
  const waiting: [number, number, number][] = [[p, p, q]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [a, b, c] = next
    for (const character of edges[a]!.keys()) {
      for (const { to: toA } of edges[a]![character]!.filter(({ to }) => ofP.has(to))) {
        for (const { to: toC } of edges[c]![character]!.filter(({ to }) => ofQ.has(to) && !accepts[to])) {
          for (const { to: toB } of edges[b]![character]!) {
            if (toA === p && toB === q && toC === q) return true
            const key = `${toA} ${toB} ${toC}`
            if (seen.has(key)) continue
            seen.add(key)
            waiting.push([toA, toB, toC])
          }
        }
      }
    }
  }
  return false
}

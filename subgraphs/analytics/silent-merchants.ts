// Merchants that were paid regularly and are not paid any more. A page reads at most `blocksMax` blocks of
// merchants' months in the order of ids, so its cost is bounded however many merchants there are: it may have
// fewer rows than requested, and a next page all the same.

import type { Db } from 'mongodb'
import type { MerchantId } from '../../schema/values/id.ts'
import { orThrow, ProblemError, refuse } from '../../schema/values/problems.ts'
import { publishedOf, resultsOf } from '../log/checkpoint.ts'
import { inSlices, type Steps } from '../platform/async/slices.ts'
import { readForClient } from '../platform/mongo/client-reads.ts'
import { demandScope, isOperator } from '../shared/access.ts'
import { pagesOf, type Connection, type PageArguments } from '../shared/page.ts'
import type { Registry } from '../shared/registry.ts'
import type { RequestContext } from '../shared/viewer.ts'
import { activityProjectionName } from './activity-projection.ts'
import { merchantOfBlock, openActivity, type MerchantBlock } from './block-store.ts'
import { CounterBlock } from './counter-block.ts'
import { Names } from './names.ts'
import { dayMs, daysUpTo, monthStart } from './range.ts'

export interface SilentMerchantsArguments extends PageArguments {
  readonly days: number
  readonly minPayments: number
}

export interface SilentMerchant {
  readonly merchant: { readonly id: MerchantId }
  /** In the 28 days before the silence. */
  readonly payments: number
  /** The minute of the last payment. */
  readonly lastPaymentAt: Date
}

export interface SilentMerchantsDependencies {
  readonly db: Db
  readonly registry: Registry
  readonly now: () => Date
}

const usualDays = 28
const silentDaysMax = 60
const blocksMax = 2_000
const pages = pagesOf('silentMerchants', ['string'], 100)

/**
 * Merchants of an acquirer, or all for the operator, in order of id. Throws a refusal with FORBIDDEN,
 * BAD_PAGE, BAD_VALUE or CURSOR_INVALID.
 */
export async function silentMerchants(
  { db, registry, now }: SilentMerchantsDependencies,
  { days, minPayments, ...args }: SilentMerchantsArguments,
  context: RequestContext,
): Promise<Connection<SilentMerchant>> {
  demandScope(context, 'analytics:read')
  const { participant } = context.viewer
  const isAcquirer = registry.participants.get(participant)?.roles.includes('ACQUIRER') ?? false
  if (!isOperator(context) && !isAcquirer) {
    throw new ProblemError(refuse('FORBIDDEN', `${participant} is not an acquirer`))
  }
  const page = orThrow(pages.read(args))
  checkBetween('days', days, silentDaysMax)
  checkBetween('minPayments', minPayments, 1_000_000)
  const { from: silentFrom, to } = daysUpTo(now(), days)
  const usualFrom = silentFrom - usualDays * dayMs
  const { epoch } = await publishedOf(db, activityProjectionName)
  const store = openActivity(resultsOf(db, epoch))
  const blocks = await readForClient(db, 'list', () =>
    store.merchantsAfter({
      acquirer: isOperator(context) ? null : participant,
      after: (page.after?.[0] ?? null) as MerchantId | null,
      from: monthStart(usualFrom),
      max: blocksMax,
    }),
  )
  const isLast = blocks.length < blocksMax
  const found = await inSlices(
    silentIn(isLast ? blocks : wholeMerchants(blocks), { usualFrom, silentFrom, to, minPayments }),
    context.loopTime,
  )
  const connection = pages.connection(page, found, ({ merchant }) => [merchant.id])
  if (isLast || found.length > page.size) return connection
  const readTo = merchantOfBlock(wholeMerchants(blocks).at(-1)!)
  const pageInfo = { ...connection.pageInfo, hasNextPage: true, endCursor: pages.cursor([readTo]) }
  return { ...connection, pageInfo }
}

function checkBetween(name: string, value: number, max: number): void {
  if (value >= 1 && value <= max) return
  throw new ProblemError(refuse('BAD_VALUE', `\`${name}\` is 1–${max}, not ${value}`, [name]))
}

/** Without the last merchant, of which more blocks may follow. */
function wholeMerchants(blocks: readonly MerchantBlock[]): readonly MerchantBlock[] {
  const last = merchantOfBlock(blocks.at(-1)!)
  return blocks.filter((block) => merchantOfBlock(block) !== last)
}

interface Spans {
  readonly usualFrom: number
  readonly silentFrom: number
  readonly to: number
  readonly minPayments: number
}

function* silentIn(
  blocks: readonly MerchantBlock[],
  { usualFrom, silentFrom, to, minPayments }: Spans,
): Steps<SilentMerchant[]> {
  const silent: SilentMerchant[] = []
  for (const [id, months] of Map.groupBy(blocks, merchantOfBlock)) {
    let payments = 0
    let last = 0
    for (const month of months) {
      const cell = new CounterBlock(month, new Names()).cells()
      while (cell.next()) {
        const { time } = cell
        if (time < usualFrom || time >= to || cell.payments === 0) continue
        last = Math.max(last, time)
        if (time < silentFrom) payments += cell.payments
      }
    }
    if (payments >= minPayments && last < silentFrom) {
      silent.push({ merchant: { id }, payments, lastPaymentAt: new Date(last) })
    }
    yield
  }
  return silent
}

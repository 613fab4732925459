// Exports merchants as a file, in order of id: an acquirer its own, the operator all. A page is read when the
// client has taken the one before.

import type { MerchantId } from '../../schema/values/id.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import { isOperator } from '../shared/access.ts'
import { csvLine, csvText } from '../shared/csv.ts'
import type { Registry } from '../shared/registry.ts'
import type { RequestContext } from '../shared/viewer.ts'
import { merchantColumns, type BulkFormat } from './bulk-rows.ts'
import type { MerchantStore } from './merchant-store.ts'
import type { Merchant } from './merchant.ts'

const pageRows = 200

export function merchantRows(
  { store, registry }: { readonly store: MerchantStore; readonly registry: Registry },
  context: RequestContext,
  format: BulkFormat,
  after: string | null,
): AsyncIterable<string> | Refusal {
  const { participant } = context.viewer
  const isAcquirer = registry.participants.get(participant)?.roles.includes('ACQUIRER') ?? false
  if (!isOperator(context) && !isAcquirer) return refuse('FORBIDDEN', `${participant} is not an acquirer`)
  const pageAfter = (id: MerchantId | null): Promise<Merchant[]> =>
    isOperator(context) ? store.pageOfAll(id, pageRows) : store.pageOfAcquirer(participant, id, pageRows)
  return pages(pageAfter, format, after as MerchantId | null)
}

async function* pages(
  pageAfter: (id: MerchantId | null) => Promise<Merchant[]>,
  format: BulkFormat,
  after: MerchantId | null,
): AsyncGenerator<string, void> {
  if (format === 'csv') yield csvLine(['id', 'status', ...merchantColumns])
  for (let last = after; ;) {
    const page = await pageAfter(last)
    if (page.length > 0) yield page.map(format === 'csv' ? csvOf : jsonOf).join('')
    if (page.length < pageRows) return
    last = page.at(-1)!.id
  }
}

const jsonOf = ({ id, status, ...merchant }: Merchant): string => {
  const { mid, name, localName, mcc, scenario, country, city, location, online } = merchant
  const { entryModes, qrProducts } = merchant
  const input = {
    mid,
    name,
    localName,
    mcc,
    scenario,
    country,
    city,
    location,
    online,
    entryModes,
    qrProducts,
  }
  return `${JSON.stringify({ id, status, ...input })}\n`
}

const csvOf = ({ location, ...merchant }: Merchant): string =>
  csvLine([
    csvText(merchant.id),
    merchant.status,
    csvText(merchant.mid),
    csvText(merchant.name),
    csvText(merchant.localName ?? ''),
    merchant.mcc,
    merchant.scenario,
    merchant.country,
    csvText(merchant.city),
    location ? String(location.lat) : '',
    location ? String(location.lng) : '',
    String(merchant.online),
    merchant.entryModes.join(' '),
    csvText(merchant.qrProducts.join(' ')),
  ])

// The programme's figures about merchants that take payments.

import type { QrProductId } from '../../schema/values/id.ts'
import type { Coverage } from './coverage.ts'
import type { QrProduct } from './merchant.ts'

const mainland = 'CN'

export interface ProgrammeFigures {
  readonly mainlandMerchants: number
  readonly qrProducts: number
  readonly onlineMerchants: number
  readonly foreignMerchants: number
}

/** `coverage` has all merchants, without a filter. */
export const programmeFigures = (
  coverage: Coverage,
  products: ReadonlyMap<QrProductId, QrProduct>,
): ProgrammeFigures => ({
  mainlandMerchants: coverage.count(({ country, scenario }) => country === mainland && scenario !== 'ONLINE'),
  qrProducts: [...products.values()].filter((product) => product.acceptsForeignWallets).length,
  onlineMerchants: coverage.count(({ country, online }) => country === mainland && online),
  foreignMerchants: coverage.count(({ country }) => country !== mainland),
})

// Aggregated QR products of the mainland: one sticker that many wallets can pay. Abroad each scheme has its
// own sticker.

import type { QrProductId } from '../schema/values/id.ts'
import type { QrProduct } from '../subgraphs/merchant/index.ts'
import { mainland } from './countries.ts'
import { productNames } from './names.ts'

/** As the programme reports in August 2025; `domesticOnly` is invented. */
const acceptingForeignWallets = 232
const domesticOnly = 18

/** Returns products with ids "qr-cn-001" and so on; the first ones accept foreign wallets. */
export function makeProducts(seed: number): QrProduct[] {
  return productNames(seed, acceptingForeignWallets + domesticOnly).map((name, index) => ({
    id: `qr-cn-${String(index + 1).padStart(3, '0')}` as QrProductId,
    name,
    country: mainland.code,
    acceptsForeignWallets: index < acceptingForeignWallets,
    version: 1,
  }))
}

// Which payment scheme a code belongs to. Facts from the schemes' own public specifications and codes in the field.

import type { Template } from './mpm.ts'

/** Beginnings of globally unique identifiers (sub-field 00), in capitals, and whose they are. */
const byIdentifier: readonly (readonly [string, string])[] = [
  ['A000000677', 'PromptPay'], // …010111 credit transfer, …010112 bill payment, …010113 cross-border
  ['A000000727', 'VietQR'],
  ['ID.CO.QRIS.WWW', 'QRIS'],
  ['A005266284662577', 'LAO QR'],
  ['SG.SGQR', 'SGQR'],
  ['SG.PAYNOW', 'PayNow'],
  ['PH.PPMI.', 'QR Ph'],
  ['COM.P2PQRPAY', 'QR Ph'],
  ['A000000615', 'DuitNow'],
  ['BR.GOV.BCB.PIX', 'PIX'],
  ['LK.LANKAQR', 'LankaQR'],
  ['COM.ZEROPAY', 'ZeroPay'],
  ['KR.OR.ZEROPAY', 'ZeroPay'],
  ['JP.OR.PAYMENTSJAPAN', 'JPQR'],
  ['HK.COM.HKICL', 'FPS'],
  ['CO.COM.RBM.', 'Redeban'],
]

/** Countries with one national code whose accounts bear the identifiers of the single institutions. */
const byCountry: Readonly<Record<string, string>> = {
  AR: 'Transferencias 3.0',
  ID: 'QRIS',
  KH: 'KHQR',
  LK: 'LankaQR',
}

/** Ids 02–16, as EMVCo gave them to the card schemes. */
const byTag: readonly (readonly [number, string])[] = [
  [16, 'UnionPay'],
  [14, 'JCB'],
  [12, 'American Express'],
  [10, 'Discover'],
  [5, 'Mastercard'],
  [3, 'Visa'],
]

/**
 * The scheme of a code with these merchant accounts, null when it is none that is known here. A national identifier
 * counts more than the country, and that more than the card schemes that are there beside it.
 */
export function schemeOf(accounts: readonly Template[], country: string | null): string | null {
  return schemeByIdentifier(accounts) ?? byCountry[country ?? ''] ?? schemeByTag(accounts)
}

/** From the last account to the first: SGQR and QRIS put the identifier of the whole code into 51. */
function schemeByIdentifier(accounts: readonly Template[]): string | null {
  for (let at = accounts.length - 1; at >= 0; at--) {
    const identifier = accounts[at]!.guid?.toUpperCase()
    if (!identifier) continue
    for (const [beginning, scheme] of byIdentifier) if (identifier.startsWith(beginning)) return scheme
  }
  return null
}

function schemeByTag(accounts: readonly Template[]): string | null {
  const tags = accounts.map((account) => Number(account.tag))
  for (const [last, scheme] of byTag) if (tags.some((tag) => tag === last || tag === last - 1)) return scheme
  return null
}

/** Registered application providers (the first five bytes of an application id), and whose they are. */
const byProvider: Readonly<Record<string, string>> = {
  A000000333: 'UnionPay',
  A000000003: 'Visa',
  A000000004: 'Mastercard',
  A000000025: 'American Express',
  A000000065: 'JCB',
  A000000152: 'Discover',
}

/** The scheme of an application id in hexadecimal capitals, null when it is none that is known here. */
export const schemeOfApplication = (aid: string): string | null => byProvider[aid.slice(0, 10)] ?? null

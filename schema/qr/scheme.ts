// Determines the payment scheme of a code: by the identifier of an account, then by the tag of a card scheme,
// and by the country as a last resort.

import type { Template } from './mpm.ts'

/** The source of an identifier that was not found in a public document of its scheme. */
const inUse = 'printed codes and open-source libraries; no public specification found'

/** A scheme with a registered identifier: the first value inside its merchant account. */
export interface SchemeRow {
  readonly scheme: string
  /** The start of sub-field 00, in capitals. */
  readonly identifier: string
  /** The country of a national scheme, which takes precedence in codes of that country. */
  readonly country: string | null
  /** The document that gives the identifier. */
  readonly source: string
}

/** One row for each start of an identifier. */
const rows = (
  country: string | null,
  scheme: string,
  identifiers: readonly string[],
  source: string,
): SchemeRow[] => identifiers.map((identifier) => ({ scheme, identifier, country, source }))

/**
 * Schemes by identifier, in order of precedence: a code that several schemes share belongs to the first one.
 * So a national code comes before its networks, and wallets come last.
 *
 * No identifier was found in public for Kazakhstan and the United Arab Emirates.
 */
export const schemeRows: readonly SchemeRow[] = [
  ...rows('SG', 'SGQR', ['SG.SGQR'], 'SGQR Specifications, Monetary Authority of Singapore and IMDA'),
  ...rows('SG', 'PayNow', ['SG.PAYNOW'], 'PayNow QR Specifications, Association of Banks in Singapore'),
  ...rows('SG', 'NETS', ['SG.COM.NETS'], inUse),
  ...rows(
    'ID',
    'QRIS',
    ['ID.CO.QRIS.', 'ID.OR.GPNQR.', 'A000000602'],
    'QRIS, Bank Indonesia; ID.OR.GPNQR is its older form, A000000602 its application provider',
  ),
  ...rows('TH', 'PromptPay', ['A000000677'], 'Thai QR Payment Standard, Bank of Thailand'),
  ...rows(
    'VN',
    'VietQR',
    ['A000000727'],
    'Technical Specifications on NAPAS QR Switching 1.5.2, part IV, NAPAS',
  ),
  ...rows('VN', 'VNPay', ['A000000775'], inUse),
  ...rows('LA', 'LAO QR', ['A005266284662577'], inUse),
  ...rows('KH', 'KHQR', ['KH.GOV.NBC.BAKONG'], inUse),
  ...rows(
    'PH',
    'QR Ph',
    ['PH.PPMI.', 'COM.P2PQRPAY'],
    'National QR Code Standard, Bangko Sentral ng Pilipinas',
  ),
  ...rows('MY', 'DuitNow', ['A000000615'], 'PayNet QR Code Standard, Merchant-Presented Mode 1.2, PayNet'),
  ...rows('MM', 'MMQR', ['COM.MMQRPAY.'], 'Myanmar QR Specification, Central Bank of Myanmar'),
  ...rows('NP', 'NepalPay', ['NCHL'], inUse),
  ...rows('NP', 'Fonepay', ['FONEPAY.COM'], inUse),
  ...rows('LK', 'LankaQR', ['LK.LANKAQR'], inUse),
  ...rows('BD', 'Bangla QR', ['BD.ORG.BB.'], 'Bangla QR, National QR Code Standard, Bangladesh Bank'),
  ...rows('PK', '1LINK', ['A000000736'], inUse),
  ...rows('PK', 'Raast', ['PK.RAAST', 'PK.GOV.SBP.'], inUse),
  ...rows('MN', 'QPay', ['A000000843'], inUse),
  ...rows('UZ', 'Paynet', ['QR-ONLINE.UZ'], inUse),
  ...rows('KR', 'ZeroPay', ['COM.ZEROPAY', 'KR.OR.ZEROPAY'], inUse),
  ...rows('JP', 'JPQR', ['JP.OR.PAYMENTSJAPAN'], 'JPQR MPM guideline, Payments Japan Association'),
  ...rows('HK', 'FPS', ['HK.COM.HKICL'], 'Common QR Code Specification for Retail Payments, HKMA and HKICL'),
  ...rows('BR', 'PIX', ['BR.GOV.BCB.PIX'], 'Manual do BR Code, Banco Central do Brasil'),
  ...rows('CO', 'Redeban', ['CO.COM.RBM.'], 'Especificación QR EMVCo Colombia 1.3, EASPBV, table 1.4'),
  ...rows('CO', 'Credibanco', ['CO.COM.CRB.'], 'Especificación QR EMVCo Colombia 1.3, EASPBV, table 1.4'),
  ...rows('TZ', 'TANQR', ['TZ.GO.BOT.TIPS'], 'TANQR Code Standard, Bank of Tanzania'),
  ...rows('KE', 'KE-QR', ['KE.GO.QR'], 'Kenya QR Code Standard 2023, Central Bank of Kenya'),
  ...rows('NG', 'NQR', ['NG.COM.NIBSS-PLC.'], inUse),
  ...rows(null, 'Alipay+', ['COM.ALIPAY'], inUse),
]

/**
 * Schemes by registered application provider: the first five bytes of an application id. Source: ISO/IEC
 * 7816-5 registrations, as in public lists of application ids; A000000602 from QRIS CPM, Bank Indonesia.
 */
const byProvider: Readonly<Record<string, string>> = {
  A000000333: 'UnionPay',
  A000000003: 'Visa',
  A000000004: 'Mastercard',
  A000000025: 'American Express',
  A000000065: 'JCB',
  A000000152: 'Discover',
  A000000324: 'Discover',
  A000000524: 'RuPay',
  A000000602: 'QRIS',
  A000000615: 'DuitNow',
  A000000677: 'PromptPay',
  A000000727: 'VietQR',
  A000000277: 'Interac',
  A000000384: 'eftpos',
  A000000228: 'mada',
  A000000371: 'Verve',
  A000000651: 'Elo',
  A000000658: 'Mir',
  A000000672: 'Troy',
}

/**
 * Card schemes by the ids that EMVCo assigned to them: the first and the last one. A code of several card
 * schemes belongs to the first row. Source: EMVCo MPM 1.1, table 3.2.
 */
const byTag: readonly (readonly [first: string, last: string, scheme: string])[] = [
  ['15', '16', 'UnionPay'],
  ['13', '14', 'JCB'],
  ['11', '12', 'American Express'],
  ['09', '10', 'Discover'],
  ['04', '05', 'Mastercard'],
  ['02', '03', 'Visa'],
]

/** Schemes of countries with one national code, for codes whose accounts name no scheme. */
const byCountry: Readonly<Record<string, string>> = {
  AR: 'Transferencias 3.0',
  ID: 'QRIS',
  KH: 'KHQR',
  LK: 'LankaQR',
}

/**
 * The scheme of a code with these merchant accounts; null when it is unknown. An identifier inside 26–51
 * comes before the accounts of card schemes in 02–25, and those before the country.
 */
export function schemeOf(accounts: readonly Template[], country: string | null): string | null {
  return (
    schemeByKey(accounts) ??
    schemeByIdentifier(accounts, country) ??
    schemeByForm(accounts, country) ??
    schemeByTag(accounts, country) ??
    byCountry[country ?? ''] ??
    null
  )
}

/** Bre-B: an account with a payment key, in the template of any network. Source: as for Redeban. */
const schemeByKey = (accounts: readonly Template[]): string | null =>
  accounts.some(({ guid }) => /^CO\.COM\.\w+\.LLA/i.test(guid ?? '')) ? 'Bre-B' : null

/** Prefers a scheme of the code's country, then the first row. */
function schemeByIdentifier(accounts: readonly Template[], country: string | null): string | null {
  const identifiers = accounts.flatMap(({ guid }) => (guid === null ? [] : [guid.toUpperCase()]))
  if (identifiers.length === 0) return null
  const found = schemeRows.filter(({ identifier }) => identifiers.some((each) => each.startsWith(identifier)))
  const row = found.find((each) => each.country === country) ?? found.find((each) => each.country !== null)
  return row?.scheme ?? schemeOfIndia(accounts, identifiers) ?? found[0]?.scheme ?? ofProvider(identifiers)
}

/**
 * The National Payments Corporation of India: UPI alone, or Bharat QR beside card schemes. Source: Bharat QR
 * Code Specification 4.0.1.
 */
function schemeOfIndia(accounts: readonly Template[], identifiers: readonly string[]): string | null {
  if (!identifiers.some((identifier) => identifier.startsWith('A000000524'))) return null
  return accounts.some(({ tag }) => tag <= '25') ? 'BharatQR' : 'UPI'
}

const ofProvider = (identifiers: readonly string[]): string | null =>
  identifiers.map(schemeOfApplication).find((scheme) => scheme !== null) ?? null

/** National codes whose identifiers are the institutions' own, so that only their form is known. */
const forms: readonly {
  readonly scheme: string
  readonly country: string
  /** Source: the document that gives the form. */
  readonly source: string
  readonly matches: (account: Template) => boolean
}[] = [
  {
    scheme: 'KHQR',
    country: 'KH',
    source: 'KHQR Code Specification 1.0, National Bank of Cambodia: a Bakong account such as "shop@bank"',
    matches: ({ tag, guid }) => (tag === '29' || tag === '30') && /^[^@\s]+@[^@\s]+$/.test(guid ?? ''),
  },
  {
    scheme: 'LankaQR',
    country: 'LK',
    source: 'LANKAQR Specification 1.3, Central Bank of Sri Lanka: the digits of institution and merchant',
    matches: ({ tag, guid }) => tag >= '26' && /^\d{16,32}$/.test(guid ?? ''),
  },
  {
    scheme: 'Raast',
    country: 'PK',
    source:
      'QR Code Standard P2M, State Bank of Pakistan: the UUID of the scheme in 28; seen in printed codes',
    matches: ({ tag, guid }) => tag === '28' && /^[0-9a-f]{32}$/i.test(guid ?? ''),
  },
  {
    scheme: 'Transferencias 3.0',
    country: 'AR',
    source: 'codes in use: the identifiers of institutions, of which no public list was found',
    matches: ({ tag, guid }) => tag >= '26' && guid !== null,
  },
]

function schemeByForm(accounts: readonly Template[], country: string | null): string | null {
  return forms.find((form) => form.country === country && accounts.some(form.matches))?.scheme ?? null
}

/** In India, 06 to 08 belong to Bharat QR. Source: Bharat QR Code Specification 4.0.1. */
function schemeByTag(accounts: readonly Template[], country: string | null): string | null {
  const isInside = (first: string, last: string) => accounts.some(({ tag }) => tag >= first && tag <= last)
  if (country === 'IN' && isInside('06', '08')) return 'BharatQR'
  return byTag.find(([first, last]) => isInside(first, last))?.[2] ?? null
}

/** The scheme of an application id in hexadecimal capitals; null when it is unknown. */
export const schemeOfApplication = (aid: string): string | null => byProvider[aid.slice(0, 10)] ?? null

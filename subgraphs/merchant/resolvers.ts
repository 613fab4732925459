// GraphQL ↔ domain.

import type { QrProfile } from '../../schema/qr/index.ts'
import { toSvg } from '../../schema/qr/index.ts'
import { isRefusal, orThrow } from '../../schema/values/problems.ts'
import { isOperator } from '../shared/access.ts'
import type { Resolvers } from '../shared/federated-schema.ts'
import type { Loader } from '../platform/async/batching.ts'
import type { PageArguments } from '../shared/page.ts'
import type { Corridor, Registry } from '../shared/registry.ts'
import { categoryOf, countryOf, values } from '../shared/values.ts'
import type { MerchantQueries, CoverageQuestion, MerchantsQuestion } from './merchant-queries.ts'
import type { CodeStore } from './code-store.ts'
import type { IssueCodeInput, MerchantCode } from './code.ts'
import type { CountStore } from './count-store.ts'
import type { Coverage, CoverageDimension } from './coverage.ts'
import type { MerchantService } from './merchant-service.ts'
import type { Bounds } from './hexagon.ts'
import type { Merchant, MerchantInput, QrProduct } from './merchant.ts'
import { programmeFigures } from './programme.ts'
import type { RequestContext } from '../shared/viewer.ts'
import { decodeQr } from './decode-qr.ts'
import type { ParticipantId } from '../../schema/values/id.ts'

interface Key {
  readonly id: string
}

/** Of a merchant's codes that have not ended, so many are shown. */
const codesShown = 20

export function createMerchantResolvers(sources: {
  readonly registry: Registry
  readonly merchants: Loader<string, Merchant>
  readonly codes: CodeStore
  readonly counts: CountStore
  readonly merchantQueries: MerchantQueries
  readonly merchantService: MerchantService
  readonly now: () => Date
}): Resolvers {
  const { registry, merchants, codes, counts, merchantQueries, merchantService, now } = sources
  const coverage = async (question: CoverageQuestion): Promise<Coverage> =>
    orThrow(await merchantQueries.coverage(question))
  const seesCodesOf = (acquirer: ParticipantId, context: RequestContext): boolean =>
    isOperator(context) || context.viewer.participant === acquirer

  return {
    ...values,
    Query: {
      merchant: (_: unknown, { id }: Key) => merchants.load(id),
      merchants: async (_: unknown, question: MerchantsQuestion) =>
        orThrow(await merchantQueries.merchants(question)),
      merchantCoverage: (_: unknown, question: CoverageQuestion) => coverage(question),
      qrProducts: () => [...counts.cube.products.values()],
      decodeQr: (_: unknown, { payload, profile }: { payload: string; profile?: QrProfile | null }) =>
        decodeQr(payload, profile ?? 'LENIENT', { registry, merchants, codes: codes.codes, now }),
      programme: async () => programmeFigures(await coverage({}), counts.cube.products),
    },
    Mutation: {
      registerMerchants: (
        _: unknown,
        { input }: { input: { merchants: readonly MerchantInput[] } },
        context: RequestContext,
      ) => merchantService.register(input.merchants, context),
      issueCode: (_: unknown, { input }: { input: IssueCodeInput }, context: RequestContext) =>
        merchantService.issue(input, context),
    },
    RegisterMerchantsResult: { __resolveType: memberOr('MerchantsRegistered') },
    IssueCodeResult: { __resolveType: memberOr('MerchantCode') },
    Merchant: {
      __resolveReferences: (keys: readonly Key[]) => merchants.loadMany(keys.map(({ id }) => id)),
      country: ({ country }: Merchant) => countryOf(country),
      mcc: ({ mcc }: Merchant) => categoryOf(mcc),
      qrProducts: ({ qrProducts }: Merchant) =>
        qrProducts.map((id) => counts.cube.products.get(id)).filter((product) => product !== undefined),
      acquirer: ({ acquirer }: Merchant) => ({ id: acquirer }),
      acceptedWallets: (merchant: Merchant, args: PageArguments) =>
        orThrow(merchantQueries.acceptedWallets(merchant, args)),
      codes: ({ id, acquirer }: Merchant, _: unknown, context: RequestContext) =>
        seesCodesOf(acquirer, context) ? codes.current(id, now(), codesShown) : [],
    },
    QrProduct: {
      __resolveReferences: (keys: readonly Key[]) =>
        keys.map(({ id }) => counts.cube.products.get(id) ?? null),
      country: ({ country }: QrProduct) => countryOf(country),
    },
    MerchantCode: {
      __resolveReferences: async (keys: readonly Key[], context: RequestContext) =>
        (await codes.codes.loadMany(keys.map(({ id }) => id))).map((code) =>
          code && seesCodesOf(code.acquirer, context) ? code : null,
        ),
      svg: ({ payload }: MerchantCode) => toSvg(payload),
      merchant: ({ merchant }: MerchantCode) => merchants.load(merchant),
    },
    MerchantCoverage: {
      breakdown: (from: Coverage, { by, first }: { by: CoverageDimension; first: number }) =>
        orThrow(from.breakdown(by, first)),
      cells: (from: Coverage, { bounds, zoom }: { bounds: Bounds; zoom: number }) =>
        orThrow(from.cells(bounds, zoom)),
    },
    Participant: {
      merchants: async ({ id }: Key, args: PageArguments) =>
        orThrow(await merchantQueries.merchantsOf(id, args)),
      coverage: ({ id }: Key) => {
        const isWallet = registry.participants.get(id)?.roles.includes('WALLET')
        return coverage(isWallet ? { wallet: id } : { where: { acquirers: [id] } })
      },
    },
    Corridor: {
      coverage: ({ id }: Key) => coverage({ countries: countriesOf(registry.corridors.get(id)) }),
    },
    Project: {
      coverage: ({ id }: Key) => {
        const led = [...registry.corridors.values()].filter(({ project }) => project === id)
        return coverage({ countries: countriesOf(...led) })
      },
    },
    Country: {
      ...values.Country,
      coverage: ({ code }: { readonly code: string }) => coverage({ countries: [code] }),
    },
  }
}

const memberOr =
  (member: string) =>
  (value: unknown): string =>
    isRefusal(value) ? value.__typename : member

const countriesOf = (...corridors: readonly (Corridor | undefined)[]): string[] => [
  ...new Set(corridors.flatMap((corridor) => (corridor ? [corridor.merchantCountry] : []))),
]

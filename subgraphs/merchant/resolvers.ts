// GraphQL ↔ domain.

import { toSvg, type QrProfile } from '../../schema/qr/index.ts'
import type {
  CorridorId,
  MerchantCodeId,
  MerchantId,
  ParticipantId,
  ProjectId,
  QrProductId,
} from '../../schema/values/id.ts'
import { orThrow } from '../../schema/values/problems.ts'
import { createLoader, type Loader } from '../platform/async/batching.ts'
import { inSlices } from '../platform/async/slices.ts'
import { isOperator } from '../shared/access.ts'
import type { Resolvers } from '../shared/federated-schema.ts'
import type { PageArguments } from '../shared/page.ts'
import type { Corridor, Registry } from '../shared/registry.ts'
import { typeOr } from '../shared/result-union.ts'
import { categoryOf, countryOf, values } from '../shared/values.ts'
import type { RequestContext } from '../shared/viewer.ts'
import type { ChangeService } from './change-service.ts'
import type { CodeStore } from './code-store.ts'
import type { IssueCodeInput, MerchantCode } from './code.ts'
import type { CountStore } from './count-store.ts'
import type { Coverage, CoverageCell, CoverageDimension } from './coverage.ts'
import { decodeQr } from './decode-qr.ts'
import { cornersOf, type Bounds } from './hexagon.ts'
import type {
  CoverageQuestion,
  MerchantConnection,
  MerchantQueries,
  MerchantsQuestion,
} from './merchant-queries.ts'
import type { MerchantService } from './merchant-service.ts'
import type { MerchantStatusInput } from './merchant-status.ts'
import type { Merchant, MerchantInput, QrProduct } from './merchant.ts'
import { programmeFigures } from './programme.ts'
import { versionOf, type QrProductInput } from './qr-product.ts'

interface Key<Id extends string> {
  readonly id: Id
}

interface Input<Content> {
  readonly input: Content
}

export interface MerchantResolversDependencies {
  readonly registry: Registry
  readonly merchants: Loader<MerchantId, Merchant>
  readonly codes: CodeStore
  readonly counts: CountStore
  readonly queries: MerchantQueries
  readonly service: MerchantService
  readonly changes: ChangeService
  readonly now: () => Date
}

/** Computing an outline takes some 20 µs: thousands of them leave room for other work between batches. */
const outlines = createLoader({
  load: async (ids: readonly string[]) => ids.map(cornersOf),
  batchMax: 50,
  flightsMax: 1,
})

export function createMerchantResolvers(dependencies: MerchantResolversDependencies): Resolvers {
  return {
    ...values,
    Query: queryFields(dependencies),
    Mutation: mutationFields(dependencies),
    RegisterMerchantsResult: { __resolveType: typeOr('MerchantsRegistered') },
    IssueCodeResult: { __resolveType: typeOr('MerchantCode') },
    SetMerchantStatusResult: { __resolveType: typeOr('Merchant') },
    SetQrProductResult: { __resolveType: typeOr('QrProduct') },
    Merchant: merchantFields(dependencies),
    MerchantConnection: {
      totalCount: ({ totalCount }: MerchantConnection) => totalCount?.() ?? null,
    },
    QrProduct: productFields(dependencies),
    MerchantCode: codeFields(dependencies),
    MerchantCoverage: {
      merchants: async (coverage: Coverage, _: unknown, { loopTime }: RequestContext) => {
        await coverage.prepare(null, loopTime)
        return coverage.merchants
      },
      onlineMerchants: async (coverage: Coverage, _: unknown, { loopTime }: RequestContext) => {
        await coverage.prepare(null, loopTime)
        return coverage.onlineMerchants
      },
      cities: async (coverage: Coverage, _: unknown, { loopTime }: RequestContext) => {
        await coverage.prepare('CITY', loopTime)
        return coverage.cities
      },
      breakdown: async (
        coverage: Coverage,
        { by, first }: { by: CoverageDimension; first: number },
        { loopTime }: RequestContext,
      ) => {
        await coverage.prepare(by, loopTime)
        return orThrow(coverage.breakdown(by, first))
      },
      cells: async (
        coverage: Coverage,
        { bounds, zoom }: { bounds: Bounds; zoom: number },
        { loopTime }: RequestContext,
      ) => orThrow(await inSlices(coverage.cellSteps(bounds, zoom), loopTime)),
    },
    CoverageCell: { boundary: ({ id }: CoverageCell) => outlines.load(id) },
    ...coverageOfEntities(dependencies),
  }
}

const queryFields = ({
  registry,
  merchants,
  codes,
  counts,
  queries,
  now,
}: MerchantResolversDependencies) => ({
  merchant: (_: unknown, { id }: Key<MerchantId>) => merchants.load(id),
  merchants: async (_: unknown, question: MerchantsQuestion) => orThrow(await queries.merchants(question)),
  merchantCoverage: async (_: unknown, question: CoverageQuestion) =>
    orThrow(await queries.coverage(question)),
  qrProducts: () => [...counts.cube.products.values()],
  decodeQr: (_: unknown, { payload, profile }: { payload: string; profile?: QrProfile | null }) =>
    decodeQr(payload, profile ?? 'LENIENT', { registry, merchants, codes: codes.codes, now }),
  programme: async () => programmeFigures(orThrow(await queries.coverage({})), counts.cube.products),
})

const mutationFields = ({ service, changes }: MerchantResolversDependencies) => ({
  registerMerchants: (
    _: unknown,
    { input }: Input<{ merchants: readonly MerchantInput[] }>,
    context: RequestContext,
  ) => service.register(input.merchants, context),
  issueCode: (_: unknown, { input }: Input<IssueCodeInput>, context: RequestContext) =>
    service.issue(input, context),
  setMerchantStatus: (_: unknown, { input }: Input<MerchantStatusInput>, context: RequestContext) =>
    changes.setMerchantStatus(input, context),
  setQrProduct: (_: unknown, { input }: Input<QrProductInput>, context: RequestContext) =>
    changes.setQrProduct(input, context),
})

/** A merchant shows at most this many of its codes. */
const codesShown = 20

const merchantFields = ({ merchants, codes, counts, queries, now }: MerchantResolversDependencies) => ({
  __resolveReferences: (keys: readonly Key<MerchantId>[]) => merchants.loadMany(keys.map(({ id }) => id)),
  country: ({ country }: Merchant) => countryOf(country),
  mcc: ({ mcc }: Merchant) => categoryOf(mcc),
  qrProducts: ({ qrProducts }: Merchant) =>
    qrProducts.map((id) => counts.cube.products.get(id)).filter((product) => product !== undefined),
  acquirer: ({ acquirer }: Merchant) => ({ id: acquirer }),
  acceptedWallets: (merchant: Merchant, args: PageArguments) =>
    orThrow(queries.acceptedWallets(merchant, args)),
  __owner: ({ acquirer }: Merchant) => acquirer,
  codes: ({ id }: Merchant) => codes.current(id, now(), codesShown),
})

const productFields = ({ counts }: MerchantResolversDependencies) => ({
  __resolveReferences: (keys: readonly Key<QrProductId>[]) =>
    keys.map(({ id }) => counts.cube.products.get(id) ?? null),
  country: ({ country }: QrProduct) => countryOf(country),
  version: versionOf,
})

const codeFields = ({ merchants, codes }: MerchantResolversDependencies) => ({
  __resolveReferences: async (keys: readonly Key<MerchantCodeId>[], context: RequestContext) =>
    (await codes.codes.loadMany(keys.map(({ id }) => id))).map((code) =>
      code && mayReadCodes(code.acquirer, context) ? code : null,
    ),
  svg: ({ payload }: MerchantCode) => toSvg(payload),
  merchant: ({ merchant }: MerchantCode) => merchants.load(merchant),
})

const mayReadCodes = (acquirer: ParticipantId, context: RequestContext): boolean =>
  isOperator(context) || context.viewer.participant === acquirer

/** Fields that this subgraph adds to entities of others. */
function coverageOfEntities({ registry, queries }: MerchantResolversDependencies): Resolvers {
  const coverage = async (question: CoverageQuestion): Promise<Coverage> =>
    orThrow(await queries.coverage(question))
  return {
    Participant: {
      merchants: async ({ id }: Key<ParticipantId>, args: PageArguments) =>
        orThrow(await queries.merchantsOf(id, args)),
      coverage: ({ id }: Key<ParticipantId>) => {
        const isWallet = registry.participants.get(id)?.roles.includes('WALLET')
        return coverage(isWallet ? { wallet: id } : { where: { acquirers: [id] } })
      },
    },
    Corridor: {
      coverage: ({ id }: Key<CorridorId>) =>
        coverage({ countries: merchantCountriesOf(registry.corridors.get(id)) }),
    },
    Project: {
      coverage: ({ id }: Key<ProjectId>) => {
        const corridors = [...registry.corridors.values()].filter(({ project }) => project === id)
        return coverage({ countries: merchantCountriesOf(...corridors) })
      },
    },
    Country: {
      ...values.Country,
      coverage: ({ code }: { readonly code: string }) => coverage({ countries: [code] }),
    },
  }
}

const merchantCountriesOf = (...corridors: readonly (Corridor | undefined)[]): string[] => [
  ...new Set(corridors.flatMap((corridor) => corridor?.merchantCountry ?? [])),
]

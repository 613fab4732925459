import { graphql, type ResultOf, type VariablesOf } from '../../api/graphql.ts'

export const choicesQuery = graphql(`
  query CoverageChoices($after: String) {
    participants(where: { roles: [WALLET], statuses: [LIVE] }, first: 100, after: $after) {
      edges {
        node {
          id
          name
          country {
            code
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
    qrProducts {
      id
      name
      country {
        code
      }
    }
  }
`)

/** The counts of the chosen filters, and for the choices of each of them the counts without it. */
export const summaryQuery = graphql(`
  query CoverageSummary(
    $wallet: ID
    $where: MerchantFilter
    $anyScenario: MerchantFilter
    $hasScenario: Boolean!
    $anyCategory: MerchantFilter
    $hasCategory: Boolean!
    $anyProduct: MerchantFilter
    $hasProduct: Boolean!
    $anyOnline: MerchantFilter
    $hasOnline: Boolean!
  ) {
    merchantCoverage(wallet: $wallet, where: $where) {
      merchants
      onlineMerchants
      cities
      countries: breakdown(by: COUNTRY, first: 12) {
        key
        label
        merchants
      }
      cityShares: breakdown(by: CITY, first: 12) {
        key
        label
        merchants
      }
      scenarios: breakdown(by: SCENARIO, first: 20) {
        key
        label
        merchants
      }
      categories: breakdown(by: MCC, first: 500) {
        key
        label
        merchants
      }
      products: breakdown(by: QR_PRODUCT, first: 500) {
        key
        label
        merchants
      }
    }
    anyScenario: merchantCoverage(wallet: $wallet, where: $anyScenario) @include(if: $hasScenario) {
      scenarios: breakdown(by: SCENARIO, first: 20) {
        key
        label
        merchants
      }
    }
    anyCategory: merchantCoverage(wallet: $wallet, where: $anyCategory) @include(if: $hasCategory) {
      categories: breakdown(by: MCC, first: 500) {
        key
        label
        merchants
      }
    }
    anyProduct: merchantCoverage(wallet: $wallet, where: $anyProduct) @include(if: $hasProduct) {
      products: breakdown(by: QR_PRODUCT, first: 500) {
        key
        label
        merchants
      }
    }
    anyOnline: merchantCoverage(wallet: $wallet, where: $anyOnline) @include(if: $hasOnline) {
      merchants
      onlineMerchants
    }
  }
`)
export type Summary = ResultOf<typeof summaryQuery>
export type Filter = NonNullable<VariablesOf<typeof summaryQuery>['where']>

export const cellsQuery = graphql(`
  query CoverageCells($wallet: ID, $where: MerchantFilter, $bounds: BoundsInput!, $zoom: Int!) {
    merchantCoverage(wallet: $wallet, where: $where) {
      cells(bounds: $bounds, zoom: $zoom) {
        id
        merchants
        place
        center {
          lat
          lng
        }
        boundary {
          lat
          lng
        }
      }
    }
  }
`)
export type Cell = ResultOf<typeof cellsQuery>['merchantCoverage']['cells'][number]

export const listQuery = graphql(`
  query CoverageList($near: NearInput, $where: MerchantFilter, $after: String) {
    merchants(near: $near, where: $where, first: 20, after: $after) {
      edges {
        distanceMeters
        node {
          id
          name
          localName
          city
          country {
            code
          }
          location {
            lat
            lng
          }
          mcc {
            code
            description
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)
export type Found = ResultOf<typeof listQuery>['merchants']['edges'][number]

export const merchantQuery = graphql(`
  query CoverageMerchant($id: ID!) {
    merchant(id: $id) {
      id
      name
      localName
      city
      status
      online
      scenario
      entryModes
      currency
      country {
        code
      }
      location {
        lat
        lng
      }
      mcc {
        code
        description
      }
      qrProducts {
        id
        name
      }
      acquirer {
        id
        name
      }
      acceptedWallets(first: 1) {
        totalCount
      }
    }
  }
`)
export type MerchantSheet = NonNullable<ResultOf<typeof merchantQuery>['merchant']>

export const acceptedQuery = graphql(`
  query CoverageAccepted($id: ID!, $after: String) {
    merchant(id: $id) {
      acceptedWallets(first: 50, after: $after) {
        edges {
          node {
            id
            name
            country {
              code
            }
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`)

export const setMerchantStatus = graphql(`
  mutation SetMerchantStatus($input: SetMerchantStatusInput!) {
    setMerchantStatus(input: $input) {
      __typename
      ... on Problem {
        code
        message
      }
    }
  }
`)

export const routeQuery = graphql(`
  query CoverageRoute($wallet: ID!, $merchant: ID!, $entryMode: EntryMode!) {
    explainRoute(wallet: $wallet, merchant: $merchant, entryMode: $entryMode) {
      accepted
      hops {
        role
        participant {
          id
          name
        }
      }
      considered {
        accepted
        corridor {
          id
        }
        reason {
          code
          message
        }
      }
    }
  }
`)
export type Route = ResultOf<typeof routeQuery>['explainRoute']
export type EntryMode = VariablesOf<typeof routeQuery>['entryMode']

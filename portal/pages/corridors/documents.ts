import { graphql, type ResultOf } from '../../api/graphql.ts'

export const gridQuery = graphql(`
  query CorridorGrid($range: RangeInput!, $previous: RangeInput!, $bucket: TimeBucket!) {
    previous: activity(where: { range: $previous }) {
      corridors: breakdown(by: CORRIDOR, first: 500) {
        key
        payments
      }
    }
    activity(where: { range: $range }) {
      asOf
      payments
      approved
      approvalRate
      value {
        amount
        currency
      }
      authorizeMs {
        p50
        p95
        p99
      }
      growth(comparedTo: PREVIOUS_PERIOD) {
        paymentsPercent
        valuePercent
      }
      series(bucket: $bucket) {
        start
        payments
        approved
      }
      corridors: breakdown(by: CORRIDOR, first: 500) {
        key
        payments
        approved
        approvalRate
        value {
          amount
          currency
        }
        authorizeMs {
          p95
        }
        reasons(first: 3) {
          code
          isoCode
          message
          payments
        }
      }
      reasons: breakdown(by: DECLINE_REASON, first: 8) {
        key
        label
        payments
      }
    }
  }
`)
export type Grid = ResultOf<typeof gridQuery>

export const alertsQuery = graphql(`
  query OpenAlerts {
    alerts(where: { open: true }, first: 20) {
      edges {
        node {
          id
          kind
          beganAt
          acknowledgedAt
          corridor {
            id
          }
          participant {
            id
            name
          }
        }
      }
    }
  }
`)
export type OpenAlert = ResultOf<typeof alertsQuery>['alerts']['edges'][number]['node']

export const corridorsQuery = graphql(`
  query CorridorList($after: String) {
    corridors(first: 100, after: $after) {
      edges {
        node {
          id
          status
          direction
          walletCountry {
            code
          }
          merchantCountry {
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
`)
export type CorridorHead = ResultOf<typeof corridorsQuery>['corridors']['edges'][number]['node']

export const corridorQuery = graphql(`
  query CorridorPage($id: ID!, $range: RangeInput!, $bucket: TimeBucket!, $mayAnalyse: Boolean!) {
    corridor(id: $id) {
      id
      direction
      model
      status
      version
      walletCountry {
        code
      }
      merchantCountry {
        code
      }
      project {
        name
      }
      entryModes
      currencies
      settlementCurrency
      limits {
        perPayment {
          amount
          currency
        }
        perDay {
          amount
          currency
        }
      }
      fees {
        freeUpTo {
          amount
          currency
        }
        basisPoints
      }
      quoteTtlSeconds
      authorizationTimeoutMs
      cancelCutoffMinutes
      refundWindowDays
      coverage {
        merchants
      }
      activity(range: $range) @include(if: $mayAnalyse) {
        payments
        approvalRate
        value {
          amount
          currency
        }
        authorizeMs {
          p95
        }
        growth(comparedTo: PREVIOUS_PERIOD) {
          paymentsPercent
        }
        series(bucket: $bucket) {
          start
          payments
          approved
        }
        reasons: breakdown(by: DECLINE_REASON, first: 6) {
          key
          label
          payments
        }
      }
    }
  }
`)
export type CorridorPage = NonNullable<ResultOf<typeof corridorQuery>['corridor']>

export const changesQuery = graphql(`
  query CorridorChanges($target: String!) {
    auditLog(where: { targets: [$target] }, first: 20) {
      edges {
        node {
          id
          at
          action
          before
          after
          actor {
            id
          }
        }
      }
    }
  }
`)

export const setCorridor = graphql(`
  mutation SetCorridor($input: SetCorridorInput!) {
    setCorridor(input: $input) {
      __typename
      ... on Corridor {
        id
        version
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)

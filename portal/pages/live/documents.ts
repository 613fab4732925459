import { graphql, type ResultOf } from '../../api/graphql.ts'

export const eventsSubscription = graphql(`
  subscription LiveEvents($after: String) {
    transactionEvents(after: $after) {
      cursor
      at
      kind
      from
      to
      reason {
        code
        isoCode
        message
      }
      transaction {
        id
        kind
        merchantAmount {
          amount
          currency
        }
        reportingValue {
          amount
          currency
        }
        corridor {
          id
        }
        wallet {
          name
          country {
            code
          }
        }
        merchant {
          name
          localName
          city
          country {
            code
          }
        }
      }
    }
  }
`)
export type LiveEvent = ResultOf<typeof eventsSubscription>['transactionEvents']

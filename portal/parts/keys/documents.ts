import { graphql, type ResultOf } from '../../api/graphql.ts'

export const keysQuery = graphql(`
  query Keys($participant: ID) {
    keys(participant: $participant) {
      id
      label
      scopes
      createdAt
      expiresAt
      lastUsedAt
      revokedAt
      participant {
        id
      }
    }
  }
`)
export type Key = ResultOf<typeof keysQuery>['keys'][number]

export const createKey = graphql(`
  mutation CreateKey($input: CreateKeyInput!) {
    createKey(input: $input) {
      __typename
      ... on KeyIssued {
        secret
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)
export const rotateKey = graphql(`
  mutation RotateKey($input: RotateKeyInput!) {
    rotateKey(input: $input) {
      __typename
      ... on KeyIssued {
        secret
      }
      ... on Problem {
        code
        message
      }
    }
  }
`)
export const revokeKey = graphql(`
  mutation RevokeKey($input: RevokeKeyInput!) {
    revokeKey(input: $input) {
      __typename
      ... on Problem {
        code
        message
      }
    }
  }
`)

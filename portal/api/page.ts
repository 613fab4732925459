// Pages of a connection of the API.

interface PageInfo {
  readonly hasNextPage: boolean
  readonly endCursor: string | null
}

/** The cursor of the next page; null after the last one. */
export const nextOf = ({ hasNextPage, endCursor }: PageInfo): string | null =>
  hasNextPage ? endCursor : null

/** The rows of a page, as `Paged` shows them. */
export const pageOf = <Row>({
  edges,
  pageInfo,
}: {
  readonly edges: readonly { readonly node: Row }[]
  readonly pageInfo: PageInfo
}): { readonly rows: readonly Row[]; readonly next: string | null } => ({
  rows: edges.map(({ node }) => node),
  next: nextOf(pageInfo),
})

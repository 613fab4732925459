// Small supergraphs, each about one thing that subgraphs can do together.

import type { SubgraphSdl } from './facts.ts'

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key", "@shareable", "@external", "@requires", "@provides", "@override", "@interfaceObject", "@inaccessible"])\n`

const subgraphs = (sdls: Readonly<Record<string, string>>): SubgraphSdl[] =>
  Object.entries(sdls).map(([name, sdl]) => ({ name, sdl: link + sdl }))

export const supergraphs: Readonly<Record<string, readonly SubgraphSdl[]>> = {
  'one subgraph, every kind of type': subgraphs({
    all: `
      type Query {
        thing(of: Kind, near: Near, ids: [ID!], most: Int! = 3, when: Stamp): Thing
        things(first: Int = 2): [Thing!]!
        grid: [[Int!]]
        maze: [[[Room]!]!]
        node: Node
        nodes: [Node!]
        any: [Any]
        name: String!
        maybe: String
      }
      type Mutation { put(kind: Kind!, most: Float = 0.5): Thing drop(ids: [ID]): Boolean! count: Int }
      enum Kind { ONE TWO THREE }
      input Near { lat: Float! lng: Float!, within: Int = 5, and: Near, kinds: [Kind!] }
      scalar Stamp
      interface Node { id: ID! label: String next: Node }
      type Thing implements Node { id: ID! label: String next: Node kind: Kind at: Stamp ratio: Float on: Boolean! parts(most: Int): [Part!] }
      type Part { name: String! whole: Thing weight: Float! tags: [String!]! }
      type Room implements Node { id: ID! label: String! next: Room doors: [[Room!]!] kind: Kind! }
      union Any = Thing | Part | Room
    `,
  }),
  'entities in lists, and in lists of lists': subgraphs({
    payments: `
      type Query { payments(first: Int = 2): [Payment!]! payment(id: ID!): Payment batches: [[Payment]!] }
      type Payment @key(fields: "id") { id: ID! amount: Float! merchant: Merchant! wallet: Party parties: [Party!] grid: [[Party]] }
      type Merchant @key(fields: "id", resolvable: false) { id: ID! }
      type Party @key(fields: "id", resolvable: false) { id: ID! }
    `,
    merchants: `
      type Query { merchants: [Merchant] }
      type Merchant @key(fields: "id") { id: ID! name: String! city: String acquirer: Party! near(km: Int!): [Merchant!]! }
      type Party @key(fields: "id", resolvable: false) { id: ID! }
    `,
    parties: `
      type Query { party(id: ID!): Party }
      type Party @key(fields: "id") { id: ID! name: String! country: Country! head: Party network: [Party] }
      type Country { code: ID! name: String }
    `,
    activity: `
      type Merchant @key(fields: "id") { id: ID! sales(days: Int = 7): Sales! rank: Int! }
      type Party @key(fields: "id") { id: ID! sales(days: Int = 7): Sales best: [Merchant!] }
      type Sales { count: Int! value: Float! top: Merchant }
    `,
  }),
  'composite keys': subgraphs({
    bills: `
      type Query { bills: [[Bill!]] bill: Bill! books: [Book] }
      type Bill @key(fields: "org { id } no") { org: Org! no: Int! title: String paid: Boolean! }
      type Org @key(fields: "id") { id: ID! }
      type Book @key(fields: "shelf { row { name } } kind place") { shelf: Shelf! kind: Kind! place: Float! title: String! }
      type Shelf { row: Row! colour: String }
      type Row { name: String! length: Int }
      enum Kind { NEW OLD }
    `,
    money: `
      type Bill @key(fields: "no org { id }") { org: Org! no: Int! total: Float! next: Bill }
      type Org @key(fields: "id") { id: ID! bills(first: Int): [Bill!]! owner: Org }
      type Book @key(fields: "shelf { row { name } } kind place") { shelf: Shelf! kind: Kind! place: Float! price: Int! bill: Bill }
      type Shelf { row: Row! @shareable }
      type Row { name: String! @shareable }
      enum Kind { NEW OLD }
    `,
  }),
  'several keys, reached from one to the next': subgraphs({
    ids: `
      type Query { institutions: [Institution!] }
      type Institution @key(fields: "id") { id: ID! name: String! }
    `,
    both: `
      type Institution @key(fields: "id") @key(fields: "iin") { id: ID! iin: String! country: String }
    `,
    iins: `
      type Query { members: [Institution] }
      type Institution @key(fields: "iin") { iin: String! status: Int! peers: [Institution!] }
    `,
    codes: `
      type Institution @key(fields: "iin") @key(fields: "code") { iin: String! code: ID! }
      type Country @key(fields: "code") { code: ID! home: Institution }
    `,
    far: `
      type Query { far: Institution }
      type Institution @key(fields: "code") { code: ID! depth: Int! }
    `,
  }),
  '@requires': subgraphs({
    products: `
      type Query { product: Product products: [Product!]! }
      type Product @key(fields: "id") { id: ID! size(unit: Unit = CM): Int! boxes: [Box!] content: Content name: String owner: Owner tags: [[String]] }
      enum Unit { CM INCH }
      type Box { width: Int height: Float! lid: Lid }
      type Lid { colour: String! }
      union Content = Liquid | Solid
      type Liquid { litres: Float! bottle: Box }
      type Solid { kilos: Int label: String }
      type Owner @key(fields: "id") { id: ID! email: String since: Int }
    `,
    shipping: `
      type Product @key(fields: "id") {
        id: ID!
        size(unit: Unit = CM): Int! @external
        boxes: [Box!] @external
        content: Content @external
        name: String @external
        owner: Owner @external
        tags: [[String]] @external
        price: Int @requires(fields: "size(unit: INCH) boxes { width lid { colour } }")
        weight(exact: Boolean): Float! @requires(fields: "content { ... on Liquid { litres bottle { height } } ... on Solid { kilos } }")
        label: String @requires(fields: "name tags")
        letter: Letter @requires(fields: "owner { email }")
        plain: Int!
      }
      enum Unit { CM INCH }
      type Box @external { width: Int height: Float! lid: Lid }
      type Lid @external { colour: String! }
      union Content = Liquid | Solid
      type Liquid @external { litres: Float! bottle: Box }
      type Solid @external { kilos: Int }
      type Owner @key(fields: "id") { id: ID! email: String @external rank: Int @requires(fields: "email") }
      type Letter { text: String! to: Addressee }
      type Addressee @key(fields: "id") { id: ID! name: String! }
    `,
    insight: `
      type Product @key(fields: "id") { id: ID! price: Int @external weight(exact: Boolean): Float! @external dear: Boolean @requires(fields: "price weight(exact: true)") }
    `,
  }),
  '@provides': subgraphs({
    people: `
      type Query { person: Person! people: [Person] }
      type Person @key(fields: "id") { id: ID! name: String! @shareable age: Int @shareable home: Place @shareable friend: Person }
      type Place @shareable { city: String! lines: [String!] }
    `,
    posts: `
      type Query { posts: [Post!] latest: Post @provides(fields: "author { age }") }
      type Post @key(fields: "id") { id: ID! text: String author: Person @provides(fields: "name home { city }") editors: [Person!] @provides(fields: "name") readers: [Person] }
      type Person @key(fields: "id") { id: ID! name: String! @external age: Int @external home: Place @external posts: [Post!] }
      type Place @shareable { city: String! lines: [String!] }
    `,
  }),
  '@shareable values and roots': subgraphs({
    left: `
      type Query { me: Me @shareable all: [Me!] @shareable money: Money }
      type Me @shareable { id: ID! detail: Detail left: Int! }
      type Detail @shareable { both: String! onlyLeft: Int deep: [Deep!] }
      type Deep @shareable { x: Int y: Int! }
      type Money @shareable { amount: Float! currency: String! }
      type Account @key(fields: "id") { id: ID! balance: Money! limit: Money @shareable }
    `,
    right: `
      type Query { me: Me @shareable all: [Me!] @shareable accounts: [Account!] }
      type Me @shareable { id: ID! detail: Detail right: String }
      type Detail @shareable { both: String! onlyRight: Float! deep: [Deep!] }
      type Deep @shareable { x: Int z: Boolean }
      type Money @shareable { amount: Float! currency: String! }
      type Account @key(fields: "id") { id: ID! limit: Money @shareable owner: String! }
    `,
  }),
  '@override': subgraphs({
    old: `
      type Query { users: [User!] user: User }
      type User @key(fields: "id") { id: ID! name: String! email: String phone: String! }
    `,
    new: `
      type Query { people: [User] }
      type User @key(fields: "id") { id: ID! email: String @override(from: "old") phone: String! @override(from: "old") age: Int! }
    `,
    newest: `
      type User @key(fields: "id") { id: ID! name: String! @override(from: "old") boss: User }
    `,
  }),
  '@interfaceObject': subgraphs({
    media: `
      type Query { media: [Media!] book: Book first: Media shelf: Shelf }
      interface Media @key(fields: "id") { id: ID! title: String! }
      type Book implements Media @key(fields: "id") { id: ID! title: String! pages: Int! sequel: Media }
      type Film implements Media @key(fields: "id") { id: ID! title: String! minutes: Int }
      type Song implements Media @key(fields: "id") { id: ID! title: String! album: Shelf }
      type Shelf { name: String! items: [Media] }
    `,
    reviews: `
      type Query { reviewed: [Media!]! best: Media }
      type Media @interfaceObject @key(fields: "id") { id: ID! stars: Int! reviews: [Review!] similar: [Media] }
      type Review @key(fields: "id") { id: ID! text: String about: Media! }
    `,
    prices: `
      type Media @interfaceObject @key(fields: "id") { id: ID! stars: Int! @external price(currency: String = "CNY"): Float dear: Boolean! @requires(fields: "stars") }
      type Review @key(fields: "id") { id: ID! paid: Boolean! }
    `,
  }),
  '@inaccessible': subgraphs({
    open: `
      type Query { nodes: [Node] node: Node any: [Any!] thing(kind: Kind, secret: Int @inaccessible): Thing hidden: Int @inaccessible kinds: [Kind!] }
      interface Node { id: ID! label: String }
      type Thing implements Node @key(fields: "id") { id: ID! label: String kind: Kind must: Kind! secret: String @inaccessible other: Node }
      type Ghost implements Node @inaccessible @key(fields: "id") { id: ID! label: String shape: Int }
      type Room { name: String! }
      union Any = Thing | Ghost | Room
      enum Kind { ONE TWO @inaccessible THREE }
    `,
    more: `
      type Thing @key(fields: "id") { id: ID! secret: String @external open: Int @requires(fields: "secret") rooms: [Room!] }
      type Room @key(fields: "no") { no: Int! @inaccessible size: Float! }
      type Ghost @inaccessible @key(fields: "id") { id: ID! weight: Int }
    `
      .replace('type Room @key', 'type Room @shareable @key')
      .replace('rooms: [Room!]', 'rooms: [Cell!]')
      .replace('type Room', 'type Cell'),
  }),
  'interfaces and unions across subgraphs': subgraphs({
    shop: `
      type Query { search(text: String): [Result] offers: [[Offer!]] favourite: Priced named: [Named!] }
      union Result = Book | Toy | Shop
      interface Priced { id: ID! price: Float! }
      interface Named { name: String }
      type Book implements Priced & Named @key(fields: "id") { id: ID! price: Float! name: String pages: Int }
      type Toy implements Priced @key(fields: "id") { id: ID! price: Float! age: Int! }
      type Shop implements Named @key(fields: "id") { id: ID! name: String stock: [Priced!] }
      type Offer { on: Priced until: String! by: Named }
    `,
    club: `
      type Query { prizes: [Prize!] }
      union Prize = Book | Trip
      interface Rated { stars: Int text(short: Boolean): String }
      type Book implements Rated @key(fields: "id") { id: ID! stars: Int text(short: Boolean): String readers: [Reader!] }
      type Toy implements Rated @key(fields: "id") { id: ID! stars: Int text(short: Boolean): String }
      type Trip implements Rated { stars: Int text(short: Boolean): String to: String! with: Prize }
      type Reader @key(fields: "id") { id: ID! likes: [Rated] }
    `,
    people: `
      type Reader @key(fields: "id") { id: ID! name: String! reads: Prize }
      type Shop @key(fields: "id") { id: ID! owner: Reader! }
      union Prize = Book
      type Book @key(fields: "id") { id: ID! writer: Reader }
    `,
  }),
  'types that subgraphs describe differently': subgraphs({
    strict: `
      type Query { pairs: [Pair] one: One other: Other }
      union Pair = One | Other
      type One @key(fields: "id") { id: ID! name: String! @shareable size: Int! }
      type Other @key(fields: "id") { id: String! name: String @shareable size: Float text: [String!]! @shareable }
    `,
    lax: `
      type Query { looser: [Pair!] }
      union Pair = One | Other
      type One @key(fields: "id") { id: ID! name: String @shareable weight: Int }
      type Other @key(fields: "id") { id: String! name: String @shareable weight: String text: [String] @shareable }
    `,
  }),
  mutations: subgraphs({
    accounts: `
      type Query { account: Account }
      type Mutation { open(name: String!): Account close(id: ID!): Account! open2(input: Opening): [Account!]! }
      input Opening { name: String! tags: [String!] = ["a"] limit: Float = 1.5 }
      type Account @key(fields: "id") { id: ID! name: String! }
    `,
    ledger: `
      type Mutation { book(amount: Float!, to: [ID!]): Entry! undo: Entry }
      type Account @key(fields: "id") { id: ID! balance: Float! entries: [Entry!] }
      type Entry { amount: Float! account: Account }
    `,
  }),
}

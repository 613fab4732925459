// What a load of the data set needs of the subgraph, without the subgraph itself.

export { importRegistry } from './participant-store.ts'

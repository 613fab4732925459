// What a load of the data set needs of the subgraph, without the subgraph itself.

export { clearActivity, finishActivity, loadActivity } from './import-activity.ts'

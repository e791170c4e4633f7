/** A process that leads, and says so, until it is killed: `etcd-holder.ts ENDPOINT CLUSTER NODE_ID IN_SYNC`. */

import { clusterId, leaseMs, openNode } from './etcd-nodes.js'

const [endpoint, cluster, nodeId, inSync] = process.argv.slice(2)
const node = await openNode(undefined, Number(nodeId), [endpoint], { cluster, leaseMs })
if (!(await node.claim(clusterId, 0))) throw new Error('somebody else leads')
await node.setInSync(inSync.split(',').map(Number))
console.log('leads')

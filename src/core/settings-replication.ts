/** The rows of the settings that say which node this is, whom it copies, and what an acknowledgement waits for. */

import { flag, int, live, oneOf, path } from './settings-rows.js'

const int32Max = 2 ** 31 - 1
const mib = 1024 * 1024

export const replicationRows = {
  'node.id': int(
    1,
    0,
    int32Max,
    'number',
    'Which node of a cluster this is. Written into the data directory when that is made; nodes that copy one another need different ones.',
  ),
  'replication.mode': oneOf(
    'none',
    ['none', 'async', 'sync'],
    'none: this node is alone. async: others may copy it, and nobody waits for them. sync: acks=all waits until every in-sync replica has the message, and readers see nothing before.',
  ),
  'replica.of': path(
    '',
    'Addresses of the other nodes, "host:port" with commas between, where no etcd decides who leads. A new directory follows the one of them that leads.',
  ),
  'replication.etcd': path(
    '',
    'Addresses of an etcd that decides who leads, "http://host:2379" with commas between; empty where a person does (holdfast promote).',
  ),
  'replication.etcd.user': path('', 'Who this node is to an etcd that asks for it; empty for nobody.'),
  'replication.etcd.password.file': path('', 'A file that holds the password of replication.etcd.user.'),
  'replication.etcd.ca.file': path(
    '',
    'A file with the certificates (PEM) of those who say that it is etcd, for "https://"; empty for those that Node believes.',
  ),
  'replication.etcd.cert.file': path('', 'A file with the certificate (PEM) that this node shows to etcd.'),
  'replication.etcd.key.file': path('', 'A file with the key (PEM) of replication.etcd.cert.file.'),
  'replication.cluster': path('holdfast', 'The name under which the nodes of this cluster find each other in etcd.'),
  'replication.lease.ms': int(
    6_000,
    2_000,
    600_000,
    'ms',
    'A leader that etcd has not heard of for so long is replaced.',
  ),
  'min.insync.replicas': live(
    int(
      1,
      1,
      100,
      'number',
      'With replication.mode=sync: of how many in-sync replicas, the leader among them, acks=all needs to be; fewer refuse it.',
      'min.insync.replicas',
    ),
  ),
  'replica.lag.time.max.ms': live(
    int(10_000, 100, int32Max, 'ms', 'A replica that was not caught up for so long leaves the in-sync set.'),
  ),
  'replica.fetch.max.bytes': live(
    int(8 * mib, 1024, 1024 * mib, 'bytes', 'Bytes that a replica asks for at once, of all partitions together.'),
  ),
  'replica.fetch.wait.max.ms': live(
    int(500, 1, int32Max, 'ms', 'How long the leader keeps a fetch of a replica waiting for something new.'),
  ),
  'follower.replication.throttled.rate': live(
    int(
      0,
      0,
      Number.MAX_SAFE_INTEGER,
      'bytes',
      'Bytes per second that a replica that is catching up asks for; 0 for as many as it gets.',
    ),
  ),
  'replica.read': flag(false, 'A replica answers fetches of consumers, with what it knows that all have.'),
  'broker.rack': path(
    '',
    'Where this node stands; a consumer that says the same rack is sent to it where replica.read allows.',
  ),
} as const

/** How the errors come about that several nodes make among themselves, and what to do. */

export const clusterCures = {
  REPLICATION_UNAVAILABLE: {
    cause:
      'etcd does not answer: it is down, has lost its majority, or the network to it is cut. Or it holds what this program did not write, or is not the etcd that it was, as the message says then.',
    cure: 'It is tried again by itself. See that `replication.etcd` is right and that most nodes of etcd are up (`etcdctl endpoint health`).',
  },
  INCONSISTENT_CLUSTER_ID: {
    cause:
      'The data directory of a node belongs to another cluster than the node that it is to follow, or `replication.cluster` names the nodes of somebody else.',
    cure: 'Let a replica begin with an empty data directory, and give each cluster a name of its own in etcd.',
  },
  LEADER_NOT_AVAILABLE: {
    cause: 'The broker that led the partition is gone, and no other has taken over yet, or all its replicas are down.',
    cure: 'The library asks again for as long as `retryMs` allows. If it stays, start the brokers that hold the partition.',
  },
  NOT_LEADER_OR_FOLLOWER: {
    cause: 'Another broker has taken over the partition, or is about to.',
    cure: 'Clients look for the leader again by themselves.',
  },
  NOT_CONTROLLER: {
    cause:
      'Topics are changed by another broker: the leader of the replicas, or the controller of a Kafka cluster, which has just moved.',
    cure: 'Clients look for it again by themselves.',
  },
  NOT_COORDINATOR: {
    cause: 'Another broker coordinates the group, or this one is being stopped.',
    cure: 'Clients look for the coordinator again by themselves.',
  },
  NOT_ENOUGH_REPLICAS: {
    cause: 'Too many brokers that hold the partition are down or behind: fewer are in sync than `min.insync.replicas`.',
    cure: 'The library tries again for as long as `retryMs` allows. Start the brokers that are missing.',
  },
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: {
    cause: 'Brokers that hold the partition were lost while the message was being copied to them.',
    cure: 'The library tries again for as long as `retryMs` allows. Start the brokers that are missing.',
  },
  INVALID_FETCH_SESSION_EPOCH: {
    cause: 'An answer to a request of the session was lost on its way to the replica.',
    cure: 'The replica begins another session by itself.',
  },
  FENCED_LEADER_EPOCH: {
    cause: 'A client or a replica knows an older epoch of this partition than the broker.',
    cure: 'They refresh what they know by themselves.',
  },
  UNKNOWN_LEADER_EPOCH: {
    cause:
      'A client knows a newer epoch than this broker: another leads by now, or the data directory is an older one, as from a backup.',
    cure: 'Clients look for the leader by themselves. After a restore, start the client anew.',
  },
} as const

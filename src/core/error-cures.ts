/**
 * For each error code how it comes about and what to do: what docs/errors.md is written from, and `HoldfastError.cure`
 * shows. A code without an entry here does not compile.
 */

import { clusterCures } from './error-cures-cluster.js'
import type { ErrorCode } from './errors.js'

export interface ErrorCure {
  readonly cause: string
  readonly cure: string
}

/** Codes that Kafka has and this broker never answers with. */
const fromElsewhere = 'It comes from another broker than Holdfast, read from the wire.'

/** Of all that access control refuses. */
const noRight = {
  cause: 'In a Kafka cluster with access control the user has no right to it.',
  cure: 'Let who runs the cluster grant it, for example with `kafka-acls.sh`.',
}

export const errorCures: Readonly<Record<ErrorCode, ErrorCure>> = {
  DATA_DIR_LOCKED: {
    cause: 'Another process has the folder open; one has it at a time. The message names it.',
    cure: 'Stop that process, or reach it with --broker HOST:PORT instead of --data. A lock cannot outlive its process.',
  },
  DATA_DIR_READ_ONLY: {
    cause: 'The folder, or the file system that it lies on, is not writable for this user.',
    cure: 'Correct the owner (`chown`), or mount it writable. After errors of the disk Linux mounts a file system read-only: look at `dmesg` first.',
  },
  DATA_DIR_NEWER: {
    cause: 'A later version of Holdfast has written the folder, in a format that this one does not know.',
    cure: 'Use that version, or a later one. Nothing was touched.',
  },
  DATA_DIR_DAMAGED: {
    cause:
      'A file of `config/`, `holdfast.json` or a checkpoint cannot be read as what it is; or the log directory is not the one that was there before, as when a volume is not mounted.',
    cure: 'Is everything mounted? Then `holdfast verify DIR` names each file, and `holdfast repair DIR` says what can be made anew; the rest comes from a backup. Messages are not affected.',
  },
  BACKUP_DAMAGED: {
    cause: 'A file of the backup differs from what it says of itself, or the backup was interrupted.',
    cure: 'Restore an earlier generation, and look at the disk that holds the backups.',
  },
  COPY_DIVERGED: {
    cause:
      'A topic of the target holds messages that do not come from the source at these offsets: somebody else has written there, it is the copy of another source, or the source was cut or begun anew since.',
    cure: 'Name another target, or delete the topic there and mirror again. After a failed verification the message names the first difference.',
  },
  COPY_IMPOSSIBLE: {
    cause:
      'Offsets are to stay what they are, and the target cannot have these: across the wire a broker gives out offsets by itself, so markers of transactions, aborted messages and holes of compaction have no counterpart there; the layout `commitlog` has no holes.',
    cure: 'Mirror into a folder (layout `segments`), which takes every log as it is, and serve that; or leave the topic out with `--topic`.',
  },
  EXPORT_REFUSED: {
    cause: 'Something about a topic or about one of both directories stands against it. The message names each.',
    cure: 'Do what the message says of each point and run it again. `holdfast export --print-commands` prints the commands that create the topics. Nothing was changed.',
  },
  LOG_DAMAGED: {
    cause:
      'Bytes in the middle of a log are no sound batch, or files of it are missing: what no crash leaves behind, but a failing disk, memory or a hand does.',
    cure: 'What lies before the damage is served. Follow "When verify complains" in the operations guide: copy, look at the disk, `holdfast verify`, `holdfast repair`.',
  },
  LOG_FAILED: {
    cause:
      'The disk answered a write or a sync with an error. Nothing acknowledged is lost; what was refused was not stored.',
    cure: 'Look at the disk (`dmesg`, SMART). A lack of room or of file descriptors heals by itself; after anything else restart once the disk is in order.',
  },
  DISK_FULL: {
    cause: 'A write found no room on the file system.',
    cure: 'Make room: delete topics, lower `retention.ms` or `retention.bytes`, move other files away. The log takes messages again by itself within seconds; send the refused ones again.',
  },
  DISK_WATERMARK: {
    cause:
      'More of the file system is used than `disk.watermark.refuse.ratio` (95 %) allows. Reads and commits of offsets go on.',
    cure: 'Make room as for DISK_FULL; messages are taken again 1 % below the mark. Kafka clients retry by themselves. Where other programs fill the disk, give Holdfast a volume of its own.',
  },
  DISK_FAILED: {
    cause:
      'The system refused an operation on a file; the message has its reason: EMFILE (too many open files), EACCES (not allowed), EIO (the disk) and the like.',
    cure: 'EMFILE: raise `ulimit -n` (LimitNOFILE under systemd). EACCES: correct the owner. EIO: look at the disk.',
  },
  FLUSH_DISK_TIMEOUT: {
    cause:
      'The disk took longer for a flush than `flush.commitlog.timeout` (5 s). The write goes on, so the message may be stored.',
    cure: 'Send again with an idempotent producer, or where twice does no harm. Look at what else writes to this disk; raise the timeout where the disk is simply slow.',
  },
  KEY_INDEX_OFF: {
    cause: 'A message was looked for by key or id in a topic that keeps no index of them.',
    cure: '`holdfast topics alter TOPIC --config key.index.enable=true`; the index is built from what is there.',
  },
  UNSUPPORTED_OVER_WIRE: {
    cause: 'The call needs the broker in the same process; the Kafka protocol cannot carry it.',
    cure: 'Run it where the folder is: with --data DIR while nobody serves it, or in the program that has it open.',
  },
  MMAP_UNAVAILABLE: {
    cause:
      '`file.engine=mmap` on a platform where files cannot be mapped: no Linux, no koffi, or HOLDFAST_NO_LIBC is set.',
    cure: 'Use `file.engine=disk`, the default; it is as durable.',
  },
  CLOSED: {
    cause: 'The queue, the broker or a file was closed while the call was under way, or before it.',
    cure: 'Await what you started before you close. A send that ended so may or may not be stored.',
  },
  ADDRESS_IN_USE: {
    cause: 'Another program listens on that port, perhaps another Holdfast.',
    cure: 'Stop it, or choose another port: `--listen 127.0.0.1:0` takes a free one.',
  },
  CONNECTION_FAILED: {
    cause:
      'Nobody listens at that address, the network is broken, or the broker was stopped while it worked on the request.',
    cure: 'Is it running, and at this address (`holdfast serve` prints it)? Behind Docker or NAT clients need `--advertise HOST:PORT`. For a folder that nobody serves use --data DIR.',
  },
  DELIVERY_TIMEOUT: {
    cause:
      'A cluster did not acknowledge the message for as long as `retryMs` allows: brokers were lost, and what became of the message could not be learned.',
    cure: 'Sending it again may store it twice; a reader that must not see it twice needs a key or an `id` of its own to tell. See whether the partitions of the topic have leaders.',
  },
  INVALID_SETTING: {
    cause:
      'A setting has a name that is not in the table, a value out of its range, or contradicts another one. The message says where it was given.',
    cure: 'Correct it there; `holdfast settings` lists all names, ranges and defaults.',
  },
  INVALID_ARGUMENT: {
    cause: 'A call of the library, or a command, was given something that it cannot take.',
    cure: 'The message says which argument, its value and what is expected.',
  },
  UNKNOWN_SERVER_ERROR: {
    cause: 'Something failed that was not foreseen, or a broker answered with a number that is not in this table.',
    cure: 'The log of the broker has the stack. Please report it with that.',
  },
  OFFSET_OUT_OF_RANGE: {
    cause: 'The messages at this offset were deleted by retention or by hand, or the offset lies beyond the end.',
    cure: "Begin at 'earliest' or 'latest'; Kafka clients do so by `auto.offset.reset`. Keep messages longer (`retention.ms`) if consumers fall behind so far.",
  },
  CORRUPT_MESSAGE: {
    cause: 'Bytes changed on the way here, or a client computes the checksum wrongly. Nothing was written.',
    cure: 'Send again. If it comes again: the network card, the memory, or the client.',
  },
  UNKNOWN_TOPIC_OR_PARTITION: {
    cause: 'The topic was never created or was deleted, the name is misspelt, or the partition number is too high.',
    cure: '`holdfast topics list`; create it, or allow `auto.create.topics.enable`.',
  },
  MESSAGE_TOO_LARGE: {
    cause: 'A batch, as it is stored, is larger than `max.message.bytes` of its topic (1 MB).',
    cure: 'Send less at once, compress it, or raise `max.message.bytes`. Large things are better kept elsewhere, with their address in the message.',
  },
  OFFSET_METADATA_TOO_LARGE: {
    cause: 'The text that a client commits beside an offset is longer than `offset.metadata.max.bytes` (4096).',
    cure: 'Shorten it, or raise the setting.',
  },
  COORDINATOR_LOAD_IN_PROGRESS: {
    cause: 'The broker is still reading what groups have committed, as after a start.',
    cure: 'Wait; clients ask again by themselves.',
  },
  COORDINATOR_NOT_AVAILABLE: {
    cause: '`__consumer_offsets` or `__transaction_state` cannot be written at the moment: the disk is full or failed.',
    cure: 'Clients ask again by themselves. If it stays, see what the log of the broker says of these two topics.',
  },
  INVALID_TOPIC_EXCEPTION: {
    cause:
      'A topic name is empty, longer than 249 characters, `.` or `..`, or has other characters than A-Z, a-z, 0-9, dot, underscore and hyphen.',
    cure: 'Choose another name.',
  },
  RECORD_LIST_TOO_LARGE: {
    cause: 'A batch is larger than a segment, or unpacks to more than 32 MiB.',
    cure: 'Send less in one batch: lower `batch.size` of the producer.',
  },
  INVALID_REQUIRED_ACKS: {
    cause: 'A producer asks for a number of acknowledgements that Kafka does not have either.',
    cure: 'Set `acks` to all (-1), 1 or 0.',
  },
  ILLEGAL_GENERATION: {
    cause:
      'The group was rebalanced, and the partition of this message has another owner now, who gets the message too.',
    cure: 'Leave the message to that one: catch the error of `ack()`. If it comes often, work takes longer than the session timeout allows, or members come and go.',
  },
  INCONSISTENT_GROUP_PROTOCOL: {
    cause: 'Members of one group have no way to share out partitions in common, or one of them is no consumer.',
    cure: 'Give all members the same assignors, or this one another group id.',
  },
  INVALID_GROUP_ID: {
    cause: 'The group id is empty, or too long to be stored.',
    cure: 'Give the group a name.',
  },
  UNKNOWN_MEMBER_ID: {
    cause:
      'The member was not heard of for its session timeout and was taken for dead; its event loop may have been blocked.',
    cure: 'Clients join again by themselves. Do not block the event loop for seconds; or raise `sessionTimeoutMs`.',
  },
  INVALID_SESSION_TIMEOUT: {
    cause:
      'The session timeout of a member lies outside of `group.min.session.timeout.ms` and `group.max.session.timeout.ms`.',
    cure: 'Change it, or these settings.',
  },
  REBALANCE_IN_PROGRESS: {
    cause: 'Members came or went, and partitions are being shared out anew.',
    cure: 'Clients join again by themselves. A commit that was refused so is made again after it, or its messages come again.',
  },
  INVALID_COMMIT_OFFSET_SIZE: {
    cause: 'What is to be committed at once does not fit into one batch of `__consumer_offsets`.',
    cure: 'Commit fewer partitions at once, with shorter metadata.',
  },
  TOPIC_AUTHORIZATION_FAILED: noRight,
  GROUP_AUTHORIZATION_FAILED: noRight,
  CLUSTER_AUTHORIZATION_FAILED: noRight,
  INVALID_TIMESTAMP: {
    cause:
      'A message is dated further ahead than `message.timestamp.after.max.ms` (an hour), longer ago than `message.timestamp.before.max.ms`, or beyond 2^53 ms. Often a clock is wrong, or seconds or microseconds were taken for milliseconds.',
    cure: 'Set the clock or the unit right; or let the broker date messages: `message.timestamp.type=LogAppendTime`.',
  },
  UNSUPPORTED_SASL_MECHANISM: {
    cause: 'The cluster is set up for other mechanisms than the one that was asked for; the message names them.',
    cure: 'Give one of them as `sasl.mechanism`: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are known here.',
  },
  UNSUPPORTED_VERSION: {
    cause: 'A client uses a version of a request that is not in the protocol table.',
    cure: 'Clients choose versions by themselves: remove fixed ones (`broker.version.fallback` and the like), or use a newer client.',
  },
  TOPIC_ALREADY_EXISTS: {
    cause: 'A topic was created twice, or two programs create it at the same time.',
    cure: 'Take it for created, if its partitions and configuration are what you want.',
  },
  INVALID_PARTITIONS: {
    cause: 'A topic was to get no partitions, too many, or fewer than it has.',
    cure: 'The message has the bounds. Partitions can be added, never taken away.',
  },
  INVALID_REPLICATION_FACTOR: {
    cause: 'More than one replica was asked for; there is one broker.',
    cure: 'Ask for 1, or -1 for what the broker has.',
  },
  INVALID_REPLICA_ASSIGNMENT: {
    cause: 'A partition was assigned to other brokers than this one, or partitions are not numbered 0, 1, 2 ….',
    cure: 'Give a number of partitions instead of an assignment.',
  },
  INVALID_CONFIG: {
    cause:
      'A topic was given an entry that is unknown, out of range, fixed since its creation, or not enforced here: what would be ignored is refused.',
    cure: 'The message says which; the settings page lists what topics can say for themselves.',
  },
  INVALID_REQUEST: {
    cause: 'A client sent something that the protocol does not allow, or that this broker refuses whatever the state.',
    cure: 'The message says what. From a well-known client it is worth a report.',
  },
  UNSUPPORTED_FOR_MESSAGE_FORMAT: {
    cause: 'A producer sends the message format from before Kafka 0.11 (2017).',
    cure: 'Use a newer client, or take away its setting of an old format version.',
  },
  POLICY_VIOLATION: {
    cause: "One of the broker's own topics was to be changed, or records of it deleted.",
    cure: 'Leave them to the broker.',
  },
  OUT_OF_ORDER_SEQUENCE_NUMBER: {
    cause: 'A batch of an idempotent producer is missing before this one: it was refused, or lost on the way.',
    cure: 'Clients begin a new sequence by themselves, or tell the program, which then does not know of the unanswered ones.',
  },
  DUPLICATE_SEQUENCE_NUMBER: {
    cause: `${fromElsewhere} Holdfast acknowledges a batch that comes again with the offset that it has.`,
    cure: 'Take the batch for stored.',
  },
  INVALID_PRODUCER_EPOCH: {
    cause: 'A newer instance of this producer is at work, or its transaction timed out and was aborted.',
    cure: 'End this producer; make a new one if it is the only one.',
  },
  INVALID_TXN_STATE: {
    cause: 'A step of a transaction came when none was open, or after its end.',
    cure: 'Await every step inside of the function of the transaction.',
  },
  INVALID_PRODUCER_ID_MAPPING: {
    cause:
      'The transactional id was not used for `transactional.id.expiration.ms` (7 days) and is forgotten, or another producer has taken it.',
    cure: 'Make a new producer of that id.',
  },
  INVALID_TRANSACTION_TIMEOUT: {
    cause: 'A producer asks for a longer transaction than `transaction.max.timeout.ms` (15 minutes), or for none.',
    cure: 'Shorten `timeoutMs` (`transaction.timeout.ms`), or raise the setting.',
  },
  CONCURRENT_TRANSACTIONS: {
    cause:
      'The end of the last transaction is still being written; a partition of it may not take its marker because its disk fails.',
    cure: 'Clients ask again by themselves. If it stays, look at what the log of the broker says of that partition.',
  },
  TRANSACTION_COORDINATOR_FENCED: {
    cause: 'A marker came from a coordinator that has been replaced, as from a tool that was given too small an epoch.',
    cure: 'Give the epoch that `holdfast dump` shows on the last marker of that producer, or a greater one.',
  },
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: noRight,
  OPERATION_NOT_ATTEMPTED: {
    cause: 'The request is done whole or not at all, and another part of it was refused.',
    cure: 'See what the other part was refused with.',
  },
  KAFKA_STORAGE_ERROR: {
    cause: 'What LOG_DAMAGED, LOG_FAILED, DISK_FULL, DISK_WATERMARK and DISK_FAILED are on the wire.',
    cure: 'The log of the broker says which of them it was. Clients retry by themselves.',
  },
  SASL_AUTHENTICATION_FAILED: {
    cause: 'The user or the password is wrong, or the broker could not prove that it knows the password.',
    cure: 'Check `sasl.username` and `sasl.password`, and that the address is that of the cluster.',
  },
  UNKNOWN_PRODUCER_ID: {
    cause: `${fromElsewhere} Holdfast lets a producer that it has forgotten begin anew.`,
    cure: 'Clients begin a new sequence by themselves.',
  },
  FETCH_SESSION_ID_NOT_FOUND: {
    cause: 'A client continues a fetch session; Holdfast keeps none and answers every fetch in full.',
    cure: 'Clients go on with full fetches by themselves.',
  },
  NON_EMPTY_GROUP: {
    cause: 'A group with members, or with offsets in an open transaction, was to be deleted, or its offsets changed.',
    cure: 'Stop its members, or wait for its transactions, and try again.',
  },
  GROUP_ID_NOT_FOUND: {
    cause: 'There is no group of that name; one without members and offsets is forgotten.',
    cure: '`holdfast groups list`.',
  },
  GROUP_SUBSCRIBED_TO_TOPIC: {
    cause: 'Offsets of a group were to be deleted for a topic that its members read.',
    cure: 'Stop the members that read it.',
  },
  UNSUPPORTED_COMPRESSION_TYPE: {
    cause: 'A batch names a codec that does not exist, or whose library has no build for this machine.',
    cure: 'Use another codec; gzip is part of Node and always there.',
  },
  OFFSET_NOT_AVAILABLE: {
    cause: 'In a Kafka cluster a new leader has just taken over the partition.',
    cure: 'Clients ask again by themselves.',
  },
  MEMBER_ID_REQUIRED: {
    cause: 'A new member joined without an id and was given one; it keeps out members that never come back.',
    cure: 'Clients join again with it by themselves.',
  },
  GROUP_MAX_SIZE_REACHED: {
    cause: 'The group has `group.max.size` members.',
    cure: 'Raise the setting. More members than partitions have nothing to do.',
  },
  FENCED_INSTANCE_ID: {
    cause: 'Two members use the same `instanceId` (`group.instance.id`).',
    cure: 'Give each running instance its own.',
  },
  UNSTABLE_OFFSET_COMMIT: {
    cause: 'The offset that the group goes on from depends on a transaction that is still open.',
    cure: 'Clients ask again by themselves. If it stays: "A transaction that does not end" in the operations guide.',
  },
  PRODUCER_FENCED: {
    cause: 'Another instance began under the same transactional id, or the transaction outlasted its timeout.',
    cure: 'Give each running instance an id of its own; raise `timeoutMs` where the work takes long.',
  },
  TRANSACTIONAL_ID_NOT_FOUND: {
    cause: 'There is no such transactional id, or it was forgotten.',
    cure: '`kafka-transactions.sh … list` shows those that there are.',
  },
  TRANSACTION_ABORTABLE: {
    cause: 'A batch of a transaction went to a partition that was not added to it.',
    cure: 'Abort the transaction and begin another. A well-known client that does this is worth a report.',
  },
  INVALID_RECORD: {
    cause: 'A batch is not what its header says; or a message without a key was sent to a compacted topic.',
    cure: 'Give each message of a compacted topic a key. Anything else is a fault of the client.',
  },
  UNKNOWN_TOPIC_ID: {
    cause: 'The topic was deleted, and perhaps made anew under its name with another id.',
    cure: 'Clients ask for the id again by themselves.',
  },
  DUPLICATE_RESOURCE: {
    cause: fromElsewhere,
    cure: 'Name each thing once.',
  },
  ...clusterCures,
}

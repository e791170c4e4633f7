import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** RocketMQ's clients against a broker that a name server knows. */
class Clients {
    private static final int maxPerPull = 32;

    static Object createTopic(JsonNode arguments) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("judge-maker");
        producer.setNamesrvAddr(arguments.get("nameServer").asText());
        producer.start();
        try {
            // The name server hears of the broker some time after it serves.
            return Patience.until(() -> {
                producer.createTopic("TBW102", arguments.get("topic").asText(), arguments.get("queues").asInt(), null);
                return null;
            });
        } finally {
            producer.shutdown();
        }
    }

    /** Each entry is one message, or a list that is sent as one batch. Queue, offset and ids of each send. */
    static Object produce(JsonNode arguments) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("judge-producer");
        producer.setNamesrvAddr(arguments.get("nameServer").asText());
        producer.setSendMsgTimeout(10_000);
        producer.setCompressType(CompressionType.of(arguments.path("compression").asText("ZLIB")));
        producer.start();
        try {
            List<Object> rows = new ArrayList<>();
            for (JsonNode sent : arguments.get("messages")) {
                JsonNode first = sent.isArray() ? sent.get(0) : sent;
                MessageQueue queue = queueOf(producer, first.get("topic").asText(), first.get("queueId").asInt());
                SendResult result;
                if (sent.isArray()) {
                    List<Message> batch = new ArrayList<>();
                    for (JsonNode message : sent) batch.add(messageOf(message));
                    result = producer.send(batch, queue);
                } else {
                    result = producer.send(messageOf(sent), queue);
                }
                if (result.getSendStatus() != SendStatus.SEND_OK) throw new IllegalStateException(result.toString());
                rows.add(Map.of("queueId", result.getMessageQueue().getQueueId(), "queueOffset", result.getQueueOffset(),
                    "uniqueKey", result.getMsgId(), "messageId", String.valueOf(result.getOffsetMsgId())));
            }
            return rows;
        } finally {
            producer.shutdown();
        }
    }

    /** A transaction each, committed or rolled back by what its flag says; returns when the broker knows. */
    static Object produceInTransactions(JsonNode arguments) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer("judge-transactions");
        producer.setNamesrvAddr(arguments.get("nameServer").asText());
        producer.setSendMsgTimeout(10_000);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object isCommitted) {
                return (Boolean) isCommitted ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.ROLLBACK_MESSAGE;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return LocalTransactionState.UNKNOW;
            }
        });
        producer.start();
        try {
            for (JsonNode sent : arguments.get("messages")) {
                producer.sendMessageInTransaction(messageOf(sent), sent.get("isCommitted").asBoolean());
            }
            return null;
        } finally {
            producer.shutdown();
        }
    }

    private static MessageQueue queueOf(DefaultMQProducer producer, String topic, int queueId) throws Exception {
        for (MessageQueue queue : Patience.until(() -> producer.fetchPublishMessageQueues(topic))) {
            if (queue.getQueueId() == queueId) return queue;
        }
        throw new IllegalArgumentException(topic + " has no queue " + queueId);
    }

    private static Message messageOf(JsonNode described) {
        Message message = new Message(described.get("topic").asText(), Messages.bytes(described.get("body")));
        if (described.has("tags")) message.setTags(described.get("tags").asText());
        if (described.has("keys")) message.setKeys(described.get("keys").asText());
        if (described.has("delayLevel")) message.setDelayTimeLevel(described.get("delayLevel").asInt());
        message.setFlag(described.path("flag").asInt(0));
        described.path("properties").fields().forEachRemaining(
            entry -> message.putUserProperty(entry.getKey(), entry.getValue().asText()));
        return message;
    }

    /** Everything in some topics, by topic and queue, as soon as there are so many messages in them together. */
    static Object consume(JsonNode arguments) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer("judge-consumer");
        consumer.setNamesrvAddr(arguments.get("nameServer").asText());
        consumer.start();
        try {
            return Patience.until(() -> {
                Map<String, Object> topics = new TreeMap<>();
                long count = 0;
                for (JsonNode topic : arguments.get("topics")) {
                    Map<String, List<Object>> queues = new TreeMap<>();
                    for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(topic.asText())) {
                        queues.put(String.valueOf(queue.getQueueId()), pullAll(consumer, queue));
                    }
                    topics.put(topic.asText(), queues);
                    count += queues.values().stream().mapToLong(List::size).sum();
                }
                if (count < arguments.get("count").asLong()) throw new IllegalStateException("There are " + count);
                return topics;
            });
        } finally {
            consumer.shutdown();
        }
    }

    /** What a group has committed of a topic, by queue, after what it commits now; -1 where it has committed nothing. */
    static Object commit(JsonNode arguments) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(arguments.get("group").asText());
        consumer.setNamesrvAddr(arguments.get("nameServer").asText());
        consumer.start();
        try {
            Map<String, Object> committed = new TreeMap<>();
            String topic = arguments.get("topic").asText();
            for (MessageQueue queue : Patience.until(() -> consumer.fetchSubscribeMessageQueues(topic))) {
                String id = String.valueOf(queue.getQueueId());
                JsonNode offset = arguments.path("offsets").path(id);
                if (offset.isNumber()) {
                    // As of which the broker knows the group, if it did not.
                    consumer.pull(queue, "*", consumer.minOffset(queue), 1);
                    consumer.getOffsetStore().updateConsumeOffsetToBroker(queue, offset.asLong(), false);
                }
                committed.put(id, consumer.fetchConsumeOffset(queue, true));
            }
            return committed;
        } finally {
            consumer.shutdown();
        }
    }

    private static List<Object> pullAll(DefaultMQPullConsumer consumer, MessageQueue queue) throws Exception {
        List<Object> rows = new ArrayList<>();
        long offset = consumer.minOffset(queue);
        long end = consumer.maxOffset(queue);
        while (offset < end) {
            PullResult result = consumer.pull(queue, "*", offset, maxPerPull);
            if (result.getPullStatus() == PullStatus.FOUND) {
                for (MessageExt message : result.getMsgFoundList()) rows.add(Messages.row(message));
            }
            offset = result.getNextBeginOffset();
        }
        return rows;
    }
}

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** RocketMQ's clients against a broker that a name server knows. */
class Clients {
    private static final int maxPerPull = 32;

    /** Each entry is one message, or a list that is sent as one batch. Queue, offset and ids of each send. */
    static Object produce(JsonNode arguments) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("judge-producer");
        producer.setNamesrvAddr(arguments.get("nameServer").asText());
        producer.setSendMsgTimeout(10_000);
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

    /** A topic that is not there is made by asking, as of the second time. */
    private static MessageQueue queueOf(DefaultMQProducer producer, String topic, int queueId) throws Exception {
        List<MessageQueue> queues;
        try {
            queues = producer.fetchPublishMessageQueues(topic);
        } catch (Exception absent) {
            producer.createTopic("TBW102", topic, 4, null);
            queues = producer.fetchPublishMessageQueues(topic);
        }
        for (MessageQueue queue : queues) {
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

    /** Everything in a topic that an expression of tags lets through, by queue. */
    static Object consume(JsonNode arguments) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer("judge-consumer");
        consumer.setNamesrvAddr(arguments.get("nameServer").asText());
        consumer.start();
        try {
            Map<String, Object> queues = new TreeMap<>();
            Set<MessageQueue> known = new HashSet<>(consumer.fetchSubscribeMessageQueues(arguments.get("topic").asText()));
            for (MessageQueue queue : known) {
                queues.put(String.valueOf(queue.getQueueId()), pullAll(consumer, queue, arguments.path("tags").asText("*")));
            }
            return queues;
        } finally {
            consumer.shutdown();
        }
    }

    private static List<Object> pullAll(DefaultMQPullConsumer consumer, MessageQueue queue, String tags) throws Exception {
        List<Object> rows = new ArrayList<>();
        long offset = consumer.minOffset(queue);
        long end = consumer.maxOffset(queue);
        while (offset < end) {
            PullResult result = consumer.pull(queue, tags, offset, maxPerPull);
            if (result.getPullStatus() == PullStatus.FOUND) {
                for (MessageExt message : result.getMsgFoundList()) rows.add(Messages.row(message));
            }
            offset = result.getNextBeginOffset();
        }
        return rows;
    }
}

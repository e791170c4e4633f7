import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Java producers, each known by a name, one call of them at a time. */
class Producers {
    private static final Map<String, KafkaProducer<byte[], byte[]>> open = new HashMap<>();

    static Object run(JsonNode arguments) throws Exception {
        String name = arguments.get("name").asText();
        String call = arguments.get("call").asText();
        if (call.equals("open")) {
            Properties properties = new Properties();
            arguments.get("config").fields().forEachRemaining(entry -> properties.put(entry.getKey(), entry.getValue().asText()));
            open.put(name, new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer()));
            return null;
        }
        KafkaProducer<byte[], byte[]> producer = open.get(name);
        switch (call) {
            case "initTransactions": producer.initTransactions(); return null;
            case "begin": producer.beginTransaction(); return null;
            case "send": return send(producer, arguments.get("records"));
            case "sendOffsets": sendOffsets(producer, arguments); return null;
            case "commit": producer.commitTransaction(); return null;
            case "abort": producer.abortTransaction(); return null;
            case "close": open.remove(name).close(); return null;
            case "abandon": open.remove(name).close(Duration.ZERO); return null;
            default: throw new IllegalArgumentException("A producer has no " + call);
        }
    }

    /** All of them sent, then all of them waited for. */
    private static Object send(KafkaProducer<byte[], byte[]> producer, JsonNode records) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (JsonNode record : records) sent.add(producer.send(recordOf(record)));
        producer.flush();
        List<Object> receipts = new ArrayList<>();
        for (Future<RecordMetadata> receipt : sent) receipts.add(List.of(receipt.get().partition(), receipt.get().offset()));
        return receipts;
    }

    private static ProducerRecord<byte[], byte[]> recordOf(JsonNode record) {
        RecordHeaders headers = new RecordHeaders();
        if (record.has("headers")) record.get("headers").forEach(pair -> headers.add(pair.get(0).asText(), Records.bytes(pair.get(1))));
        return new ProducerRecord<>(record.get("topic").asText(),
            record.has("partition") ? record.get("partition").asInt() : null,
            record.has("timestamp") ? record.get("timestamp").asLong() : null,
            Records.bytes(record.get("key")), Records.bytes(record.get("value")), headers);
    }

    private static void sendOffsets(KafkaProducer<byte[], byte[]> producer, JsonNode arguments) {
        TopicPartition partition = new TopicPartition(arguments.get("topic").asText(), arguments.get("partition").asInt());
        producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(arguments.get("offset").asLong())),
            new ConsumerGroupMetadata(arguments.get("group").asText()));
    }
}

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** The Java consumer. */
class Consumers {
    private static final long patienceMs = 30_000;

    private static KafkaConsumer<byte[], byte[]> open(JsonNode arguments) {
        Properties properties = new Properties();
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        properties.put("fetch.max.wait.ms", "50");
        arguments.get("config").fields().forEachRemaining(entry -> properties.put(entry.getKey(), entry.getValue().asText()));
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Every record of a topic up to the end that the isolation level lets it see, by partition. */
    static Object readAll(JsonNode arguments) {
        String topic = arguments.get("topic").asText();
        Map<Integer, List<Object>> found = new LinkedHashMap<>();
        try (KafkaConsumer<byte[], byte[]> consumer = open(arguments)) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                .map(info -> new TopicPartition(topic, info.partition())).collect(Collectors.toList());
            partitions.forEach(partition -> found.put(partition.partition(), new ArrayList<>()));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long giveUp = System.currentTimeMillis() + patienceMs;
            while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                if (System.currentTimeMillis() > giveUp) throw new IllegalStateException("Nothing more comes before " + ends);
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    if (record.offset() < ends.get(new TopicPartition(topic, record.partition())))
                        found.get(record.partition()).add(row(record));
                }
            }
        }
        return found;
    }

    /** As a member of a group: so many records, then commits and leaves. */
    static Object readInGroup(JsonNode arguments) {
        int count = arguments.get("count").asInt();
        List<Object> found = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = open(arguments)) {
            consumer.subscribe(List.of(arguments.get("topic").asText()));
            long giveUp = System.currentTimeMillis() + patienceMs;
            while (found.size() < count) {
                if (System.currentTimeMillis() > giveUp) throw new IllegalStateException("Only " + found.size() + " records came");
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) found.add(row(record));
            }
            consumer.commitSync();
        }
        return found;
    }

    private static Map<String, Object> row(ConsumerRecord<byte[], byte[]> record) {
        return Records.row(record.offset(), record.timestamp(), record.key(), record.value(), record.headers().toArray());
    }
}

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/** The Java AdminClient: one call of one client. */
class Admins {
    static Object run(JsonNode arguments) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments.get("address").asText());
        properties.put("default.api.timeout.ms", "20000");
        properties.put("request.timeout.ms", "10000");
        try (Admin admin = Admin.create(properties)) {
            return call(admin, arguments);
        }
    }

    private static Object call(Admin admin, JsonNode arguments) throws Exception {
        TopicPartition partition = arguments.has("topic")
            ? new TopicPartition(arguments.get("topic").asText(), arguments.path("partition").asInt(0))
            : null;
        switch (arguments.get("call").asText()) {
            case "createTopic": {
                NewTopic topic = new NewTopic(partition.topic(), arguments.get("partitions").asInt(), (short) 1);
                admin.createTopics(List.of(topic.configs(texts(arguments.get("config"))))).all().get();
                return null;
            }
            case "deleteTopic": admin.deleteTopics(List.of(partition.topic())).all().get(); return null;
            case "listTopics": return admin.listTopics().names().get();
            case "describeTopic": {
                TopicDescription topic = admin.describeTopics(List.of(partition.topic())).allTopicNames().get().get(partition.topic());
                return Map.of("topicId", topic.topicId().toString(), "partitions", topic.partitions().size(), "internal", topic.isInternal());
            }
            case "describeCluster": return Map.of("clusterId", admin.describeCluster().clusterId().get(),
                "nodes", admin.describeCluster().nodes().get().size());
            case "deleteRecords": {
                long before = arguments.get("before").asLong();
                return admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(before)))
                    .lowWatermarks().get(partition).get().lowWatermark();
            }
            case "listOffsets": return admin.listOffsets(Map.of(partition, specOf(arguments.get("at"))))
                .partitionResult(partition).get().offset();
            case "describeConfigs": return describeConfigs(admin, partition.topic());
            case "alterConfigs": alterConfigs(admin, partition.topic(), arguments); return null;
            case "groupOffsets": return groupOffsets(admin, arguments.get("group").asText());
            case "describeProducers": return producers(admin, partition);
            case "listTransactions": {
                Map<String, String> states = new TreeMap<>();
                for (TransactionListing one : admin.listTransactions().all().get()) states.put(one.transactionalId(), one.state().toString());
                return states;
            }
            case "describeTransaction": {
                String id = arguments.get("transactionalId").asText();
                return admin.describeTransactions(List.of(id)).all().get().get(id).state().toString();
            }
            case "fenceProducers": admin.fenceProducers(List.of(arguments.get("transactionalId").asText())).all().get(); return null;
            default: throw new IllegalArgumentException("There is no such call");
        }
    }

    private static OffsetSpec specOf(JsonNode at) {
        switch (at.asText()) {
            case "earliest": return OffsetSpec.earliest();
            case "latest": return OffsetSpec.latest();
            case "maxTimestamp": return OffsetSpec.maxTimestamp();
            default: return OffsetSpec.forTimestamp(at.asLong());
        }
    }

    private static Map<String, String> texts(JsonNode node) {
        Map<String, String> texts = new HashMap<>();
        if (node != null) node.fields().forEachRemaining(entry -> texts.put(entry.getKey(), entry.getValue().asText()));
        return texts;
    }

    private static Object describeConfigs(Admin admin, String topic) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Map<String, Object> found = new TreeMap<>();
        for (ConfigEntry entry : admin.describeConfigs(List.of(resource)).all().get().get(resource).entries())
            found.put(entry.name(), Map.of("value", String.valueOf(entry.value()), "source", entry.source().toString()));
        return found;
    }

    private static void alterConfigs(Admin admin, String topic, JsonNode arguments) throws Exception {
        List<AlterConfigOp> changes = new ArrayList<>();
        texts(arguments.get("set")).forEach((name, value) ->
            changes.add(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET)));
        if (arguments.has("delete")) arguments.get("delete").forEach(name ->
            changes.add(new AlterConfigOp(new ConfigEntry(name.asText(), ""), AlterConfigOp.OpType.DELETE)));
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), changes)).all().get();
    }

    private static Object groupOffsets(Admin admin, String group) throws Exception {
        Map<String, Long> found = new TreeMap<>();
        admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get()
            .forEach((partition, committed) -> found.put(partition.toString(), committed.offset()));
        return found;
    }

    private static Object producers(Admin admin, TopicPartition partition) throws Exception {
        List<Object> rows = new ArrayList<>();
        for (ProducerState state : admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers()) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("producerId", state.producerId());
            row.put("producerEpoch", state.producerEpoch());
            row.put("lastSequence", state.lastSequence());
            row.put("txnFirstOffset", state.currentTransactionStartOffset().orElse(-1));
            rows.add(row);
        }
        return rows;
    }
}

import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.metadata.properties.MetaProperties;
import org.apache.kafka.metadata.properties.PropertiesUtils;
import org.apache.kafka.storage.internals.checkpoint.CleanShutdownFileHandler;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.PartitionMetadataFile;

/** The small files of a log directory, read by the classes with which Kafka reads them. */
class Files {
    static Object read(JsonNode arguments) throws Exception {
        File directory = new File(arguments.get("directory").asText());
        Map<String, Object> found = new LinkedHashMap<>();
        Properties properties = PropertiesUtils.readPropertiesFile(new File(directory, "meta.properties").getPath());
        MetaProperties meta = new MetaProperties.Builder(properties).build();
        found.put("version", meta.version().number());
        found.put("clusterId", meta.clusterId().orElse(null));
        found.put("nodeId", meta.nodeId().isPresent() ? meta.nodeId().getAsInt() : null);
        found.put("clean", new CleanShutdownFileHandler(directory.getPath()).exists());
        found.put("recoveryPoints", checkpoint(directory, "recovery-point-offset-checkpoint"));
        found.put("logStarts", checkpoint(directory, "log-start-offset-checkpoint"));
        found.put("highWatermarks", checkpoint(directory, "replication-offset-checkpoint"));
        found.put("cleaned", checkpoint(directory, "cleaner-offset-checkpoint"));
        Map<String, String> topicIds = new TreeMap<>();
        for (File partition : directory.listFiles(File::isDirectory)) {
            File file = PartitionMetadataFile.newFile(partition);
            if (file.exists()) topicIds.put(partition.getName(), new PartitionMetadataFile(file, null).read().topicId().toString());
        }
        found.put("topicIds", topicIds);
        return found;
    }

    /** By the name of the partition's directory. */
    static Map<String, Long> checkpoint(File directory, String name) throws Exception {
        File file = new File(directory, name);
        Map<String, Long> offsets = new TreeMap<>();
        if (!file.exists()) return offsets;
        Map<TopicPartition, Long> read = new OffsetCheckpointFile(file, null).read();
        read.forEach((partition, offset) -> offsets.put(partition.toString(), offset));
        return offsets;
    }
}

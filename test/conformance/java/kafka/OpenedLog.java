import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.storage.log.FetchIsolation;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.LogSegment;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

/** A partition directory opened by Kafka's own log, through its LogLoader, as its LogManager would at a start. */
class OpenedLog implements AutoCloseable {
    private static final int producerIdExpirationMs = 86_400_000;
    private static final int maxTransactionTimeoutMs = 900_000;

    final UnifiedLog log;
    private final KafkaScheduler scheduler = new KafkaScheduler(1);

    /** The checkpoints are those that lie in the log directory; recoverFrom says another recovery point. */
    OpenedLog(JsonNode arguments, Time time) throws Exception {
        File directory = new File(arguments.get("directory").asText());
        File parent = directory.getParentFile();
        String name = directory.getName();
        long logStart = Files.checkpoint(parent, "log-start-offset-checkpoint").getOrDefault(name, 0L);
        long recoveryPoint = arguments.has("recoveryPoint")
            ? arguments.get("recoveryPoint").asLong()
            : Files.checkpoint(parent, "recovery-point-offset-checkpoint").getOrDefault(name, 0L);
        Properties properties = new Properties();
        arguments.get("config").fields().forEachRemaining(entry -> properties.put(entry.getKey(), entry.getValue().asText()));
        scheduler.startup();
        log = UnifiedLog.create(directory, new LogConfig(properties), logStart, recoveryPoint, scheduler,
            new BrokerTopicStats(), time, maxTransactionTimeoutMs,
            new ProducerStateManagerConfig(producerIdExpirationMs, false), 600_000, new LogDirFailureChannel(1),
            arguments.get("clean").asBoolean(), Optional.empty());
        log.updateHighWatermark(log.logEndOffset());
    }

    @Override
    public void close() throws Exception {
        log.close();
        scheduler.shutdown();
    }

    static Object report(JsonNode arguments) throws Exception {
        try (OpenedLog opened = new OpenedLog(arguments, Time.SYSTEM)) {
            UnifiedLog log = opened.log;
            Map<String, Object> report = new LinkedHashMap<>();
            report.put("logStartOffset", log.logStartOffset());
            report.put("logEndOffset", log.logEndOffset());
            report.put("lastStableOffset", log.lastStableOffset());
            report.put("sizeInBytes", log.size());
            report.put("segments", log.logSegments().stream().map(LogSegment::baseOffset).toArray());
            report.put("producers", opened.producers());
            report.put("aborted", opened.aborted());
            report.put("epochs", log.leaderEpochCache().epochEntries().stream()
                .map(entry -> List.of(entry.epoch, entry.startOffset)).toArray());
            report.put("batches", opened.batches());
            return report;
        }
    }

    private List<Object> producers() {
        List<Object> rows = new ArrayList<>();
        log.producerStateManager().activeProducers().forEach((id, entry) -> {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("producerId", id);
            row.put("producerEpoch", entry.producerEpoch());
            row.put("lastSequence", entry.lastSeq());
            row.put("lastOffset", entry.lastDataOffset());
            row.put("coordinatorEpoch", entry.coordinatorEpoch());
            row.put("lastTimestamp", entry.lastTimestamp());
            row.put("txnFirstOffset", entry.currentTxnFirstOffset().orElse(-1L));
            rows.add(row);
        });
        return rows;
    }

    private List<Object> aborted() {
        List<Object> rows = new ArrayList<>();
        log.collectAbortedTransactions(log.logStartOffset(), log.logEndOffset()).forEach(txn ->
            rows.add(Map.of("producerId", txn.producerId(), "firstOffset", txn.firstOffset(), "lastOffset", txn.lastOffset(),
                "lastStableOffset", txn.lastStableOffset())));
        return rows;
    }

    private List<Object> batches() throws Exception {
        List<Object> rows = new ArrayList<>();
        long offset = log.logStartOffset();
        while (offset < log.logEndOffset()) {
            long from = offset;
            for (RecordBatch batch : log.read(from, 1 << 20, FetchIsolation.LOG_END, true).records.batches()) {
                if (batch.lastOffset() < from) continue;
                rows.add(Records.batch(batch));
                offset = batch.nextOffset();
            }
            // Compaction may have emptied the end of a log.
            if (offset == from) break;
        }
        return rows;
    }
}

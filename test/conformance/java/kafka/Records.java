import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.utils.Utils;

/** Batches and records as JSON; bytes in base64. */
class Records {
    static Map<String, Object> batch(RecordBatch batch) {
        batch.ensureValid();
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("baseOffset", batch.baseOffset());
        row.put("lastOffset", batch.lastOffset());
        row.put("leaderEpoch", batch.partitionLeaderEpoch());
        row.put("producerId", batch.producerId());
        row.put("producerEpoch", batch.producerEpoch());
        row.put("baseSequence", batch.baseSequence());
        row.put("codec", batch.compressionType().name);
        row.put("timestampType", batch.timestampType().name);
        row.put("maxTimestamp", batch.maxTimestamp());
        row.put("isTransactional", batch.isTransactional());
        row.put("isControl", batch.isControlBatch());
        row.put("deleteHorizonMs", batch.deleteHorizonMs().isPresent() ? batch.deleteHorizonMs().getAsLong() : null);
        List<Object> records = new ArrayList<>();
        for (Record record : batch) records.add(record(record));
        row.put("records", records);
        return row;
    }

    static Map<String, Object> record(Record record) {
        return row(record.offset(), record.timestamp(), bytes(record.key()), bytes(record.value()), record.headers());
    }

    static Map<String, Object> row(long offset, long timestamp, byte[] key, byte[] value, Header[] headers) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("offset", offset);
        row.put("timestamp", timestamp);
        row.put("key", text(key));
        row.put("value", text(value));
        List<Object> pairs = new ArrayList<>();
        for (Header header : headers) {
            List<String> pair = new ArrayList<>();
            pair.add(header.key());
            pair.add(text(header.value()));
            pairs.add(pair);
        }
        row.put("headers", pairs);
        return row;
    }

    static byte[] bytes(ByteBuffer buffer) {
        return buffer == null ? null : Utils.toArray(buffer);
    }

    static String text(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }

    static byte[] bytes(com.fasterxml.jackson.databind.JsonNode text) {
        return text == null || text.isNull() ? null : Base64.getDecoder().decode(text.asText());
    }
}

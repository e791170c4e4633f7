import com.fasterxml.jackson.databind.JsonNode;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages as JSON; bodies in base64, one that is absent like an empty one. */
class Messages {
    /** As RocketMQ's own decoder reads it; a compressed body is unpacked where that is asked for. */
    static Map<String, Object> row(ByteBuffer stored, boolean isUnpacked) {
        MessageExt message = MessageDecoder.decode(stored, true, isUnpacked);
        if (message == null) throw new IllegalStateException("MessageDecoder cannot decode it");
        return row(message);
    }

    static Map<String, Object> row(MessageExt message) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("topic", message.getTopic());
        row.put("queueId", message.getQueueId());
        row.put("queueOffset", message.getQueueOffset());
        row.put("position", message.getCommitLogOffset());
        row.put("sizeInBytes", message.getStoreSize());
        row.put("messageId", message.getMsgId());
        row.put("flag", message.getFlag());
        row.put("sysFlag", message.getSysFlag());
        row.put("bornTimestamp", message.getBornTimestamp());
        row.put("bornHost", host(message.getBornHost()));
        row.put("storeTimestamp", message.getStoreTimestamp());
        row.put("storeHost", host(message.getStoreHost()));
        row.put("reconsumeTimes", message.getReconsumeTimes());
        row.put("preparedPosition", message.getPreparedTransactionOffset());
        row.put("body", Base64.getEncoder().encodeToString(message.getBody() == null ? new byte[0] : message.getBody()));
        row.put("properties", message.getProperties() == null ? Map.of() : new TreeMap<>(message.getProperties()));
        return row;
    }

    private static String host(SocketAddress address) {
        InetSocketAddress host = (InetSocketAddress) address;
        String text = host.getAddress().getHostAddress();
        return (host.getAddress() instanceof Inet6Address ? "[" + text + "]" : text) + ":" + host.getPort();
    }

    static byte[] bytes(JsonNode base64) {
        return Base64.getDecoder().decode(base64.asText());
    }
}

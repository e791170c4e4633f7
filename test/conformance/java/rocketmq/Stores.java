import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageExtBrokerInner;
import org.apache.rocketmq.remoting.protocol.filter.FilterAPI;
import org.apache.rocketmq.store.DefaultMessageFilter;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.GetMessageResult;
import org.apache.rocketmq.store.GetMessageStatus;
import org.apache.rocketmq.store.MessageFilter;
import org.apache.rocketmq.store.PutMessageResult;
import org.apache.rocketmq.store.QueryMessageResult;
import org.apache.rocketmq.store.config.MessageStoreConfig;
import org.apache.rocketmq.store.stats.BrokerStatsManager;

/** RocketMQ's DefaultMessageStore on a directory, one at a time. */
class Stores {
    private static final int maxPerRead = 1000;

    private static DefaultMessageStore store;
    private static BrokerStatsManager statistics;

    /** Of the config, the names are those of a broker's configuration file. Says whether it would load. */
    static Object open(JsonNode arguments) throws Exception {
        Properties given = new Properties();
        arguments.get("config").fields().forEachRemaining(entry -> given.put(entry.getKey(), entry.getValue().asText()));
        MessageStoreConfig config = new MessageStoreConfig();
        config.setStorePathRootDir(arguments.get("root").asText());
        config.setStorePathCommitLog(config.getStorePathRootDir() + File.separator + "commitlog");
        config.setHaListenPort(0);
        config.setTimerWheelEnable(false);
        config.setEnableCompaction(false);
        config.setDiskMaxUsedSpaceRatio(95);
        config.setCleanFileForciblyEnable(false);
        config.setMaxTransferCountOnMessageInMemory(maxPerRead);
        config.setMaxTransferCountOnMessageInDisk(maxPerRead);
        MixAll.properties2Object(given, config);
        statistics = new BrokerStatsManager("judge", true);
        store = new DefaultMessageStore(config, statistics, null, new BrokerConfig(), new ConcurrentHashMap<>());
        boolean loaded = store.load();
        if (loaded) {
            store.start();
            while (store.dispatchBehindBytes() > 0) Thread.sleep(1);
        } else {
            store.shutdown();
            store = null;
        }
        return loaded;
    }

    /** Minimum and maximum offset by topic and queue, and the ends of the commit log. */
    static Object queues(JsonNode arguments) {
        Map<String, Object> topics = new TreeMap<>();
        store.getConsumeQueueTable().forEach((topic, queues) -> {
            Map<String, Object> rows = new TreeMap<>();
            queues.forEach((id, queue) ->
                rows.put(String.valueOf(id), List.of(queue.getMinOffsetInQueue(), queue.getMaxOffsetInQueue())));
            topics.put(topic, rows);
        });
        return Map.of("topics", topics, "minPosition", store.getMinPhyOffset(), "maxPosition", store.getMaxPhyOffset());
    }

    /** Every message of a queue, or those that a consumer with an expression of tags is sent. */
    static Object read(JsonNode arguments) throws Exception {
        String topic = arguments.get("topic").asText();
        int queueId = arguments.get("queueId").asInt();
        MessageFilter filter = arguments.has("tags")
            ? new DefaultMessageFilter(FilterAPI.buildSubscriptionData(topic, arguments.get("tags").asText()))
            : null;
        List<Object> rows = new ArrayList<>();
        long offset = store.getMinOffsetInQueue(topic, queueId);
        while (offset < store.getMaxOffsetInQueue(topic, queueId)) {
            GetMessageResult result = store.getMessage("judge", topic, queueId, offset, maxPerRead, filter);
            if (result.getStatus() != GetMessageStatus.FOUND && result.getStatus() != GetMessageStatus.NO_MATCHED_MESSAGE) {
                throw new IllegalStateException("At offset " + offset + ": " + result.getStatus());
            }
            for (ByteBuffer message : result.getMessageBufferList()) {
                rows.add(Messages.row(message, arguments.path("unpack").asBoolean()));
            }
            result.release();
            if (result.getNextBeginOffset() <= offset) throw new IllegalStateException("No way on from " + offset);
            offset = result.getNextBeginOffset();
        }
        return rows;
    }

    /** By one of the KEYS or the unique key, stored between two times in ms; newest first, as it comes. */
    static Object find(JsonNode arguments) {
        long from = arguments.has("from") ? arguments.get("from").asLong() : 0;
        long to = arguments.has("to") ? arguments.get("to").asLong() : Long.MAX_VALUE;
        QueryMessageResult result =
            store.queryMessage(arguments.get("topic").asText(), arguments.get("key").asText(), maxPerRead, from, to);
        List<Object> rows = new ArrayList<>();
        for (ByteBuffer message : result.getMessageBufferList()) rows.add(Messages.row(message, false));
        result.release();
        return rows;
    }

    static Object offsetAt(JsonNode arguments) {
        return store.getOffsetInQueueByTime(arguments.get("topic").asText(), arguments.get("queueId").asInt(),
            arguments.get("timestamp").asLong());
    }

    /** Null where there is none. */
    static Object lookAt(JsonNode arguments) {
        MessageExt message = store.lookMessageByOffset(arguments.get("position").asLong());
        return message == null ? null : Messages.row(message);
    }

    /** Many, one after another: status, queue offset, message id and position of each. */
    static Object put(JsonNode arguments) throws Exception {
        List<Object> rows = new ArrayList<>();
        for (JsonNode message : arguments.get("messages")) {
            PutMessageResult result = store.putMessage(innerOf(message));
            Map<String, Object> row = new HashMap<>();
            row.put("status", result.getPutMessageStatus().name());
            if (result.getAppendMessageResult() != null) {
                row.put("queueOffset", result.getAppendMessageResult().getLogicsOffset());
                row.put("messageId", result.getAppendMessageResult().getMsgId());
                row.put("position", result.getAppendMessageResult().getWroteOffset());
            }
            rows.add(row);
        }
        while (store.dispatchBehindBytes() > 0) Thread.sleep(1);
        return rows;
    }

    private static MessageExtBrokerInner innerOf(JsonNode message) {
        MessageExtBrokerInner inner = new MessageExtBrokerInner();
        inner.setTopic(message.get("topic").asText());
        inner.setQueueId(message.get("queueId").asInt());
        inner.setBody(Messages.bytes(message.get("body")));
        // As text, so that a test decides on order, duplicates and the last separator.
        inner.setPropertiesString(message.get("properties").asText());
        MessageAccessor.setProperties(inner, MessageDecoder.string2messageProperties(inner.getPropertiesString()));
        inner.setTagsCode(MessageExtBrokerInner.tagsString2tagsCode(inner.getTags()));
        inner.setSysFlag(message.path("sysFlag").asInt(0));
        inner.setFlag(message.path("flag").asInt(0));
        inner.setBornTimestamp(message.get("bornTimestamp").asLong());
        InetSocketAddress bornHost = new InetSocketAddress(message.path("bornHost").asText("127.0.0.1"), 1234);
        InetSocketAddress storeHost = new InetSocketAddress(message.path("storeHost").asText("127.0.0.1"), 10911);
        inner.setBornHost(bornHost);
        inner.setStoreHost(storeHost);
        if (bornHost.getAddress() instanceof Inet6Address) inner.setBornHostV6Flag();
        if (storeHost.getAddress() instanceof Inet6Address) inner.setStoreHostAddressV6Flag();
        return inner;
    }

    /** In order: its consume queues and its index are written, and `abort` is gone. */
    static Object close(JsonNode arguments) {
        store.shutdown();
        statistics.shutdown();
        store = null;
        return null;
    }
}

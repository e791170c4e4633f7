import com.fasterxml.jackson.databind.JsonNode;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** RocketMQ's own producer as a closed loop: so many senders, each with one message under way, round the queues. */
public class Senders {
    private static final int differentBodies = 1024;
    private static final int sendTimeoutMs = 60_000;

    private static DefaultMQProducer producer;
    private static List<MessageQueue> queues;
    private static byte[][] bodies;
    private static final AtomicInteger next = new AtomicInteger();

    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        System.setOut(System.err);
        Commands.serve(Map.of("open", Senders::open, "load", Senders::load), answers);
        System.exit(0);
    }

    private static Object open(JsonNode arguments) throws Exception {
        int count = arguments.get("queues").asInt();
        producer = new DefaultMQProducer("senders");
        producer.setNamesrvAddr(arguments.get("nameServer").asText());
        producer.setSendMsgTimeout(sendTimeoutMs);
        producer.setRetryTimesWhenSendAsyncFailed(0);
        producer.start();
        // The name server hears of the broker, and of the topic, some time after they are there.
        queues = Patience.until(() -> {
            producer.createTopic("TBW102", "bench", count, null);
            return new ArrayList<>(producer.fetchPublishMessageQueues("bench"));
        });
        queues.sort(Comparator.comparingInt(MessageQueue::getQueueId));
        if (queues.size() != count) throw new IllegalStateException("There are " + queues.size() + " queues");
        Random random = new Random(1);
        bodies = new byte[differentBodies][arguments.get("sizeBytes").asInt()];
        for (byte[] body : bodies) random.nextBytes(body);
        return null;
    }

    /** For so long; how many were acknowledged, in what time, and the percentiles of one. */
    private static Object load(JsonNode arguments) throws Exception {
        int senders = arguments.get("senders").asInt();
        long start = System.nanoTime();
        long end = start + arguments.get("ms").asLong() * 1_000_000;
        CountDownLatch left = new CountDownLatch(senders);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Sender> all = new ArrayList<>();
        for (int i = 0; i < senders; i++) all.add(new Sender(end, left, failure));
        for (Sender sender : all) sender.send();
        left.await();
        double elapsedMs = (System.nanoTime() - start) / 1e6;
        if (failure.get() != null) throw new IllegalStateException(failure.get());
        long[] latencies = all.stream().flatMapToLong(Sender::latencies).sorted().toArray();
        return Map.of("acknowledged", latencies.length, "perSecond", latencies.length / elapsedMs * 1000,
            "p50Ms", percentile(latencies, 0.5), "p99Ms", percentile(latencies, 0.99),
            "p999Ms", percentile(latencies, 0.999));
    }

    private static double percentile(long[] sortedNanoseconds, double of) {
        if (sortedNanoseconds.length == 0) return 0;
        return sortedNanoseconds[(int) Math.min(sortedNanoseconds.length - 1, sortedNanoseconds.length * of)] / 1e6;
    }

    /** Its next message goes when the last is acknowledged. */
    private static class Sender implements SendCallback {
        private final long end;
        private final CountDownLatch left;
        private final AtomicReference<Throwable> failure;
        private long[] nanoseconds = new long[1024];
        private int count;
        private long sentAt;

        Sender(long end, CountDownLatch left, AtomicReference<Throwable> failure) {
            this.end = end;
            this.left = left;
            this.failure = failure;
        }

        void send() {
            int number = next.getAndIncrement() & Integer.MAX_VALUE;
            Message message = new Message("bench", bodies[number % bodies.length]);
            sentAt = System.nanoTime();
            try {
                producer.send(message, queues.get(number % queues.size()), this);
            } catch (Exception refused) {
                onException(refused);
            }
        }

        @Override
        public void onSuccess(SendResult result) {
            if (result.getSendStatus() != SendStatus.SEND_OK) {
                onException(new IllegalStateException(result.getSendStatus().name()));
                return;
            }
            long now = System.nanoTime();
            if (count == nanoseconds.length) nanoseconds = Arrays.copyOf(nanoseconds, 2 * count);
            nanoseconds[count++] = now - sentAt;
            if (now < end && failure.get() == null) send();
            else left.countDown();
        }

        @Override
        public void onException(Throwable thrown) {
            failure.compareAndSet(null, thrown);
            left.countDown();
        }

        java.util.stream.LongStream latencies() {
            return Arrays.stream(nanoseconds, 0, count);
        }
    }
}

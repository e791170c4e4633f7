import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.storage.internals.log.Cleaner;
import org.apache.kafka.storage.internals.log.LogCleanerManager;
import org.apache.kafka.storage.internals.log.LogToClean;
import org.apache.kafka.storage.internals.log.SkimpyOffsetMap;
import org.apache.kafka.storage.internals.utils.Throttler;

/** One cleaning of one partition by Kafka's log cleaner, at a time that is given. */
class Cleaning {
    private static final int bufferBytes = 1 << 20;

    static class FixedTime implements Time {
        private final long nowMs;

        FixedTime(long nowMs) {
            this.nowMs = nowMs;
        }

        @Override
        public long milliseconds() {
            return nowMs;
        }

        @Override
        public long nanoseconds() {
            return TimeUnit.MILLISECONDS.toNanos(nowMs);
        }

        @Override
        public void sleep(long ms) {
        }

        @Override
        public void waitObject(Object object, Supplier<Boolean> condition, long deadlineMs) {
            throw new UnsupportedOperationException();
        }
    }

    static Object run(JsonNode arguments) throws Exception {
        Time time = new FixedTime(arguments.get("nowMs").asLong());
        Optional<Long> cleanedUpTo = arguments.hasNonNull("cleanedUpTo")
            ? Optional.of(arguments.get("cleanedUpTo").asLong())
            : Optional.empty();
        try (OpenedLog opened = new OpenedLog(arguments, time)) {
            LogCleanerManager.OffsetsToClean offsets =
                LogCleanerManager.cleanableOffsets(opened.log, cleanedUpTo, time.milliseconds());
            Throttler throttler = new Throttler(Double.MAX_VALUE, 1000, "cleaning", "bytes", time);
            Cleaner cleaner = new Cleaner(0, new SkimpyOffsetMap(16 << 20), bufferBytes, bufferBytes, 0.9, throttler, time,
                partition -> { });
            LogToClean work = new LogToClean(opened.log, offsets.firstDirtyOffset(), offsets.firstUncleanableDirtyOffset(), false);
            long endOffset = cleaner.clean(work).getKey();
            return Map.of(
                "firstDirtyOffset", offsets.firstDirtyOffset(),
                "firstUncleanableOffset", offsets.firstUncleanableDirtyOffset(),
                "cleanedUpTo", endOffset,
                "cleanableRatio", work.cleanableRatio());
        }
    }
}

import java.util.concurrent.Callable;

/** For what a server that has only just come up does not do yet. */
class Patience {
    private static final long forMs = 30_000;
    private static final long betweenMs = 50;

    /** Tries again until it goes well; throws what was thrown last when that takes too long. */
    static <T> T until(Callable<T> attempt) throws Exception {
        long end = System.nanoTime() + forMs * 1_000_000;
        for (;;) {
            try {
                return attempt.call();
            } catch (Exception refused) {
                if (System.nanoTime() > end) throw refused;
                Thread.sleep(betweenMs);
            }
        }
    }
}

import java.io.PrintStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** RocketMQ's own message store and clients behind one process. */
public class Judge {
    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        // Its classes print to the console now and then.
        System.setOut(System.err);
        Commands.serve(Map.of(
            "openStore", Stores::open,
            "queues", Stores::queues,
            "read", Stores::read,
            "find", Stores::find,
            "offsetAt", Stores::offsetAt,
            "lookAt", Stores::lookAt,
            "put", Stores::put,
            "closeStore", Stores::close,
            "produce", Clients::produce,
            "consume", Clients::consume), answers);
        System.exit(0);
    }
}

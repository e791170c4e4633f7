import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** RocketMQ's own message store and clients behind one process. */
public class Judge {
    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        // Its classes print to the console now and then.
        System.setOut(System.err);
        Map<String, Commands.Command> commands = new HashMap<>(Map.of(
            "openStore", Stores::open,
            "queues", Stores::queues,
            "read", Stores::read,
            "find", Stores::find,
            "offsetAt", Stores::offsetAt,
            "lookAt", Stores::lookAt,
            "put", Stores::put,
            "closeStore", Stores::close));
        commands.putAll(Map.of(
            "createTopic", Clients::createTopic,
            "produce", Clients::produce,
            "produceInTransactions", Clients::produceInTransactions,
            "consume", Clients::consume,
            "commit", Clients::commit));
        Commands.serve(commands, answers);
        System.exit(0);
    }
}

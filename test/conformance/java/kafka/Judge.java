import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Kafka's own tools, log and clients behind one process. */
public class Judge {
    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        // Before anything of Scala is loaded: its console keeps the stream that it finds then.
        Dump.captureOutput();
        Commands.serve(Map.of(
            "dump", Dump::run,
            "readFiles", Files::read,
            "openLog", OpenedLog::report,
            "clean", Cleaning::run,
            "consume", Consumers::readAll,
            "consumeInGroup", Consumers::readInGroup,
            "producer", Producers::run,
            "admin", Admins::run), answers);
        System.exit(0);
    }
}

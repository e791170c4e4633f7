import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

/** kafka-dump-log as it stands, with what it prints, what it complains of, and the code it would have ended with. */
class Dump {
    private static final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private static final ByteArrayOutputStream complained = new ByteArrayOutputStream();

    static class Ended extends RuntimeException {
        final int code;

        Ended(int code) {
            super("exit " + code);
            this.code = code;
        }
    }

    static void captureOutput() {
        System.setOut(stream(printed));
        System.setErr(stream(complained));
        Exit.setExitProcedure((code, message) -> { throw new Ended(code); });
    }

    private static PrintStream stream(OutputStream into) {
        return new PrintStream(into, true, StandardCharsets.UTF_8);
    }

    static Object run(JsonNode arguments) {
        List<String> given = new ArrayList<>();
        arguments.get("options").forEach(option -> given.add(option.asText()));
        printed.reset();
        complained.reset();
        int code = 0;
        try {
            kafka.tools.DumpLogSegments.main(given.toArray(new String[0]));
        } catch (Ended ended) {
            code = ended.code;
        } catch (Throwable thrown) {
            // What would have ended the tool.
            thrown.printStackTrace();
            code = 1;
        }
        return Map.of(
            "code", code,
            "stdout", printed.toString(StandardCharsets.UTF_8),
            "stderr", complained.toString(StandardCharsets.UTF_8));
    }
}

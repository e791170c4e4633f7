import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.FileDescriptor;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Kafka's own tools, log and clients behind one process: a line of JSON on stdin names a command and its arguments, a line
 * on stdout holds what came of it. One process for all commands, because the start of a JVM takes longer than most of them.
 */
public class Judge {
    interface Command {
        Object run(JsonNode arguments) throws Exception;
    }

    static final ObjectMapper json = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        // Before anything of Scala is loaded: its console keeps the stream that it finds then.
        Dump.captureOutput();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            answers.println(json.writeValueAsString(answer(json.readTree(line))));
            answers.flush();
        }
        System.exit(0);
    }

    private static ObjectNode answer(JsonNode request) {
        ObjectNode answer = json.createObjectNode();
        try {
            answer.set("result", json.valueToTree(commandOf(request.get("command").asText()).run(request.get("arguments"))));
        } catch (Throwable thrown) {
            Throwable cause = thrown instanceof java.util.concurrent.ExecutionException ? thrown.getCause() : thrown;
            answer.put("error", cause.getClass().getSimpleName());
            answer.put("message", String.valueOf(cause.getMessage()));
            java.io.StringWriter trace = new java.io.StringWriter();
            cause.printStackTrace(new java.io.PrintWriter(trace));
            answer.put("trace", trace.toString());
        }
        return answer;
    }

    private static Command commandOf(String name) {
        switch (name) {
            case "dump": return Dump::run;
            case "readFiles": return Files::read;
            case "openLog": return OpenedLog::report;
            case "clean": return Cleaning::run;
            case "consume": return Consumers::readAll;
            case "consumeInGroup": return Consumers::readInGroup;
            case "producer": return Producers::run;
            case "admin": return Admins::run;
            default: throw new IllegalArgumentException("There is no command " + name);
        }
    }
}

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ExecutionException;

/**
 * A line of JSON on stdin names a command and its arguments, a line on `answers` holds what came of it. One process for
 * all commands, because the start of a JVM takes longer than most of them.
 */
class Commands {
    interface Command {
        Object run(JsonNode arguments) throws Exception;
    }

    private static final ObjectMapper json = new ObjectMapper();

    /** Until stdin ends. */
    static void serve(Map<String, Command> commands, PrintStream answers) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            answers.println(json.writeValueAsString(answer(commands, json.readTree(line))));
            answers.flush();
        }
    }

    private static ObjectNode answer(Map<String, Command> commands, JsonNode request) {
        ObjectNode answer = json.createObjectNode();
        try {
            String name = request.get("command").asText();
            Command command = commands.get(name);
            if (command == null) throw new IllegalArgumentException("There is no command " + name);
            answer.set("result", json.valueToTree(command.run(request.get("arguments"))));
        } catch (Throwable thrown) {
            Throwable cause = thrown instanceof ExecutionException ? thrown.getCause() : thrown;
            answer.put("error", cause.getClass().getSimpleName());
            answer.put("message", String.valueOf(cause.getMessage()));
            StringWriter trace = new StringWriter();
            cause.printStackTrace(new PrintWriter(trace));
            answer.put("trace", trace.toString());
        }
        return answer;
    }
}

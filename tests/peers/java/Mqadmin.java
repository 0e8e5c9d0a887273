import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * Runs command lines of mqadmin in one virtual machine: {@code Mqadmin NAMESRV BROKER FILE}.
 *
 * <p>A line of the file holds the words of one command, separated by tabs. Words may name what only
 * this run knows: {broker}, {namesrv}, {home}, {unique} and {offset} (ids of the first message) and
 * {client} (the id of the consumer). A command that starts with "!" is one of ours.
 */
public final class Mqadmin {
    private static final String TOPIC = "AdmTopic";
    private static final String GROUP = "AdmGroup";
    private static final long PATIENCE = 60_000;
    private static final long PATIENCE_WITH_LOOPS = 2_500;
    private static final List<String> LOOPS = List.of("clusterRT", "startMonitoring");

    private static Session session;
    private static DefaultMQPushConsumer consumer;
    private static final Map<String, String> NAMES = new HashMap<>();

    private Mqadmin() {
    }

    public static void main(String[] arguments) throws Throwable {
        System.setProperty("rocketmq.namesrv.addr", arguments[0]);
        System.setProperty("rocketmq.client.rebalance.waitInterval", "300");
        session = new Session(arguments[0], arguments[1]);
        NAMES.put("{namesrv}", arguments[0]);
        NAMES.put("{broker}", arguments[1]);
        NAMES.put("{home}", System.getProperty("user.home"));
        PrintStream real = System.out;
        for (String line : Files.readAllLines(Path.of(arguments[2]))) {
            long from = System.currentTimeMillis();
            List<String> shown = run(line);
            boolean failed = shown.stream().anyMatch(
                text -> text.startsWith("Caused by: ") || text.matches("(\\w+\\.)+\\w*Exception\\b.*"));
            real.println("STEP {\"step\":" + Outcome.quote(line.replace('\t', ' '))
                + ",\"ms\":" + (System.currentTimeMillis() - from) + ",\"ok\":" + !failed
                + "," + (failed ? "\"error\":" : "\"result\":") + Outcome.show(shown, 0) + "}");
            real.flush();
        }
        real.println("DONE " + (System.currentTimeMillis() - session.started));
        real.flush();
        Runtime.getRuntime().halt(0);
    }

    /** The lines that the command printed, without stack frames. */
    private static List<String> run(String line) throws InterruptedException {
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream captured = new ByteArrayOutputStream();
        PrintStream sink = new PrintStream(captured, true, StandardCharsets.UTF_8);
        System.setOut(sink);
        System.setErr(sink);
        String[] words = line.split("\t");
        Thread worker = new Thread(() -> execute(words), line);
        worker.setDaemon(true);
        worker.start();
        worker.join(LOOPS.contains(words[0]) ? PATIENCE_WITH_LOOPS : PATIENCE);
        System.setOut(out);
        System.setErr(err);
        List<String> shown = new ArrayList<>();
        for (String text : captured.toString(StandardCharsets.UTF_8).split("\n")) {
            String trimmed = text.trim().replaceAll("\\s+", " ");
            if (!trimmed.isEmpty() && !trimmed.startsWith("at ")
                && !trimmed.matches("\\.\\.\\. \\d+ .*")) {
                shown.add(trimmed);
            }
        }
        return shown;
    }

    private static void execute(String[] words) {
        for (int i = 1; i < words.length; i++) {
            for (Map.Entry<String, String> name : NAMES.entrySet()) {
                words[i] = words[i].replace(name.getKey(), name.getValue());
            }
        }
        try {
            if (words[0].startsWith("!")) {
                own(words);
            } else {
                forget();
                MQAdminStartup.main0(words, null);
            }
        } catch (Throwable failure) {
            failure.printStackTrace();
        }
    }

    /** Commands keep a client that they shut down: each line gets new ones, as a process would. */
    private static void forget() throws ReflectiveOperationException {
        for (Field field : MQAdminStartup.class.getDeclaredFields()) {
            if (List.class.isAssignableFrom(field.getType())) {
                field.setAccessible(true);
                ((List<?>) field.get(null)).clear();
            }
        }
    }

    private static void own(String[] words) throws Throwable {
        switch (words[0]) {
            case "!join":
                join();
                break;
            case "!leave":
                consumer.shutdown();
                session.producer.shutdown();
                break;
            case "!show":
                System.out.println(Files.readString(Path.of(words[1])));
                break;
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    /** Four messages, consumed and committed, by a producer and a consumer that stay. */
    private static void join() throws Throwable {
        session.admin.start();
        session.producer.start();
        for (int i = 0; i < 4; i++) {
            SendResult sent = session.producer.send(
                Session.message(TOPIC, "TagA", "hold" + i, "body" + i), Session.queue(TOPIC, i));
            if (i == 0) {
                NAMES.put("{unique}", sent.getMsgId());
                NAMES.put("{offset}", sent.getOffsetMsgId());
            }
        }
        consumer = session.push(GROUP);
        consumer.subscribe(TOPIC, "*");
        List<MessageExt> got = Session.collect(consumer);
        consumer.start();
        Outcome.until("4 messages", Session.PATIENCE, () -> got.size() >= 4);
        for (int i = 0; i < 4; i++) {
            session.commit(consumer, Session.queue(TOPIC, i), 1);
        }
        Outcome.until("the topic of half messages", Session.PATIENCE, () -> ((Collection<?>)
            Session.call(Session.call(session.admin, "fetchAllTopicList"), "getTopicList"))
            .contains("RMQ_SYS_TRANS_HALF_TOPIC")); // made by the first check for transactions
        NAMES.put("{client}", consumer.getDefaultMQPushConsumerImpl().getmQClientFactory()
            .getClientId());
        System.out.println(Arrays.asList("joined", Outcome.bodies(got)));
    }
}

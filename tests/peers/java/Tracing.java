import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageExt;

/** What traced clients write into the trace topic. */
final class Tracing {
    private static final String TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";
    private static final long PATIENCE = 15_000;
    private static final int COST_OF_PUB = 10;
    private static final int COST_OF_CONSUMPTION = 3;

    private Tracing() {
    }

    static void run(Session session) throws Throwable {
        DefaultMQProducer producer =
            session.of(new DefaultMQProducer("PG_TRACED", true, null), "traced");
        DefaultMQPushConsumer consumer =
            session.prepared(new DefaultMQPushConsumer("CG_TRACED", true, null), "tracing");
        consumer.subscribe("T_TRACED", "*");
        List<MessageExt> got = Session.collect(consumer);
        Outcome.step("trace.start", () -> {
            producer.start();
            consumer.start();
            return null;
        });
        Outcome.step("trace.send", () -> producer.send(
            Session.message("T_TRACED", "TagT", "traced", "traced message")));
        Outcome.step("trace.consumed", () -> {
            Outcome.until("the traced message", Session.PATIENCE, () -> !got.isEmpty());
            return Outcome.bodies(got);
        });
        DefaultMQPullConsumer reader =
            session.of(new DefaultMQPullConsumer("CG_PULL"), "trace-reader");
        reader.start();
        Outcome.step("trace.topic", () -> {
            List<List<String>> items = new ArrayList<>();
            long end = System.currentTimeMillis() + PATIENCE;
            while (items.size() < 3 && System.currentTimeMillis() < end) {
                Thread.sleep(50);
                items.clear();
                for (var queue : reader.fetchSubscribeMessageQueues(TRACE_TOPIC)) {
                    for (MessageExt message : Session.readQueue(reader, queue)) {
                        items.addAll(items(message));
                    }
                }
            }
            items.sort((a, b) -> a.get(0).compareTo(b.get(0)));
            return items;
        });
        producer.shutdown();
        consumer.shutdown();
        session.consumers.remove(consumer);
        reader.shutdown();
    }

    private static List<List<String>> items(MessageExt message) {
        List<List<String>> items = new ArrayList<>();
        String body = new String(message.getBody(), StandardCharsets.UTF_8);
        for (String item : body.split("\u0002")) {
            List<String> fields = new ArrayList<>();
            Collections.addAll(fields, item.split("\u0001"));
            int cost = item.startsWith("Pub") ? COST_OF_PUB : COST_OF_CONSUMPTION;
            if (!item.startsWith("SubBefore") && fields.size() > cost) {
                fields.set(cost, "COST");
            }
            items.add(fields);
        }
        return items;
    }
}

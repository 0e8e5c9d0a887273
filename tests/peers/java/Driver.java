import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Drives every feature of the Java client in remoting mode: {@code Driver NAMESRV BROKER}.
 *
 * <p>Scenarios have topics and groups of their own and run side by side, so that their waits
 * overlap; administration, which sees all of them, comes last.
 */
public final class Driver {
    private static final int PERM_READ_WRITE = 6;
    private static final int PERM_READ = 4;

    private Driver() {
    }

    interface Scenario {
        void run(Session session) throws Throwable;
    }

    public static void main(String[] arguments) throws Throwable {
        System.setProperty("rocketmq.client.rebalance.waitInterval", "300");
        System.setProperty("rocketmq.client.rebalance.minInterval", "100");
        System.setProperty("rocketmq.client.rebalance.lockInterval", "500");
        Session session = new Session(arguments[0], arguments[1]);
        session.admin.start();
        session.producer.start();
        prepare(session);
        Map<String, Scenario> scenarios = new LinkedHashMap<>();
        scenarios.put("reset", OffsetReset::run);
        scenarios.put("transaction", Transactions::run);
        scenarios.put("retry", Retries::run);
        scenarios.put("delay", Retries::delay);
        scenarios.put("orderly", Consuming::orderly);
        scenarios.put("send", Sending::run);
        scenarios.put("broadcast", Consuming::broadcast);
        scenarios.put("filter", Consuming::filter);
        scenarios.put("pull", Pulling::run);
        scenarios.put("litepull", Pulling::lite);
        scenarios.put("request", RequestReply::run);
        scenarios.put("trace", Tracing::run);
        ExecutorService pool = Executors.newFixedThreadPool(scenarios.size());
        List<Future<?>> running = new ArrayList<>();
        scenarios.forEach((name, scenario) -> running.add(pool.submit(() -> {
            long from = System.currentTimeMillis();
            try {
                scenario.run(session);
            } catch (Throwable failure) {
                Outcome.step(name + ".setup", () -> {
                    throw failure;
                });
            }
            Outcome.print("TIME " + name + " " + (System.currentTimeMillis() - from));
        })));
        for (Future<?> one : running) {
            one.get();
        }
        long from = System.currentTimeMillis();
        Administration.run(session);
        Outcome.print("TIME admin " + (System.currentTimeMillis() - from));
        Outcome.print("DONE " + (System.currentTimeMillis() - session.started));
        Runtime.getRuntime().halt(0); // the clients still running are not what is judged
    }

    private static void prepare(Session session) {
        Map<String, Integer> queues = new LinkedHashMap<>();
        for (String topic : new String[] {"T_SEND", "T_TAG", "T_SQL", "T_TX", "T_DELAY", "T_REQ",
            "T_PULL", "T_RETRY", "T_RESET", "T_LITE", "T_TRACED", "T_ADMIN"}) {
            queues.put(topic, 1);
        }
        queues.put("T_BCAST", 2);
        queues.put("T_ORDER", 4);
        queues.forEach((topic, count) -> Outcome.step("prepare.topic " + topic,
            () -> session.createTopic(topic, count, PERM_READ_WRITE)));
        Outcome.step("prepare.topic T_READ_ONLY",
            () -> session.createTopic("T_READ_ONLY", 1, PERM_READ));
        for (String group : new String[] {"CG_FILTER", "CG_ORDER", "CG_PULL", "CG_RESET"}) {
            Outcome.step("prepare.group " + group, () -> session.createGroup(group));
        }
        Outcome.step("prepare.routes", () -> {
            for (String topic : queues.keySet()) {
                Outcome.until("the route of " + topic, Session.PATIENCE,
                    () -> !session.producer.fetchPublishMessageQueues(topic).isEmpty());
            }
            return queues.size();
        });
    }
}

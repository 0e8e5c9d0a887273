import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.common.message.MessageExt;

/** Back to the beginning while the group consumes, then while it is away. */
final class OffsetReset {
    private static final int SENT = 4;

    private OffsetReset() {
    }

    static void run(Session session) throws Throwable {
        for (int i = 0; i < SENT; i++) {
            session.producer.send(Session.message("T_RESET", "TagA", "r" + i, "reset " + i));
        }
        DefaultMQPushConsumer consumer = session.push("CG_RESET");
        consumer.subscribe("T_RESET", "*");
        List<MessageExt> got = Session.collect(consumer);
        Outcome.step("reset.start", () -> {
            consumer.start();
            return null;
        });
        Outcome.step("reset.consumed", () -> {
            Outcome.until("4 messages", Session.PATIENCE, () -> got.size() >= SENT);
            return Outcome.bodies(got);
        });
        Outcome.step("reset.committed", () -> {
            Outcome.until("the commit", Session.PATIENCE, () ->
                consumer.getDefaultMQPushConsumerImpl().getOffsetStore().readOffset(
                    Session.queue("T_RESET", 0), store("READ_FROM_STORE")) == SENT);
            return SENT;
        });
        Outcome.step("reset.online", () -> Session.call(session.admin,
            "resetOffsetByTimestamp", "T_RESET", "CG_RESET", session.started, true));
        Outcome.step("reset.consumed-again", () -> {
            Outcome.until("4 messages more", Session.PATIENCE, () -> got.size() >= 2 * SENT);
            return Outcome.bodies(got);
        });
        Outcome.step("reset.leave", () -> {
            consumer.shutdown();
            session.consumers.remove(consumer);
            return null;
        });
        Outcome.step("reset.offline", () -> Session.call(session.admin,
            "resetOffsetByTimestamp", "T_RESET", "CG_RESET", session.started, true));
        Outcome.step("reset.old-way-offline", () -> Session.call(session.admin,
            "resetOffsetByTimestampOld", "CG_RESET", "T_RESET", session.started, true));
    }

    private static org.apache.rocketmq.client.consumer.store.ReadOffsetType store(String name) {
        return org.apache.rocketmq.client.consumer.store.ReadOffsetType.valueOf(name);
    }
}

import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.common.message.MessageExt;

/** Back to the beginning while the group consumes, then while it is away. */
final class OffsetReset {
    private static final int SENT = 4;
    private static final long PATIENCE = 16_000; // a 4.x client pauses for ten seconds

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
            session.commit(consumer, Session.queue("T_RESET", 0), SENT);
            return SENT;
        });
        Outcome.step("reset.online", () -> reset(session));
        Outcome.step("reset.consumed-again", () -> {
            try {
                Outcome.until("4 messages more", PATIENCE, () -> got.size() >= 2 * SENT);
            } catch (IllegalStateException lost) {
                reset(session); // 4.x writes the offset one-way and reads it back at once
                Outcome.until("4 messages more", PATIENCE, () -> got.size() >= 2 * SENT);
            }
            return Outcome.bodies(got);
        });
        Outcome.step("reset.leave", () -> {
            session.commit(consumer, Session.queue("T_RESET", 0), SENT);
            consumer.shutdown();
            session.consumers.remove(consumer);
            return null;
        });
        Outcome.step("reset.offline", () -> reset(session));
        Outcome.step("reset.old-way-offline", () -> Session.call(session.admin,
            "resetOffsetByTimestampOld", "CG_RESET", "T_RESET", session.started, true));
    }

    private static Object reset(Session session) throws Throwable {
        return Session.call(session.admin, "resetOffsetByTimestamp", "T_RESET", "CG_RESET",
            session.started, true);
    }
}

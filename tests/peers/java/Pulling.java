import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The pull consumer at and beyond every edge of a queue, and the lite pull consumer. */
final class Pulling {
    private static final long PATIENCE = 12_000;

    private Pulling() {
    }

    static void run(Session session) throws Throwable {
        for (int i = 0; i < 4; i++) {
            session.producer.send(Session.message("T_PULL", "TagA", "p" + i, "pull " + i));
        }
        DefaultMQPullConsumer consumer = session.of(new DefaultMQPullConsumer("CG_PULL"), "pull");
        MessageQueue queue = Session.queue("T_PULL", 0);
        Outcome.step("pull.start", () -> {
            consumer.start();
            Outcome.until("four messages", Session.PATIENCE, () -> consumer.maxOffset(queue) == 4);
            return null;
        });
        Outcome.step("pull.queues", () -> consumer.fetchSubscribeMessageQueues("T_PULL"));
        Outcome.step("pull.from-0", () -> consumer.pull(queue, "*", 0, 32));
        Outcome.step("pull.two", () -> consumer.pull(queue, "*", 1, 2));
        Outcome.step("pull.other-tag", () -> consumer.pull(queue, "NoSuchTag", 0, 32));
        Outcome.step("pull.at-max", () -> consumer.pull(queue, "*", 4, 32));
        Outcome.step("pull.beyond-max", () -> consumer.pull(queue, "*", 1000, 32));
        Outcome.step("pull.no-topic",
            () -> consumer.pull(Session.queue("T_NOPE", 0), "*", 0, 32));
        Outcome.step("pull.no-queue",
            () -> consumer.pull(Session.queue("T_PULL", 9), "*", 0, 32));
        Outcome.step("pull.long-poll", () -> {
            Thread late = new Thread(() -> {
                try {
                    Thread.sleep(200);
                    session.producer.send(new Message("T_PULL", Session.bytes("late")), queue);
                } catch (Exception failure) {
                    Outcome.print("late send: " + failure);
                }
            });
            late.start();
            return consumer.pullBlockIfNotFound(queue, "*", 4, 32);
        });
        Outcome.step("pull.offset-before", () -> consumer.fetchConsumeOffset(queue, true));
        Outcome.step("pull.offset-updated", () -> {
            consumer.getDefaultMQPullConsumerImpl().getOffsetStore()
                .updateConsumeOffsetToBroker(queue, 1L, false);
            return consumer.fetchConsumeOffset(queue, true);
        });
        offsets(session, consumer, queue);
        Outcome.step("pull.view-by-unique-id", () -> {
            PullResult result = consumer.pull(queue, "*", 0, 1);
            MessageExt message = result.getMsgFoundList().get(0);
            return Session.call(consumer, "viewMessage", "T_PULL",
                message.getProperty("UNIQ_KEY"));
        });
        Outcome.step("pull.send-back", () -> {
            MessageExt message = consumer.pull(queue, "*", 0, 1).getMsgFoundList().get(0);
            consumer.sendMessageBack(message, 1, null, "CG_PULL");
            return null;
        });
        Outcome.step("pull.sent-back-delivered", () -> {
            MessageQueue retry = Session.queue("%RETRY%CG_PULL", 0);
            Outcome.until("the retry", Session.PATIENCE, () -> consumer.maxOffset(retry) > 0);
            return consumer.pull(retry, "*", 0, 32);
        });
        Outcome.step("pull.shutdown", () -> {
            consumer.shutdown();
            return null;
        });
    }

    private static void offsets(Session session, DefaultMQPullConsumer consumer,
        MessageQueue queue) {
        Outcome.step("pull.offsets", () -> List.of(
            consumer.maxOffset(queue), consumer.minOffset(queue),
            consumer.searchOffset(queue, session.started),
            consumer.searchOffset(queue, System.currentTimeMillis() + 100_000),
            consumer.earliestMsgStoreTime(queue)));
        Outcome.step("pull.offsets-of-an-absent-queue", () -> List.of(
            consumer.maxOffset(Session.queue("T_PULL", 9)),
            consumer.minOffset(Session.queue("T_PULL", 9)),
            consumer.searchOffset(Session.queue("T_PULL", 9), session.started)));
        Outcome.step("pull.earliest-of-an-absent-queue",
            () -> consumer.earliestMsgStoreTime(Session.queue("T_PULL", 9)));
    }

    static void lite(Session session) throws Throwable {
        for (int i = 0; i < 5; i++) {
            session.producer.send(Session.message("T_LITE", "TagA", "l" + i, "lite " + i));
        }
        MessageQueue queue = Session.queue("T_LITE", 0);
        DefaultLitePullConsumer lite = session.of(new DefaultLitePullConsumer("CG_LITE"), "lite");
        lite.setAutoCommit(false);
        Session.set(lite, "brokerSuspendMaxTimeMillis", 1000L); // a seek waits for a pull
        lite.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        Object polled = Outcome.step("litepull.poll", () -> {
            lite.subscribe("T_LITE", "*");
            lite.start();
            return poll(lite, 5);
        });
        if (polled == null) {
            return; // a broker that does not know the request of a newer client
        }
        Outcome.step("litepull.commit", () -> {
            lite.commitSync();
            Object inner = Session.field(lite, "defaultLitePullConsumerImpl");
            Outcome.until("the commit", Session.PATIENCE, () -> {
                Session.call(inner, "persistConsumerOffset"); // 4.6.1 commits to its memory only
                return session.committed("CG_LITE", queue) == 5;
            });
            return lite.committed(queue);
        });
        Outcome.step("litepull.offset-for-timestamp",
            () -> lite.offsetForTimestamp(queue, session.started));
        Outcome.step("litepull.seek", () -> {
            lite.seek(queue, 3);
            return poll(lite, 2);
        });
        Outcome.step("litepull.shutdown", () -> {
            lite.shutdown();
            return null;
        });
        DefaultLitePullConsumer assigned =
            session.of(new DefaultLitePullConsumer("CG_LITE"), "assigned");
        assigned.setAutoCommit(false);
        Session.set(assigned, "brokerSuspendMaxTimeMillis", 1000L);
        Outcome.step("litepull.assigned", () -> {
            assigned.start();
            assigned.assign(assigned.fetchMessageQueues("T_LITE"));
            assigned.seek(queue, 1);
            return poll(assigned, 4);
        });
        Outcome.step("litepull.assigned.shutdown", () -> {
            assigned.shutdown();
            return null;
        });
    }

    private static List<String> poll(DefaultLitePullConsumer consumer, int wanted)
        throws Throwable {
        List<MessageExt> got = new java.util.ArrayList<>();
        Outcome.until(wanted + " messages", PATIENCE, () -> {
            got.addAll(consumer.poll(200));
            return got.size() >= wanted;
        });
        return Outcome.bodies(got);
    }
}

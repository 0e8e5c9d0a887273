import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Delay levels, and what a consumer that fails gets: again, then the dead-letter topic. */
final class Retries {
    private Retries() {
    }

    static void run(Session session) throws Throwable {
        session.producer.send(Session.message("T_RETRY", "TagR", "r1", "retried"));
        DefaultMQPushConsumer consumer = session.push("CG_RETRY");
        consumer.setMaxReconsumeTimes(1);
        consumer.subscribe("T_RETRY", "*");
        List<MessageExt> got = Session.collect(consumer, context -> {
            context.setDelayLevelWhenNextConsume(1);
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        Outcome.step("retry.start", () -> {
            consumer.start();
            return null;
        });
        Outcome.step("retry.consumed-twice", () -> {
            Outcome.until("the second attempt", Session.PATIENCE, () -> got.size() >= 2);
            return new ArrayList<>(got);
        });
        DefaultMQPullConsumer reader =
            session.of(new DefaultMQPullConsumer("CG_PULL"), "dlq-reader");
        reader.start();
        MessageQueue dead = Session.queue("%DLQ%CG_RETRY", 0);
        Outcome.step("retry.dead-letter", () -> {
            Outcome.until("the dead letter", Session.PATIENCE, () -> reader.maxOffset(dead) > 0);
            return reader.maxOffset(dead);
        });
        Outcome.step("retry.dead-letter.pull", () -> reader.pull(dead, "*", 0, 32));
        Outcome.step("retry.retry-topic", () ->
            Session.readQueue(reader, Session.queue("%RETRY%CG_RETRY", 0)));
        Outcome.step("retry.shutdown", () -> {
            consumer.shutdown();
            session.consumers.remove(consumer);
            reader.shutdown();
            return null;
        });
    }

    static void delay(Session session) throws Throwable {
        Outcome.step("delay.send", () -> {
            Message message = Session.message("T_DELAY", "TagD", "d1", "level 1");
            message.setDelayTimeLevel(1);
            SendResult result = session.producer.send(message);
            return result.getSendStatus() + " " + result.getMessageQueue();
        });
        Outcome.step("delay.send-level-beyond-the-last", () -> {
            Message message = Session.message("T_DELAY", "TagD", "d99", "level 99");
            message.setDelayTimeLevel(99);
            return session.producer.send(message).getSendStatus();
        });
        DefaultMQPushConsumer consumer = session.push("CG_DELAY");
        consumer.subscribe("T_DELAY", "*");
        List<MessageExt> got = Session.collect(consumer);
        Outcome.step("delay.start", () -> {
            consumer.start();
            return null;
        });
        Outcome.step("delay.consumed", () -> {
            Outcome.until("the delayed message", Session.PATIENCE, () -> !got.isEmpty());
            MessageExt message = got.get(0);
            return List.of(message, "at least a second: "
                + (message.getStoreTimestamp() - message.getBornTimestamp() >= 1000));
        });
    }
}

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** Every way to send to one queue, the refusals, and what the queue then holds. */
final class Sending {
    private static final String TOPIC = "T_SEND";

    private Sending() {
    }

    static void run(Session session) throws Throwable {
        DefaultMQProducer producer = session.producer;
        accepted(producer);
        refused(session, producer);
        DefaultMQPullConsumer reader = session.of(new DefaultMQPullConsumer("CG_PULL"), "reader");
        reader.start();
        MessageQueue queue = Session.queue(TOPIC, 0);
        Outcome.step("send.read-back", () -> {
            Outcome.until("14 messages", Session.PATIENCE, () -> reader.maxOffset(queue) >= 14);
            return Session.readQueue(reader, queue);
        });
        reader.shutdown();
    }

    private static void accepted(DefaultMQProducer producer) {
        Outcome.step("send.short", () -> producer.send(new Message(TOPIC, Session.bytes("hello"))));
        Outcome.step("send.tags-keys-properties", () -> {
            Message message = Session.message(TOPIC, "TagA", "key1 key2", "tags and keys");
            message.putUserProperty("color", "red");
            message.putUserProperty("unicode", "h\u00e9llo-\u4e16\u754c-\ud83d\ude80");
            message.setFlag(7);
            return producer.send(message);
        });
        Outcome.step("send.unicode-body", () -> producer.send(
            Session.message(TOPIC, "\u6807\u7b7e", "\u952e", "\u6d88\u606f\u4f53 body")));
        Outcome.step("send.compressed", () -> {
            StringBuilder text = new StringBuilder();
            while (text.length() < 6000) {
                text.append("compress me ").append(text.length()).append(' ');
            }
            return producer.send(Session.message(TOPIC, "TagZ", "big", text.toString()));
        });
        Outcome.step("send.not-waiting-for-store", () -> {
            Message message = new Message(TOPIC, Session.bytes("nowait"));
            message.setWaitStoreMsgOK(false);
            return producer.send(message);
        });
        Outcome.step("send.async", () -> async(producer));
        Outcome.step("send.oneway", () -> {
            producer.sendOneway(Session.message(TOPIC, "TagO", "oneway", "oneway"));
            return null;
        });
        Outcome.step("send.oneway-arrives", () -> {
            MessageQueue queue = Session.queue(TOPIC, 0);
            Outcome.until("the one-way message", 10_000, () -> producer.maxOffset(queue) >= 7);
            return producer.maxOffset(queue);
        });
        Outcome.step("send.batch", () -> {
            List<Message> messages = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                Message message = Session.message(TOPIC, "TagB", "batch" + i, "batch body " + i);
                message.putUserProperty("i", "" + i);
                messages.add(message);
            }
            return producer.send(messages);
        });
        Outcome.step("send.selector", () -> producer.send(
            new Message(TOPIC, Session.bytes("selected")),
            (queues, message, choice) -> queues.get((Integer) choice % queues.size()), 1));
        Outcome.step("send.to-queue", () -> producer.send(
            new Message(TOPIC, Session.bytes("queue 0")), Session.queue(TOPIC, 0)));
        Outcome.step("send.auto-created-topic", () -> {
            SendResult result = producer.send(new Message("T_AUTO", Session.bytes("auto")));
            return result.getSendStatus() + " " + result.getMessageQueue().getTopic();
        });
    }

    private static SendResult async(DefaultMQProducer producer) throws Exception {
        CompletableFuture<SendResult> sent = new CompletableFuture<>();
        producer.send(Session.message(TOPIC, "TagA", "async", "async"), new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
                sent.complete(result);
            }

            @Override
            public void onException(Throwable failure) {
                sent.completeExceptionally(failure);
            }
        });
        return sent.get(15, TimeUnit.SECONDS);
    }

    private static void refused(Session session, DefaultMQProducer producer) {
        Outcome.step("send.illegal-queue-id", () -> producer.send(
            new Message(TOPIC, Session.bytes("x")), Session.queue(TOPIC, 99)));
        Outcome.step("send.topic-without-write-permission", () -> producer.send(
            new Message("T_READ_ONLY", Session.bytes("x")), Session.queue("T_READ_ONLY", 0)));
        Outcome.step("send.default-topic", () -> producer.send(
            new Message("TBW102", Session.bytes("x")), Session.queue("TBW102", 0)));
        Outcome.step("send.scheduled-topic", () -> producer.send(
            new Message("SCHEDULE_TOPIC_XXXX", Session.bytes("x")),
            Session.queue("SCHEDULE_TOPIC_XXXX", 0)).getSendStatus());
        Outcome.step("send.batch-with-delay", () -> {
            Message message = new Message(TOPIC, Session.bytes("x"));
            message.setDelayTimeLevel(1);
            return producer.send(List.of(message));
        });
    }
}

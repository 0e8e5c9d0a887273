import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Commit, rollback, and two left open that the broker asks about. */
final class Transactions {
    private Transactions() {
    }

    static void run(Session session) throws Throwable {
        AtomicInteger checks = new AtomicInteger();
        TransactionMQProducer producer = session.of(new TransactionMQProducer("PG_TX"), "tx");
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object state) {
                return (LocalTransactionState) state;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                checks.incrementAndGet();
                return message.getKeys().equals("rolled")
                    ? LocalTransactionState.ROLLBACK_MESSAGE
                    : LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        Outcome.step("transaction.start", () -> {
            producer.start();
            return null;
        });
        Outcome.step("transaction.commit",
            () -> send(producer, "commit", LocalTransactionState.COMMIT_MESSAGE));
        Outcome.step("transaction.rollback",
            () -> send(producer, "rollback", LocalTransactionState.ROLLBACK_MESSAGE));
        Outcome.step("transaction.unknown",
            () -> send(producer, "open", LocalTransactionState.UNKNOW));
        Outcome.step("transaction.unknown-to-be-rolled-back",
            () -> send(producer, "rolled", LocalTransactionState.UNKNOW));
        DefaultMQPushConsumer consumer = session.push("CG_TX");
        consumer.subscribe("T_TX", "*");
        List<MessageExt> got = Session.collect(consumer);
        Outcome.step("transaction.consumer.start", () -> {
            consumer.start();
            return null;
        });
        Outcome.step("transaction.consumed-after-check-back", () -> {
            Outcome.until("two messages and two checks", 2 * Session.PATIENCE,
                () -> got.size() >= 2 && checks.get() >= 2);
            Thread.sleep(300); // a third would be wrong
            got.sort((a, b) -> a.getKeys().compareTo(b.getKeys()));
            return got;
        });
        producer.shutdown();
    }

    private static Object send(TransactionMQProducer producer, String name,
        LocalTransactionState state) throws Exception {
        TransactionSendResult result = producer.sendMessageInTransaction(
            Session.message("T_TX", "TagX", name, "tx " + name), state);
        return result.getSendStatus() + " " + result.getLocalTransactionState() + " "
            + result.getMessageQueue().getTopic();
    }
}

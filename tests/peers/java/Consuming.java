import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Push consumption: filters, broadcast, order and the hand-over of queues. */
final class Consuming {
    private static final long LOCKS_EXPIRE = 65_000;

    private Consuming() {
    }

    /** One topic by tags, one by SQL92; a wrong expression. */
    static void filter(Session session) throws Throwable {
        for (int i = 0; i < 7; i++) { // the last one matches both: no offset lags behind
            String tag = new String[] {"TagA", "TagB", "TagC"}[i % 3];
            session.producer.send(Session.message("T_TAG", tag, "t" + i, tag + " " + i));
            Message message = Session.message("T_SQL", "TagA", "s" + i, "sql " + i);
            message.putUserProperty("a", "" + i * 3);
            message.putUserProperty("color", i > 3 ? "red" : "blue");
            session.producer.send(message);
        }
        DefaultMQPushConsumer tag = session.push("CG_FILTER");
        tag.subscribe("T_TAG", "TagA || TagB");
        List<MessageExt> byTag = Session.collect(tag);
        Outcome.step("filter.tag.start", () -> {
            tag.start();
            return null;
        });
        DefaultMQPushConsumer sql = session.push("CG_SQL");
        sql.subscribe("T_SQL", MessageSelector.bySql("a > 5 AND color = 'red' OR a IN ('0')"));
        List<MessageExt> bySql = Session.collect(sql);
        Outcome.step("filter.sql.start", () -> {
            sql.start();
            return null;
        });
        for (String wrong : new String[] {"a >", "a between 5 and 1 and", "a = 'x"}) {
            Outcome.step("filter.sql.start with " + wrong, () -> {
                DefaultMQPushConsumer consumer = session.push("CG_WRONG");
                consumer.subscribe("T_SQL", MessageSelector.bySql(wrong));
                Session.collect(consumer);
                try {
                    consumer.start();
                } finally {
                    consumer.shutdown();
                }
                return null;
            });
        }
        Outcome.step("filter.tag", () -> {
            Outcome.until("5 messages by tag", Session.PATIENCE, () -> byTag.size() >= 5);
            return Outcome.bodies(byTag);
        });
        Outcome.step("filter.sql", () -> {
            Outcome.until("4 messages by SQL", Session.PATIENCE, () -> bySql.size() >= 4);
            Thread.sleep(200); // one more would be wrong
            return Outcome.bodies(bySql);
        });
    }

    /** Two members that both see all. */
    static void broadcast(Session session) throws Throwable {
        List<List<MessageExt>> seen = new ArrayList<>();
        for (int member = 1; member <= 2; member++) {
            DefaultMQPushConsumer consumer = session.push("CG_BCAST");
            consumer.setInstanceName("CG_BCAST" + member);
            Session.call(consumer, "setMessageModel",
                Session.constant("MessageModel", "BROADCASTING"));
            consumer.subscribe("T_BCAST", "*");
            seen.add(Session.collect(consumer));
            Outcome.step("broadcast.start " + member, () -> {
                consumer.start();
                return null;
            });
        }
        for (int i = 0; i < 6; i++) {
            session.producer.send(new Message("T_BCAST", Session.bytes("bcast " + i)));
        }
        for (List<MessageExt> one : seen) {
            Outcome.step("broadcast.seen", () -> {
                Outcome.until("6 messages", Session.PATIENCE, () -> one.size() >= 6);
                return Outcome.bodies(one);
            });
        }
    }

    /** Four queues in order; then a second member takes two of them. */
    static void orderly(Session session) throws Throwable {
        send(session.producer, 0, 24);
        List<MessageExt> first = Collections.synchronizedList(new ArrayList<>());
        List<MessageExt> second = Collections.synchronizedList(new ArrayList<>());
        DefaultMQPushConsumer one = member(session, "1", first);
        Outcome.step("orderly.start", () -> {
            one.start();
            return null;
        });
        Outcome.step("orderly.all-in-order", () -> {
            Outcome.until("24 messages", Session.PATIENCE, () -> first.size() >= 24);
            return byQueue(first);
        });
        DefaultMQPushConsumer two = member(session, "2", second);
        Outcome.step("orderly.second-member.start", () -> {
            two.start();
            return null;
        });
        Outcome.step("orderly.second-member.takes-half", () -> {
            Outcome.until("the second member to lock two queues", LOCKS_EXPIRE, () ->
                held(two) == 2 && held(one) == 2);
            first.clear();
            send(session.producer, 24, 40);
            Outcome.until("16 messages", Session.PATIENCE,
                () -> first.size() + second.size() >= 16);
            Map<String, Object> shares = new TreeMap<>();
            shares.put("1", byQueue(first));
            shares.put("2", byQueue(second));
            return shares;
        });
        Outcome.step("orderly.second-member.leaves", () -> {
            two.shutdown();
            session.consumers.remove(two);
            Outcome.until("all queues back", LOCKS_EXPIRE, () -> held(one) == 4);
            first.clear();
            send(session.producer, 40, 48);
            Outcome.until("8 messages", Session.PATIENCE, () -> first.size() >= 8);
            return byQueue(first);
        });
    }

    private static int held(DefaultMQPushConsumer consumer) throws ReflectiveOperationException {
        Object rebalance = Session.field(consumer.getDefaultMQPushConsumerImpl(), "rebalanceImpl");
        Map<?, ?> queues = (Map<?, ?>) Session.field(rebalance, "processQueueTable");
        int count = 0;
        for (Object key : queues.keySet()) {
            count += key.toString().contains("T_ORDER,") ? 1 : 0;
        }
        return count;
    }

    private static DefaultMQPushConsumer member(Session session, String name,
        List<MessageExt> got) throws Exception {
        DefaultMQPushConsumer consumer = session.push("CG_ORDER");
        consumer.setInstanceName("CG_ORDER" + name);
        consumer.subscribe("T_ORDER", "*");
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            got.addAll(messages);
            return ConsumeOrderlyStatus.SUCCESS;
        });
        return consumer;
    }

    private static void send(DefaultMQProducer producer, int from, int to) throws Exception {
        for (int i = from; i < to; i++) {
            producer.send(Session.message("T_ORDER", "TagA", "o" + i, "order " + i),
                Session.queue("T_ORDER", i % 4));
        }
    }

    private static Map<String, List<String>> byQueue(List<MessageExt> messages) {
        Map<String, List<String>> queues = new TreeMap<>();
        for (MessageExt message : messages.toArray(new MessageExt[0])) {
            queues.computeIfAbsent("" + message.getQueueId(), id -> new ArrayList<>())
                .add(new String(message.getBody()));
        }
        return queues;
    }
}

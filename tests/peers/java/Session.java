import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * Where the servers are, and clients of them with short intervals.
 *
 * <p>One source serves clients 4.6.1, 4.9.7 and 5.5.0: classes that moved between packages are found
 * by their simple name, methods whose types moved are called by reflection.
 */
final class Session {
    static final String BROKER_NAME = "broker-a";
    static final long PATIENCE = 30_000;
    private static final String[] MOVED = {
        "org.apache.rocketmq.common.subscription.",
        "org.apache.rocketmq.remoting.protocol.subscription.",
        "org.apache.rocketmq.common.protocol.heartbeat.",
        "org.apache.rocketmq.remoting.protocol.heartbeat.",
        "org.apache.rocketmq.common.protocol.header.",
        "org.apache.rocketmq.remoting.protocol.header.",
    };

    final String nameServer;
    final String broker;
    final DefaultMQAdminExt admin;
    final DefaultMQProducer producer;
    final List<DefaultMQPushConsumer> consumers = Collections.synchronizedList(new ArrayList<>());
    final long started = System.currentTimeMillis();

    Session(String nameServer, String broker) {
        this.nameServer = nameServer;
        this.broker = broker;
        admin = of(new DefaultMQAdminExt(), "admin");
        producer = producer("PG_PEER", "producer");
    }

    <T extends ClientConfig> T of(T client, String instance) {
        client.setNamesrvAddr(nameServer);
        client.setInstanceName(instance);
        client.setClientIP("127.0.0.1");
        client.setPollNameServerInterval(300);
        client.setHeartbeatBrokerInterval(1000);
        client.setPersistConsumerOffsetInterval(300);
        try {
            client.getClass().getMethod("setMqClientApiTimeout", int.class).invoke(client, 6000);
        } catch (ReflectiveOperationException ignored) {
            // older clients have fixed timeouts
        }
        return client;
    }

    DefaultMQProducer producer(String group, String instance) {
        DefaultMQProducer made = of(new DefaultMQProducer(group), instance);
        made.setSendMsgTimeout(15000);
        made.setRetryTimesWhenSendFailed(0);
        return made;
    }

    /** From the first offset, with two threads; not started. */
    DefaultMQPushConsumer push(String group) {
        return prepared(new DefaultMQPushConsumer(group), group);
    }

    DefaultMQPushConsumer prepared(DefaultMQPushConsumer consumer, String instance) {
        of(consumer, instance);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(2);
        consumer.setConsumeThreadMax(2);
        consumers.add(consumer);
        return consumer;
    }

    /** Collects what it consumes; always succeeds. */
    static List<MessageExt> collect(DefaultMQPushConsumer consumer) {
        return collect(consumer, context -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
    }

    static List<MessageExt> collect(DefaultMQPushConsumer consumer,
        Function<ConsumeConcurrentlyContext, ConsumeConcurrentlyStatus> answer) {
        List<MessageExt> got = Collections.synchronizedList(new ArrayList<>());
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            ConsumeConcurrentlyStatus status = answer.apply(context);
            got.addAll(messages);
            return status;
        });
        return got;
    }

    Object createTopic(String name, int queues, int perm) throws Throwable {
        TopicConfig config = new TopicConfig(name);
        config.setReadQueueNums(queues);
        config.setWriteQueueNums(queues);
        config.setPerm(perm);
        return call(admin, "createAndUpdateTopicConfig", broker, config);
    }

    Object createGroup(String name) throws Throwable {
        Object config = moved("SubscriptionGroupConfig").getConstructor().newInstance();
        call(config, "setGroupName", name);
        return call(admin, "createAndUpdateSubscriptionGroupConfig", broker, config);
    }

    /** Every message of a queue, in order. */
    static List<MessageExt> readQueue(DefaultMQPullConsumer reader, MessageQueue queue)
        throws Exception {
        List<MessageExt> all = new ArrayList<>();
        long at = reader.minOffset(queue);
        long max = reader.maxOffset(queue);
        while (at < max) {
            PullResult result = reader.pull(queue, "*", at, 32);
            if (result.getPullStatus() == PullStatus.FOUND) {
                all.addAll(result.getMsgFoundList());
            }
            at = Math.max(at + 1, result.getNextBeginOffset());
        }
        return all;
    }

    /**
     * Write offsets until the broker has the one that is wanted: by itself a client waits 10 s.
     *
     * <p>The broker is asked through another client, for what a consumer reads it also believes.
     */
    void commit(DefaultMQPushConsumer consumer, MessageQueue queue, long offset) throws Throwable {
        Outcome.until("the commit", PATIENCE, () -> {
            consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();
            return committed(consumer.getConsumerGroup(), queue) == offset;
        });
    }

    /** The offset that the broker has; fails while it has none. */
    long committed(String group, MessageQueue queue) throws Throwable {
        Object header = moved("QueryConsumerOffsetRequestHeader").getConstructor().newInstance();
        call(header, "setConsumerGroup", group);
        call(header, "setTopic", queue.getTopic());
        call(header, "setQueueId", queue.getQueueId());
        return (Long) call(requests(), "queryConsumerOffset", broker, header, 5000L);
    }

    /** The client's table of requests, for what the administration library does not offer. */
    Object requests() throws Throwable {
        Object inner = field(admin, "defaultMQAdminExtImpl");
        return call(field(inner, "mqClientInstance"), "getMQClientAPIImpl");
    }

    static MessageQueue queue(String topic, int id) {
        return new MessageQueue(topic, BROKER_NAME, id);
    }

    static Message message(String topic, String tags, String keys, String body) {
        return new Message(topic, tags, keys, bytes(body));
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static Class<?> moved(String simpleName) throws ClassNotFoundException {
        for (String prefix : MOVED) {
            try {
                return Class.forName(prefix + simpleName);
            } catch (ClassNotFoundException ignored) {
                // in another package of this release
            }
        }
        throw new ClassNotFoundException(simpleName);
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static Object constant(String simpleName, String name) throws ClassNotFoundException {
        return Enum.valueOf((Class) moved(simpleName), name);
    }

    static Object call(Object target, String name, Object... arguments) throws Throwable {
        for (Method method : target.getClass().getMethods()) {
            if (!method.getName().equals(name) || !fits(method.getParameterTypes(), arguments)) {
                continue;
            }
            method.setAccessible(true);
            try {
                return method.invoke(target, arguments);
            } catch (InvocationTargetException thrown) {
                throw thrown.getCause();
            }
        }
        throw new NoSuchMethodException(name);
    }

    private static boolean fits(Class<?>[] types, Object[] arguments) {
        boolean fits = types.length == arguments.length;
        for (int i = 0; fits && i < types.length; i++) {
            Object argument = arguments[i];
            fits = argument == null ? !types[i].isPrimitive()
                : types[i].isInstance(argument)
                    || types[i] == int.class && argument instanceof Integer
                    || types[i] == long.class
                        && (argument instanceof Long || argument instanceof Integer)
                    || types[i] == boolean.class && argument instanceof Boolean;
        }
        return fits;
    }

    static Object field(Object target, String name) throws ReflectiveOperationException {
        return find(target, name).get(target);
    }

    static void set(Object target, String name, Object value)
        throws ReflectiveOperationException {
        find(target, name).set(target, value);
    }

    private static Field find(Object target, String name) throws NoSuchFieldException {
        for (Class<?> c = target.getClass(); c != null; c = c.getSuperclass()) {
            try {
                Field field = c.getDeclaredField(name);
                field.setAccessible(true);
                return field;
            } catch (NoSuchFieldException ignored) {
                // in a superclass
            }
        }
        throw new NoSuchFieldException(name);
    }

    /** The id of a member of a group, as the broker tells it. */
    String memberOf(String group) throws Throwable {
        Object info = call(admin, "examineConsumerConnectionInfo", group);
        Object first = ((Collection<?>) call(info, "getConnectionSet")).iterator().next();
        return (String) call(first, "getClientId");
    }
}

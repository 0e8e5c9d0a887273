import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * One producer, and push consumers one at a time, that do what lines on standard input say.
 *
 * <p>Arguments: NAMESRV BROKER. Prints "ready", then for each line "KIND COUNT SIZE" one line
 * "WANTED STORED NANOSECONDS P50_MICROSECONDS P99_MICROSECONDS": how many messages were asked for,
 * how many arrived for certain, and the time from the first to the last of them.
 */
public class Perf {
    private static final int QUEUES = 4;
    private static final int IN_FLIGHT = 256;
    private static final long SILENCE_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final String namesrv;
    private final DefaultMQProducer producer;
    private final DefaultMQAdminExt admin;
    private int groups;

    private Perf(String namesrv, String broker) throws Exception {
        this.namesrv = namesrv;
        producer = configured(new DefaultMQProducer("PG_PERF"), "producer");
        producer.setSendMsgTimeout(30_000);
        producer.start();
        admin = configured(new DefaultMQAdminExt(), "admin");
        admin.start();
        for (String topic : new String[] {"SYNC", "ASYNC", "ONEWAY", "PUSH"}) {
            TopicConfig config = new TopicConfig(topic);
            config.setReadQueueNums(QUEUES);
            config.setWriteQueueNums(QUEUES);
            admin.createAndUpdateTopicConfig(broker, config);
            while (!routed(topic)) {
                Thread.sleep(20);
            }
        }
    }

    private boolean routed(String topic) {
        try {
            return producer.fetchPublishMessageQueues(topic).size() == QUEUES;
        } catch (MQClientException ignored) {
            return false;
        }
    }

    public static void main(String[] arguments) throws Exception {
        Perf perf = new Perf(arguments[0], arguments[1]);
        System.out.println("ready");
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            System.out.println(
                    perf.run(words[0], Integer.parseInt(words[1]), Integer.parseInt(words[2])));
        }
        System.exit(0);
    }

    private String run(String kind, int count, int size) throws Exception {
        byte[] body = new byte[size];
        new Random(1).nextBytes(body);
        switch (kind) {
            case "sync":
                return sync(count, body);
            case "async":
                return async("ASYNC", count, body);
            case "fill":
                return async("PUSH", count, body);
            case "oneway":
                return oneway(count, body);
            case "push":
                return push(count);
            default:
                throw new IllegalArgumentException(kind);
        }
    }

    private String sync(int count, byte[] body) throws Exception {
        long[] latencies = new long[count];
        long begun = System.nanoTime();
        for (int i = 0; i < count; i++) {
            long sent = System.nanoTime();
            producer.send(new Message("SYNC", body));
            latencies[i] = System.nanoTime() - sent;
        }
        long took = System.nanoTime() - begun;
        Arrays.sort(latencies);
        return result(count, count, took, latencies[count / 2], latencies[count * 99 / 100]);
    }

    private String async(String topic, int count, byte[] body) throws Exception {
        Semaphore free = new Semaphore(IN_FLIGHT);
        AtomicInteger acknowledged = new AtomicInteger();
        SendCallback callback =
                new SendCallback() {
                    @Override
                    public void onSuccess(SendResult ignored) {
                        acknowledged.incrementAndGet();
                        free.release();
                    }

                    @Override
                    public void onException(Throwable ignored) {
                        free.release();
                    }
                };
        long begun = System.nanoTime();
        for (int i = 0; i < count; i++) {
            free.acquire();
            producer.send(new Message(topic, body), callback);
        }
        free.acquire(IN_FLIGHT);
        return result(count, acknowledged.get(), System.nanoTime() - begun, 0, 0);
    }

    private String oneway(int count, byte[] body) throws Exception {
        long before = stored("ONEWAY");
        long begun = System.nanoTime();
        for (int i = 0; i < count; i++) {
            producer.sendOneway(new Message("ONEWAY", body));
        }
        long arrived = 0;
        long last = System.nanoTime();
        while (arrived < count && System.nanoTime() - last < SILENCE_NANOS) {
            long now = stored("ONEWAY") - before;
            if (now > arrived) {
                arrived = now;
                last = System.nanoTime();
            }
            Thread.sleep(5);
        }
        return result(count, arrived, last - begun, 0, 0);
    }

    private long stored(String topic) throws Exception {
        long total = 0;
        for (MessageQueue queue : producer.fetchPublishMessageQueues(topic)) {
            total += admin.maxOffset(queue);
        }
        return total;
    }

    private String push(int count) throws Exception {
        Set<String> seen = ConcurrentHashMap.newKeySet();
        AtomicLong first = new AtomicLong();
        AtomicLong last = new AtomicLong(System.nanoTime());
        Semaphore complete = new Semaphore(0);
        DefaultMQPushConsumer consumer =
                configured(new DefaultMQPushConsumer("CG_PERF_" + groups), "consumer-" + groups);
        groups++;
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(QUEUES);
        consumer.setConsumeThreadMax(QUEUES);
        consumer.subscribe("PUSH", "*");
        consumer.registerMessageListener(
                (MessageListenerConcurrently)
                        (messages, context) -> {
                            first.compareAndSet(0, System.nanoTime());
                            for (MessageExt message : messages) {
                                seen.add(message.getMsgId());
                            }
                            last.set(System.nanoTime());
                            if (seen.size() >= count) {
                                complete.release();
                            }
                            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                        });
        consumer.start();
        while (!complete.tryAcquire(1, TimeUnit.SECONDS)) {
            if (System.nanoTime() - last.get() > 2 * SILENCE_NANOS) {
                break;
            }
        }
        long took = last.get() - first.get();
        consumer.shutdown();
        return result(count, seen.size(), took, 0, 0);
    }

    private <T extends ClientConfig> T configured(T client, String instance) {
        client.setNamesrvAddr(namesrv);
        client.setInstanceName(instance);
        client.setClientIP("127.0.0.1");
        return client;
    }

    private static String result(long wanted, long stored, long nanos, long p50, long p99) {
        return wanted + " " + stored + " " + nanos + " " + p50 / 1000 + " " + p99 / 1000;
    }
}

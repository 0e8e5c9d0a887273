import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.CRC32;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Runs steps and prints each outcome as one line of JSON: {@code STEP {"step":..,"ok":..,..}}.
 *
 * <p>A result is shown by its public getters, so that the bodies of administration need no code of
 * their own. What differs from run to run (times, ports, ids) is left for the reader to mask.
 */
final class Outcome {
    private static final int DEPTH_MAX = 9;
    private static final int BODY_SHOWN_MAX = 120;
    private static final long SETTLE = 300;
    /** Getters that show where a message lies in the log, or the same thing a second time. */
    private static final Set<String> UNSHOWN = Set.of("getClass", "getDeclaringClass",
        "getDataVersion", "getHostName", "getClassLoader", "getRawResponseBody");

    private Outcome() {
    }

    /** What a step does; its result is shown. */
    interface Action {
        Object run() throws Throwable;
    }

    /** Something to wait for. */
    interface Condition {
        boolean holds() throws Throwable;
    }

    /** Run and print; null when it failed. */
    static Object step(String name, Action action) {
        Object result = null;
        Throwable failure = null;
        long from = System.currentTimeMillis();
        try {
            result = action.run();
        } catch (Throwable thrown) {
            failure = thrown;
            while (failure instanceof InvocationTargetException && failure.getCause() != null) {
                failure = failure.getCause();
            }
        }
        StringBuilder line = new StringBuilder("STEP {\"step\":").append(quote(name))
            .append(",\"ms\":").append(System.currentTimeMillis() - from);
        if (failure == null) {
            line.append(",\"ok\":true,\"result\":").append(show(result, 0));
        } else {
            line.append(",\"ok\":false,\"error\":").append(quote(String.valueOf(failure)));
        }
        print(line.append('}').toString());
        if (failure != null && failure.toString().contains("Timeout")) {
            settle(); // newer clients close the channel that did not answer, a moment later
        }
        return result;
    }

    private static void settle() {
        try {
            Thread.sleep(SETTLE);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    static void print(String line) {
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }

    /** Wait until the condition holds; it may throw until then. A plain failure at the end. */
    static void until(String what, long millis, Condition condition) throws InterruptedException {
        long end = System.currentTimeMillis() + millis;
        while (true) {
            String last;
            try {
                if (condition.holds()) {
                    return;
                }
                last = "";
            } catch (Throwable notYet) {
                last = ": " + notYet;
            }
            if (System.currentTimeMillis() > end) {
                throw new IllegalStateException("waited in vain for " + what + last);
            }
            Thread.sleep(20);
        }
    }

    static String show(Object value, int depth) {
        if (value == null) {
            return "null";
        }
        if (value instanceof Number || value instanceof Boolean) {
            String text = value.toString();
            return text.equals("NaN") || text.endsWith("Infinity") ? quote(text) : text;
        }
        if (value instanceof CharSequence || value instanceof Enum || value instanceof Character) {
            return quote(value.toString());
        }
        if (value instanceof Throwable || depth > DEPTH_MAX) {
            return quote(value.toString());
        }
        if (value instanceof byte[]) {
            return body((byte[]) value);
        }
        if (value instanceof MessageExt) {
            return message((MessageExt) value, depth);
        }
        if (value instanceof SendResult) {
            return sent((SendResult) value);
        }
        if (value instanceof PullResult) {
            return pulled((PullResult) value, depth);
        }
        if (value instanceof MessageQueue) {
            return queue((MessageQueue) value);
        }
        if (value instanceof Map) {
            return map((Map<?, ?>) value, depth);
        }
        if (value instanceof Collection) {
            return list((Collection<?>) value, value instanceof List, depth);
        }
        if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) {
                items.add(Array.get(value, i));
            }
            return list(items, true, depth);
        }
        if (value.getClass().getName().startsWith("java.")) {
            return quote(value.toString());
        }
        return getters(value, depth);
    }

    static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 32 || c > 126) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }

    private static String body(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        if (text.length() <= BODY_SHOWN_MAX) {
            return quote(text);
        }
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return quote(bytes.length + " bytes, CRC " + crc.getValue());
    }

    private static String message(MessageExt message, int depth) {
        return "{\"topic\":" + quote(message.getTopic())
            + ",\"queueId\":" + message.getQueueId()
            + ",\"queueOffset\":" + message.getQueueOffset()
            + ",\"storeSize\":" + message.getStoreSize()
            + ",\"sysFlag\":" + message.getSysFlag()
            + ",\"flag\":" + message.getFlag()
            + ",\"reconsumeTimes\":" + message.getReconsumeTimes()
            + ",\"body\":" + (message.getBody() == null ? "null" : body(message.getBody()))
            + ",\"bodyCrc\":" + message.getBodyCRC()
            + ",\"properties\":" + map(message.getProperties(), depth + 1) + "}";
    }

    private static String sent(SendResult result) {
        return "{\"status\":" + quote(String.valueOf(result.getSendStatus()))
            + ",\"queue\":" + show(result.getMessageQueue(), 1)
            + ",\"queueOffset\":" + result.getQueueOffset()
            + ",\"ids\":" + (result.getMsgId() == null ? 0 : result.getMsgId().split(",").length)
            + ",\"offsetIds\":"
            + (result.getOffsetMsgId() == null ? 0 : result.getOffsetMsgId().split(",").length)
            + ",\"region\":" + show(result.getRegionId(), 1)
            + ",\"traceOn\":" + result.isTraceOn() + "}";
    }

    private static String pulled(PullResult result, int depth) {
        return "{\"status\":" + quote(String.valueOf(result.getPullStatus()))
            + ",\"next\":" + result.getNextBeginOffset()
            + ",\"min\":" + result.getMinOffset()
            + ",\"max\":" + result.getMaxOffset()
            + ",\"found\":" + show(result.getMsgFoundList(), depth + 1) + "}";
    }

    private static String queue(MessageQueue queue) {
        return quote(queue.getTopic() + "/" + queue.getBrokerName() + "/" + queue.getQueueId());
    }

    private static String map(Map<?, ?> map, int depth) {
        TreeMap<String, String> shown = new TreeMap<>();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            String key = show(entry.getKey(), depth + 1);
            shown.put(key.startsWith("\"") ? key : quote(key), show(entry.getValue(), depth + 1));
        }
        return join(shown);
    }

    private static String list(Collection<?> items, boolean ordered, int depth) {
        List<String> shown = new ArrayList<>();
        for (Object item : items.toArray()) {
            shown.add(show(item, depth + 1));
        }
        if (!ordered) {
            Collections.sort(shown);
        }
        return "[" + String.join(",", shown) + "]";
    }

    private static String getters(Object value, int depth) {
        TreeMap<String, String> shown = new TreeMap<>();
        Method[] methods = value.getClass().getMethods();
        Arrays.sort(methods, (a, b) -> a.getName().compareTo(b.getName()));
        for (Method method : methods) {
            String name = method.getName();
            boolean getter = name.startsWith("get") && name.length() > 3
                || name.startsWith("is") && method.getReturnType() == boolean.class;
            if (!getter || method.getParameterCount() > 0 || UNSHOWN.contains(name)
                || Modifier.isStatic(method.getModifiers())) {
                continue;
            }
            try {
                method.setAccessible(true);
                String key = name.substring(name.startsWith("is") ? 2 : 3);
                shown.put(quote(key.substring(0, 1).toLowerCase() + key.substring(1)),
                    show(method.invoke(value), depth + 1));
            } catch (ReflectiveOperationException | RuntimeException ignored) {
                // a getter that computes and fails shows nothing
            }
        }
        return shown.isEmpty() ? quote(value.toString()) : join(shown);
    }

    private static String join(Map<String, String> shown) {
        List<String> parts = new ArrayList<>();
        shown.forEach((key, value) -> parts.add(key + ":" + value));
        return "{" + String.join(",", parts) + "}";
    }

    /** The bodies of messages, sorted: what was consumed, whatever the order. */
    static List<String> bodies(Collection<? extends Message> messages) {
        List<String> bodies = new ArrayList<>();
        for (Message message : messages.toArray(new Message[0])) {
            bodies.add(new String(message.getBody(), StandardCharsets.UTF_8));
        }
        Collections.sort(bodies);
        return bodies;
    }
}

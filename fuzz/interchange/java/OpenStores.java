import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Proxy;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.GetMessageResult;
import org.apache.rocketmq.store.MessageArrivingListener;
import org.apache.rocketmq.store.QueryMessageResult;
import org.apache.rocketmq.store.config.MessageStoreConfig;
import org.apache.rocketmq.store.stats.BrokerStatsManager;

/**
 * Opens store directories named on standard input, one a line, and prints what this release serves.
 * Arguments: how many at a time, then NAME=VALUE settings of the store. One source for 4.6 to 5.5.
 */
public final class OpenStores {
    private static final int PATIENCE_SECONDS = 30;
    private static final int PHYSICAL_OFFSET = 28;
    private static final PrintStream OUT = System.out;

    public static void main(String[] words) throws Exception {
        System.setOut(System.err); // nothing but answers on the real one
        Properties settings = new Properties();
        for (String word : Arrays.asList(words).subList(1, words.length)) {
            int at = word.indexOf('=');
            settings.setProperty(word.substring(0, at), word.substring(at + 1));
        }
        ExecutorService workers = Executors.newFixedThreadPool(Integer.parseInt(words[0]));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String directory = line;
            workers.submit(() -> answer(directory, settings));
        }
        workers.shutdown();
        workers.awaitTermination(1, TimeUnit.HOURS);
        OUT.flush();
        Runtime.getRuntime().halt(0); // threads of stores that hang do not keep us
    }

    private static void answer(String directory, Properties settings) {
        List<String> said = new ArrayList<>();
        ExecutorService opener = Executors.newSingleThreadExecutor();
        Future<?> opened = opener.submit(() -> open(directory, settings, said));
        String status = "OK";
        try {
            opened.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException stuck) {
            status = "STUCK";
        } catch (Exception refused) {
            Throwable cause = refused;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            status = "REFUSED " + cause.toString().replace('\n', ' ');
        }
        opener.shutdownNow();
        synchronized (OUT) {
            OUT.println("BEGIN " + directory);
            synchronized (said) {
                said.forEach(OUT::println);
            }
            OUT.println("END " + status);
            OUT.flush();
        }
    }

    private static void open(String directory, Properties settings, List<String> said) {
        DefaultMessageStore store = null;
        try {
            store = make(directory, settings);
            if (!store.load()) {
                throw new IllegalStateException("load answered false");
            }
            quiet(store);
            store.start();
            serve(store, new File(directory), said);
        } catch (RuntimeException error) {
            throw error;
        } catch (Exception error) {
            throw new IllegalStateException(error);
        } finally {
            if (store != null) {
                DefaultMessageStore ended = store;
                Thread closer = new Thread(() -> close(ended));
                closer.setDaemon(true);
                closer.start();
            }
        }
    }

    private static void close(DefaultMessageStore store) {
        try {
            store.shutdown();
        } catch (Throwable ignored) {
            // it was asked for what it served; how it ends is not the question
        }
    }

    private static DefaultMessageStore make(String directory, Properties settings) throws Exception {
        MessageStoreConfig config = new MessageStoreConfig();
        MixAll.properties2Object(settings, config);
        config.setStorePathRootDir(directory);
        config.setStorePathCommitLog(directory + File.separator + "commitlog");
        config.setHaListenPort(0);
        BrokerConfig broker = new BrokerConfig();
        MessageArrivingListener listener = (MessageArrivingListener) Proxy.newProxyInstance(
            OpenStores.class.getClassLoader(), new Class<?>[] {MessageArrivingListener.class},
            (proxy, method, arguments) -> null);
        for (Constructor<?> found : DefaultMessageStore.class.getConstructors()) {
            Object[] given = {config, stats(), listener, broker, new ConcurrentHashMap<>()};
            int wanted = found.getParameterCount();
            if (wanted == 4 || wanted == 5) {
                return (DefaultMessageStore) found.newInstance(Arrays.copyOf(given, wanted));
            }
        }
        throw new IllegalStateException("no constructor that we know");
    }

    private static BrokerStatsManager stats() throws Exception {
        try {
            return BrokerStatsManager.class.getConstructor(String.class).newInstance("c");
        } catch (NoSuchMethodException since49) {
            return BrokerStatsManager.class.getConstructor(String.class, boolean.class)
                .newInstance("c", false);
        }
    }

    /** Replication must not listen: nothing where it is an interface, else a port of loopback. */
    private static void quiet(DefaultMessageStore store) throws Exception {
        Field field = DefaultMessageStore.class.getDeclaredField("haService");
        field.setAccessible(true);
        Class<?> type = field.getType();
        if (type.isInterface()) {
            field.set(store, Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
                (proxy, method, arguments) -> nothing(method.getReturnType())));
            return;
        }
        Object service = field.get(store);
        Field accepts = type.getDeclaredField("acceptSocketService");
        accepts.setAccessible(true);
        Object socket = accepts.get(service);
        Field address = socket.getClass().getDeclaredField("socketAddressListen");
        address.setAccessible(true);
        address.set(socket, new InetSocketAddress("127.0.0.1", 0));
    }

    private static Object nothing(Class<?> type) {
        Map<Class<?>, Object> zeros = new HashMap<>();
        zeros.put(boolean.class, false);
        zeros.put(int.class, 0);
        zeros.put(long.class, 0L);
        if (type == AtomicInteger.class) {
            return new AtomicInteger();
        }
        return zeros.get(type);
    }

    private static void serve(DefaultMessageStore store, File root, List<String> said) {
        tell(said, "LOG " + store.getMinPhyOffset() + " " + store.getMaxPhyOffset());
        for (File topic : sorted(new File(root, "consumequeue"))) {
            for (File queue : sorted(topic)) {
                serveQueue(store, topic.getName(), Integer.parseInt(queue.getName()), said);
            }
        }
    }

    private static void serveQueue(DefaultMessageStore store, String topic, int queue, List<String> said) {
        long min = store.getMinOffsetInQueue(topic, queue);
        long max = maxOffset(store, topic, queue);
        tell(said, "QUEUE " + topic + " " + queue + " " + min + " " + max);
        for (long offset = min; offset < max; offset++) {
            GetMessageResult result = store.getMessage("g", topic, queue, offset, 1, null);
            List<ByteBuffer> found = result == null ? List.of() : result.getMessageBufferList();
            if (found.isEmpty()) {
                String why = result == null ? "null" : String.valueOf(result.getStatus());
                tell(said, "NONE " + topic + " " + queue + " " + offset + " " + why);
                continue;
            }
            byte[] data = new byte[found.get(0).remaining()];
            found.get(0).duplicate().get(data);
            result.release();
            MessageExt message = MessageDecoder.decode(ByteBuffer.wrap(data));
            CRC32 sum = new CRC32();
            sum.update(data);
            String place = message == null ? "-" : message.getQueueOffset() + " " + message.getCommitLogOffset();
            tell(said, "MESSAGE " + topic + " " + queue + " " + offset + " " + place + " " + data.length
                + " " + Long.toHexString(sum.getValue()) + " " + indexed(store, topic, message));
        }
    }

    private static long maxOffset(DefaultMessageStore store, String topic, int queue) {
        try {
            return store.getMaxOffsetInQueue(topic, queue);
        } catch (Exception since55) { // which declares a checked exception
            return -1;
        }
    }

    /** Whether a query by the unique key finds this very message; `-` where it has no such key. */
    private static String indexed(DefaultMessageStore store, String topic, MessageExt message) {
        String key = message == null ? null
            : message.getProperty(MessageConst.PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX);
        if (key == null) {
            return "-";
        }
        QueryMessageResult result = store.queryMessage(topic, key, 64, 0, Long.MAX_VALUE);
        boolean found = false;
        if (result != null) {
            for (ByteBuffer held : result.getMessageBufferList()) {
                found |= held.getLong(held.position() + PHYSICAL_OFFSET) == message.getCommitLogOffset();
            }
            result.release();
        }
        return found ? "indexed" : "unindexed";
    }

    private static File[] sorted(File directory) {
        File[] found = directory.listFiles(File::isDirectory);
        if (found == null) {
            return new File[0];
        }
        Arrays.sort(found);
        return found;
    }

    private static void tell(List<String> said, String line) {
        synchronized (said) {
            said.add(line);
        }
    }
}

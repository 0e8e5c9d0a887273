import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Calls of the administration library, in an order in which each finds what it asks for. */
final class Administration {
    private static final String TOPIC = "T_ADMIN";
    private static final String GROUP = "CG_ADMIN";

    private final Session session;
    private final DefaultMQAdminExt admin;

    private Administration(Session session) {
        this.session = session;
        this.admin = session.admin;
    }

    static void run(Session session) throws Throwable {
        Administration self = new Administration(session);
        SendResult sent = session.producer.send(
            Session.message(TOPIC, "TagA", "admin1", "administered"));
        DefaultMQPushConsumer consumer = session.push(GROUP);
        consumer.subscribe(TOPIC, "*");
        List<MessageExt> got = Session.collect(consumer);
        consumer.start();
        Outcome.until("one message", Session.PATIENCE, () -> !got.isEmpty());
        session.commit(consumer, Session.queue(TOPIC, 0), 1);
        for (DefaultMQPushConsumer other : session.consumers.toArray(new DefaultMQPushConsumer[0])) {
            other.getDefaultMQPushConsumerImpl().persistConsumerOffset();
        }
        self.look();
        self.messages(sent);
        self.members(sent);
        self.offsets();
        self.configuration();
        self.keyValues();
        consumer.shutdown();
        session.consumers.remove(consumer);
        self.remove();
    }

    private void look() {
        does("topicRoute", "examineTopicRouteInfo", TOPIC);
        does("topicRoute-missing", "examineTopicRouteInfo", "T_NOPE");
        does("clusterInfo", "examineBrokerClusterInfo");
        does("topicStats", "examineTopicStats", TOPIC);
        does("topicStats-missing", "examineTopicStats", "T_NOPE");
        does("consumeStats", "examineConsumeStats", GROUP);
        does("consumeStats-topic", "examineConsumeStats", GROUP, TOPIC);
        does("consumeStats-missing-group", "examineConsumeStats", "CG_NOPE");
        does("fetchAllTopicList", "fetchAllTopicList");
        does("fetchTopicsByCluster", "fetchTopicsByCLuster", "DefaultCluster");
        does("getTopicClusterList", "getTopicClusterList", TOPIC);
        does("topicConfig", "examineTopicConfig", session.broker, TOPIC);
        does("topicConfig-missing", "examineTopicConfig", session.broker, "T_NOPE");
        does("groupConfig", "examineSubscriptionGroupConfig", session.broker, "CG_PULL");
        does("allGroups", "getAllSubscriptionGroup", session.broker, 5000L);
        Outcome.step("admin.allTopics", () -> {
            try {
                return Session.call(admin, "getAllTopicConfig", session.broker, 5000L);
            } catch (NoSuchMethodException older) {
                return Session.call(admin, "getAllTopicGroup", session.broker, 5000L);
            }
        });
    }

    private void messages(SendResult sent) {
        does("queryMessage-key", "queryMessage", TOPIC, "admin1", 10, session.started - 1000,
            System.currentTimeMillis() + 1000);
        does("queryMessage-none", "queryMessage", TOPIC, "nokey", 10, session.started - 1000,
            System.currentTimeMillis() + 1000);
        Outcome.step("admin.viewMessage", () -> view(sent.getOffsetMsgId()));
        does("viewMessage-unique-id", "viewMessage", TOPIC, sent.getMsgId());
        Outcome.step("admin.viewMessage-missing", () -> view(String.format(
            "7F000001%08X0000000000FFFFFF", Integer.parseInt(session.broker.split(":")[1]))));
        Outcome.step("admin.messageTrackDetail",
            () -> Session.call(admin, "messageTrackDetail", view(sent.getOffsetMsgId())));
        does("queryConsumeQueue", "queryConsumeQueue", session.broker, TOPIC, 0, 0L, 10, GROUP);
    }

    private Object view(String id) throws Throwable {
        try {
            return Session.call(admin, "viewMessage", id);
        } catch (NoSuchMethodException newer) {
            return Session.call(admin, "viewMessage", TOPIC, id);
        }
    }

    private void members(SendResult sent) {
        does("consumerConnection", "examineConsumerConnectionInfo", GROUP);
        does("consumerConnection-offline", "examineConsumerConnectionInfo", "CG_NOPE");
        does("producerConnection", "examineProducerConnectionInfo", "PG_PEER", TOPIC);
        does("producerConnection-offline", "examineProducerConnectionInfo", "PG_NOPE", TOPIC);
        Outcome.step("admin.consumerRunningInfo", () -> {
            Object info = Session.call(admin, "getConsumerRunningInfo", GROUP,
                session.memberOf(GROUP), false);
            List<Object> subscriptions = new ArrayList<>();
            for (Object one : (Collection<?>) Session.call(info, "getSubscriptionSet")) {
                if (TOPIC.equals(Session.call(one, "getTopic"))) { // its retry topic comes later
                    subscriptions.add(one);
                }
            }
            Map<?, ?> queues = (Map<?, ?>) Session.call(info, "getMqTable");
            return List.of(subscriptions, queues.containsKey(Session.queue(TOPIC, 0)));
        });
        Outcome.step("admin.consumerRunningInfo-stacks", () -> {
            Object info = Session.call(admin, "getConsumerRunningInfo", GROUP,
                session.memberOf(GROUP), true);
            return ((String) Session.call(info, "getJstack")).length() > 100;
        });
        does("consumerRunningInfo-absent", "getConsumerRunningInfo", GROUP, "nobody", false);
        does("consumeStatus", "getConsumeStatus", TOPIC, GROUP, "");
        Outcome.step("admin.consumeMessageDirectly", () -> Session.call(admin,
            "consumeMessageDirectly", GROUP, session.memberOf(GROUP), TOPIC, sent.getMsgId()));
        Outcome.step("admin.consumeMessageDirectly-offset-id", () -> Session.call(admin,
            "consumeMessageDirectly", GROUP, session.memberOf(GROUP), sent.getOffsetMsgId()));
        does("queryTopicConsumeByWho", "queryTopicConsumeByWho", TOPIC);
        does("queryConsumeTimeSpan", "queryConsumeTimeSpan", TOPIC, GROUP);
    }

    private void offsets() {
        does("cloneGroupOffset", "cloneGroupOffset", GROUP, "CG_CLONE", TOPIC, false);
        does("updateConsumeOffset", "updateConsumeOffset", session.broker, "CG_PULL",
            Session.queue("T_PULL", 0), 2L);
        does("consumeStatsInBroker", "fetchConsumeStatsInBroker", session.broker, false, 5000L);
        Outcome.step("admin.statistics", () -> Session.call(admin, "viewBrokerStatsData",
            session.broker, "TOPIC_PUT_NUMS", TOPIC) != null);
        does("statistics-missing", "viewBrokerStatsData", session.broker, "TOPIC_PUT_NUMS",
            "T_NOPE");
    }

    private void configuration() {
        Outcome.step("admin.brokerRuntimeInfo", () -> new TreeSet<>(
            ((Map<?, ?>) Session.call(
                Session.call(admin, "fetchBrokerRuntimeStats", session.broker), "getTable"))
                .keySet()));
        does("brokerConfig", "getBrokerConfig", session.broker);
        Properties settings = new Properties();
        settings.setProperty("fileReservedTime", "71");
        does("updateBrokerConfig", "updateBrokerConfig", session.broker, settings);
        does("namesrvConfig", "getNameServerConfig", List.of(session.nameServer));
        Properties flags = new Properties();
        flags.setProperty("clusterTest", "false");
        does("updateNamesrvConfig", "updateNameServerConfig", flags, List.of(session.nameServer));
        does("cleanExpiredConsumerQueue", "cleanExpiredConsumerQueueByAddr", session.broker);
        does("cleanUnusedTopic", "cleanUnusedTopicByAddr", session.broker);
        Outcome.step("admin.wipeWritePerm", () -> (Integer) Session.call(admin,
            "wipeWritePermOfBroker", session.nameServer, Session.BROKER_NAME) > 0);
        does("topicRoute-wiped", "examineTopicRouteInfo", TOPIC);
        Outcome.step("admin.addWritePerm", () -> (Integer) Session.call(admin,
            "addWritePermOfBroker", session.nameServer, Session.BROKER_NAME) > 0);
        does("topicRoute-restored", "examineTopicRouteInfo", TOPIC);
    }

    private void keyValues() {
        does("kv.put", "createAndUpdateKvConfig", "PEER_NS", "k1", "v1");
        Outcome.step("admin.kv.get", () -> Session.call(session.requests(), "getKVConfigValue",
            "PEER_NS", "k1", 3000L));
        does("kv.list", "getKVListByNamespace", "PEER_NS");
        does("kv.delete", "deleteKvConfig", "PEER_NS", "k1");
        does("kv.list-after-delete", "getKVListByNamespace", "PEER_NS");
        does("kv.orderConf", "createOrUpdateOrderConf", "T_ORDER", "broker-a:4", false);
        does("topicRoute-ordered", "examineTopicRouteInfo", "T_ORDER");
    }

    private void remove() {
        does("consumerConnection-left", "examineConsumerConnectionInfo", GROUP);
        does("deleteSubscriptionGroup", "deleteSubscriptionGroup", session.broker, GROUP);
        does("deleteTopicInBroker", "deleteTopicInBroker",
            new HashSet<>(List.of(session.broker)), TOPIC);
        Outcome.step("admin.deleteTopicInNameServer", () -> {
            HashSet<String> servers = new HashSet<>(List.of(session.nameServer));
            try {
                return Session.call(admin, "deleteTopicInNameServer", servers, TOPIC);
            } catch (NoSuchMethodException newer) {
                return Session.call(admin, "deleteTopicInNameServer", servers, "DefaultCluster",
                    TOPIC);
            }
        });
        does("topicRoute-deleted", "examineTopicRouteInfo", TOPIC);
        does("topicConfig-deleted", "examineTopicConfig", session.broker, TOPIC);
    }

    private void does(String step, String method, Object... arguments) {
        Outcome.step("admin." + step, () -> Session.call(admin, method, arguments));
    }
}

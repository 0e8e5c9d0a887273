import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Requests that another client answers. */
final class RequestReply {
    private static final long TTL = 15_000;

    private RequestReply() {
    }

    static void run(Session session) throws Throwable {
        DefaultMQProducer replier = session.producer("PG_REPLY", "replier");
        replier.start();
        DefaultMQPushConsumer responder = session.push("CG_REQ");
        responder.subscribe("T_REQ", "*");
        List<MessageExt> asked = Collections.synchronizedList(new ArrayList<>());
        responder.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            asked.addAll(messages);
            for (MessageExt message : messages) {
                try {
                    byte[] answer = Session.bytes("reply to " + new String(message.getBody()));
                    replier.send(MessageUtil.createReplyMessage(message, answer));
                } catch (Exception failure) {
                    Outcome.print("reply: " + failure);
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        Outcome.step("request.responder.start", () -> {
            responder.start();
            return null;
        });
        Outcome.step("request.sync", () -> {
            Message reply = session.producer.request(
                new Message("T_REQ", Session.bytes("ask")), TTL);
            return new String(reply.getBody());
        });
        Outcome.step("request.async", () -> {
            CompletableFuture<Message> reply = new CompletableFuture<>();
            session.producer.request(new Message("T_REQ", Session.bytes("ask later")),
                new RequestCallback() {
                    @Override
                    public void onSuccess(Message message) {
                        reply.complete(message);
                    }

                    @Override
                    public void onException(Throwable failure) {
                        reply.completeExceptionally(failure);
                    }
                }, TTL);
            // client 4.9.7 calls back with null when the send is acknowledged before the reply is in
            Message answer = reply.get(TTL, TimeUnit.MILLISECONDS);
            Outcome.until("the second request", TTL, () -> asked.size() >= 2);
            boolean right = answer == null
                || new String(answer.getBody()).equals("reply to ask later");
            return List.of(right, Outcome.bodies(asked));
        });
    }
}

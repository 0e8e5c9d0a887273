// Drives apache/rocketmq-client-go against one broker: NAMESRV BROKER. One line per check.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

const (
	soon   = 15 * time.Second
	atPoll = 60 * time.Second // the client looks for a new retry topic every thirty seconds
)

var (
	namesrv, broker string
	ctx             = context.Background()
)

func main() {
	namesrv, broker = os.Args[1], os.Args[2]
	rlog.SetLogLevel("fatal")
	a, err := admin.NewAdmin(admin.WithResolver(resolver()))
	if err != nil {
		panic(err)
	}
	administer(a)
	p, err := newProducer()
	if err != nil {
		panic(err)
	}
	boxes := map[string]*inbox{}
	for _, name := range []string{"basic", "batch", "delay", "order", "bc1", "bc2", "tag", "sql", "retry", "tx"} {
		boxes[name] = &inbox{}
	}
	consumers := []rocketmq.PushConsumer{ // these must be there before the messages
		push("bc1", "bc", boxes["bc1"], everything, consumer.WithConsumerModel(consumer.BroadCasting), consumer.WithGroupName("GoCG_bc")),
		push("bc2", "bc", boxes["bc2"], everything, consumer.WithConsumerModel(consumer.BroadCasting), consumer.WithGroupName("GoCG_bc")),
		push("tx", "tx", boxes["tx"], everything),
	}
	send(p)
	l := &listener{}
	tp, err := newTransactionProducer(l)
	if err != nil {
		panic(err)
	}
	for _, body := range []string{"commit", "rollback", "unknown"} {
		_, err := tp.SendMessageInTransaction(ctx, message("tx", body))
		report("send transaction "+body, outcome(err))
	}
	consumers = append(consumers,
		push("basic", "basic", boxes["basic"], everything),
		push("batch", "batch", boxes["batch"], everything),
		push("delay", "delay", boxes["delay"], everything),
		push("order", "order", boxes["order"], everything, consumer.WithConsumerOrder(true)),
		push("tag", "tag", boxes["tag"], consumer.MessageSelector{Type: consumer.TAG, Expression: "TagA || TagC"}),
		push("sql", "tag", boxes["sql"], consumer.MessageSelector{Type: consumer.SQL92, Expression: "n >= 1"}),
		push("retry", "retry", boxes["retry"], everything),
	)
	pull(a)
	receive(boxes)
	report("transaction check-backs", atomic.LoadInt32(&l.checks))
	report("shutdown producer", outcome(p.Shutdown()))
	report("shutdown transaction producer", outcome(tp.Shutdown()))
	for _, c := range consumers {
		if err := c.Shutdown(); err != nil {
			report("shutdown consumer", outcome(err))
		}
	}
	report("admin delete topic", outcome(a.DeleteTopic(ctx, admin.WithTopicDelete(topic("basic")), admin.WithBrokerAddrDelete(broker), admin.WithNameSrvAddr([]string{namesrv}))))
	report("done", true)
}

func administer(a admin.Admin) {
	for _, name := range []string{"basic", "batch", "delay", "tx", "order", "bc", "tag", "retry", "pull"} {
		err := a.CreateTopic(ctx, admin.WithTopicCreate(topic(name)), admin.WithBrokerAddrCreate(broker), admin.WithReadQueueNums(4), admin.WithWriteQueueNums(4))
		report("admin create topic "+name, outcome(err))
	}
	ours := 0
	topics, err := a.FetchAllTopicList(ctx)
	if err == nil {
		for _, name := range topics.TopicList {
			if strings.HasPrefix(name, "Go_") {
				ours++
			}
		}
	}
	report("admin fetch all topics", ours)
	groups, err := a.GetAllSubscriptionGroup(ctx, broker, 3*time.Second)
	report("admin get all groups", err == nil && len(groups.SubscriptionGroupTable) > 0)
}

func sent(r *primitive.SendResult, err error) string {
	if err != nil {
		return err.Error()
	}
	return map[primitive.SendStatus]string{primitive.SendOK: "ok"}[r.Status]
}

func send(p rocketmq.Producer) {
	report("send sync", sent(p.SendSync(ctx, message("basic", "sync"))))
	report("send zlib", sent(p.SendSync(ctx, message("basic", strings.Repeat("z", 9000)))))
	var wait sync.WaitGroup
	var acknowledged int32
	for i := 0; i < 5; i++ {
		wait.Add(1)
		err := p.SendAsync(ctx, func(_ context.Context, r *primitive.SendResult, err error) {
			if sent(r, err) == "ok" {
				atomic.AddInt32(&acknowledged, 1)
			}
			wait.Done()
		}, message("basic", fmt.Sprintf("async%d", i)))
		if err != nil {
			wait.Done()
		}
	}
	wait.Wait()
	report("send async", acknowledged)
	report("send one-way", outcome(p.SendOneWay(ctx, message("basic", "oneway"))))
	report("send to a new topic", sent(p.SendSync(ctx, message("auto", "auto"))))
	batch := []*primitive.Message{}
	for i := 0; i < 10; i++ {
		batch = append(batch, message("batch", fmt.Sprintf("b%02d", i)))
	}
	report("send batch", sent(p.SendSync(ctx, batch...)))
	for i, level := range []int{1, 2} {
		report(fmt.Sprintf("send delay level %d", level), sent(p.SendSync(ctx, message("delay", fmt.Sprintf("d%d", i)).WithDelayTimeLevel(level))))
	}
	for i := 0; i < 12; i++ {
		key := fmt.Sprint(i % 3)
		if text := sent(p.SendSync(ctx, message("order", fmt.Sprintf("%s-%02d", key, i)).WithShardingKey(key))); text != "ok" {
			report("send orderly", text)
		}
	}
	for i, tag := range []string{"A", "B", "C"} {
		m := message("tag", tag).WithTag("Tag" + tag).WithKeys([]string{"k" + tag})
		m.WithProperty("n", fmt.Sprint(i))
		report("send tag "+tag, sent(p.SendSync(ctx, m)))
		report("send broadcast "+tag, sent(p.SendSync(ctx, message("bc", tag))))
		report("send pull "+tag, sent(p.SendSync(ctx, message("pull", tag))))
	}
	report("send retry", sent(p.SendSync(ctx, message("retry", "r"))))
}

// pull takes three messages by Poll and by PullFrom.
func pull(a admin.Admin) {
	c, err := rocketmq.NewPullConsumer(consumer.WithNsResolver(resolver()), consumer.WithGroupName("GoPull"), consumer.WithInstance("pull"), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	if err == nil {
		err = c.Subscribe(topic("pull"), everything)
	}
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		report("pull start", outcome(err))
		return
	}
	polled := &inbox{}
	for end := time.Now().Add(soon); polled.size() < 3 && time.Now().Before(end); {
		if r, err := c.Poll(ctx, 2*time.Second); err == nil {
			polled.add(r.GetMsgList()...)
			c.ACK(ctx, r, consumer.ConsumeSuccess)
		}
	}
	report("pull poll", polled.bodies())
	from := &inbox{}
	queues, err := a.FetchPublishMessageQueues(ctx, topic("pull"))
	report("pull queues", len(queues))
	for _, queue := range queues {
		if r, e := c.PullFrom(ctx, queue, 0, 32); e == nil {
			from.add(r.GetMessageExts()...)
		} else {
			err = e
		}
	}
	report("pull from 0", outcome(err))
	report("pull from 0 bodies", from.bodies())
	c.Shutdown()
}

func receive(boxes map[string]*inbox) {
	wanted := []struct {
		name     string
		count    int
		patience time.Duration
	}{
		{"basic", 8, soon}, {"batch", 10, soon}, {"tag", 2, soon}, {"sql", 2, soon}, {"order", 12, soon},
		{"bc1", 3, soon}, {"bc2", 3, soon}, {"delay", 2, soon}, {"tx", 2, atPoll}, {"retry", 2, atPoll},
	}
	var wait sync.WaitGroup
	for _, one := range wanted {
		wait.Add(1)
		go func() {
			defer wait.Done()
			boxes[one.name].await(one.count, one.patience)
		}()
	}
	wait.Wait()
	for _, one := range wanted {
		report("push "+one.name, boxes[one.name].bodies())
	}
	report("push order kept", boxes["order"].inOrder())
	report("push retry times", boxes["retry"].reconsumed())
	seconds := []float64{}
	for i, m := range boxes["delay"].messages {
		seconds = append(seconds, float64(boxes["delay"].arrived[i].UnixMilli()-m.BornTimestamp)/1000)
	}
	report("push delay seconds", seconds)
}

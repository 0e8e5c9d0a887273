package main

import (
	"context"
	"fmt"
	"sync/atomic"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

var everything = consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}

func resolver() primitive.NsResolver {
	return primitive.NewPassthroughResolver([]string{namesrv})
}

func topic(name string) string { return "Go_" + name }

func message(name, body string) *primitive.Message {
	return primitive.NewMessage(topic(name), []byte(body))
}

func shortened(body string) string {
	if len(body) > 100 {
		return fmt.Sprintf("%s*%d", body[:1], len(body))
	}
	return body
}

// push starts a consumer that fills box; the one named retry fails each message once.
func push(name, subject string, box *inbox, selector consumer.MessageSelector, more ...consumer.Option) rocketmq.PushConsumer {
	options := append([]consumer.Option{
		consumer.WithNsResolver(resolver()),
		consumer.WithGroupName("GoCG_" + name),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
		consumer.WithInstance(name),
	}, more...)
	c, err := rocketmq.NewPushConsumer(options...)
	if err == nil {
		err = c.Subscribe(topic(subject), selector, func(_ context.Context, ms ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			box.add(ms...)
			if name == "retry" && ms[0].ReconsumeTimes == 0 {
				return consumer.ConsumeRetryLater, nil
			}
			return consumer.ConsumeSuccess, nil
		})
	}
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		report("start "+name, outcome(err))
	}
	return c
}

func newProducer() (rocketmq.Producer, error) {
	p, err := rocketmq.NewProducer(
		producer.WithNsResolver(resolver()),
		producer.WithGroupName("GoPG"),
		producer.WithRetry(1),
		producer.WithCreateTopicKey("TBW102"),
		producer.WithQueueSelector(producer.NewHashQueueSelector()), // else a sharding key does nothing
	)
	if err == nil {
		err = p.Start()
	}
	return p, err
}

// listener decides by the body, and commits what it is asked for.
type listener struct{ checks int32 }

func (l *listener) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	return map[string]primitive.LocalTransactionState{
		"commit":   primitive.CommitMessageState,
		"rollback": primitive.RollbackMessageState,
		"unknown":  primitive.UnknowState,
	}[string(m.Body)]
}

func (l *listener) CheckLocalTransaction(*primitive.MessageExt) primitive.LocalTransactionState {
	atomic.AddInt32(&l.checks, 1)
	return primitive.CommitMessageState
}

// newTransactionProducer has an instance of its own: one shared with a consumer that was made
// before it would never hear of a check.
func newTransactionProducer(l *listener) (rocketmq.TransactionProducer, error) {
	p, err := rocketmq.NewTransactionProducer(
		l,
		producer.WithNsResolver(resolver()),
		producer.WithGroupName("GoTX"),
		producer.WithInstanceName("transactions"),
	)
	if err == nil {
		err = p.Start()
	}
	return p, err
}

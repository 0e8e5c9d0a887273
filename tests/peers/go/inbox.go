package main

import (
	"sort"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// inbox collects what one consumer was given.
type inbox struct {
	sync.Mutex
	messages []*primitive.MessageExt
	arrived  []time.Time
}

func (b *inbox) add(messages ...*primitive.MessageExt) {
	b.Lock()
	defer b.Unlock()
	for _, m := range messages {
		b.messages, b.arrived = append(b.messages, m), append(b.arrived, time.Now())
	}
}

func (b *inbox) size() int {
	b.Lock()
	defer b.Unlock()
	return len(b.messages)
}

// await waits for count messages, and a little longer: one too many would show.
func (b *inbox) await(count int, patience time.Duration) {
	for end := time.Now().Add(patience); time.Now().Before(end) && b.size() < count; {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(400 * time.Millisecond)
}

// bodies are sorted; a long one is replaced by its first letter and its length.
func (b *inbox) bodies() []string {
	b.Lock()
	defer b.Unlock()
	found := []string{}
	for _, m := range b.messages {
		found = append(found, shortened(string(m.Body)))
	}
	sort.Strings(found)
	return found
}

// reconsumed are the ReconsumeTimes in the order of arrival.
func (b *inbox) reconsumed() []int32 {
	b.Lock()
	defer b.Unlock()
	found := []int32{}
	for _, m := range b.messages {
		found = append(found, m.ReconsumeTimes)
	}
	return found
}

// inOrder tells whether the bodies of each key (their first letter) came in order.
func (b *inbox) inOrder() bool {
	b.Lock()
	defer b.Unlock()
	last := map[byte]string{}
	for _, m := range b.messages {
		if string(m.Body) <= last[m.Body[0]] {
			return false
		}
		last[m.Body[0]] = string(m.Body)
	}
	return true
}

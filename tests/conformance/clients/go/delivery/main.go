// delivery URL - the ways in which nats.go consumes a stream, all at once, while the server restarts
// and is killed; what each of them got. Lines that start with '!' ask the test to do something to the
// server.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const total = 300

var ctx, cancel = context.WithTimeout(context.Background(), 80*time.Second)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// tally is what one way of consuming got.
type tally struct {
	sync.Mutex
	seen    map[int]bool
	last    int
	inOrder bool
	done    chan struct{}
}

func newTally() *tally {
	return &tally{seen: map[int]bool{}, inOrder: true, done: make(chan struct{})}
}

func (t *tally) note(data []byte) {
	number := must(strconv.Atoi(string(data)))
	t.Lock()
	defer t.Unlock()
	t.inOrder = t.inOrder && number == t.last+1
	t.last = number
	if !t.seen[number] {
		t.seen[number] = true
		if len(t.seen) == total {
			close(t.done)
		}
	}
}

func durable(js jetstream.JetStream, name string) jetstream.Consumer {
	return must(js.CreateConsumer(ctx, "R", jetstream.ConsumerConfig{
		Durable: name, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 2 * time.Second,
	}))
}

func acking(t *tally) jetstream.MessageHandler {
	return func(m jetstream.Msg) {
		t.note(m.Data())
		_ = m.Ack()
	}
}

func fetch(c jetstream.Consumer, t *tally) {
	for ctx.Err() == nil {
		batch, err := c.Fetch(20, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		for m := range batch.Messages() {
			acking(t)(m)
		}
	}
}

func next(c jetstream.Consumer, t *tally) {
	for ctx.Err() == nil {
		m, err := c.Next(jetstream.FetchMaxWait(time.Second))
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		acking(t)(m)
	}
}

func messages(c jetstream.Consumer, take jetstream.MessageHandler) {
	it := must(c.Messages())
	for {
		m, err := it.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			log.Fatal("messages: ", err)
		} else if err == nil {
			take(m)
		}
	}
}

// oldFetch uses the API before the package jetstream.
func oldFetch(sub *nats.Subscription, t *tally) {
	for ctx.Err() == nil {
		batch, err := sub.Fetch(20, nats.MaxWait(time.Second))
		if err != nil {
			time.Sleep(50 * time.Millisecond)
		}
		for _, m := range batch {
			oldAcking(t)(m)
		}
	}
}

func oldAcking(t *tally) nats.MsgHandler {
	return func(m *nats.Msg) {
		t.note(m.Data)
		_ = m.Ack()
	}
}

func publish(js jetstream.JetStream) {
	for number := 1; number <= total; number++ {
		text := strconv.Itoa(number)
		for {
			short, stop := context.WithTimeout(ctx, time.Second)
			_, err := js.Publish(short, "r.x", []byte(text), jetstream.WithMsgID(text))
			stop()
			if err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if number == total/3 {
			fmt.Println("!restart")
		} else if number == 2*total/3 {
			fmt.Println("!kill")
		}
		time.Sleep(3 * time.Millisecond)
	}
}

func main() {
	defer cancel()
	nc := must(nats.Connect(os.Args[1], nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.ReconnectJitter(0, 0)))
	js := must(jetstream.New(nc))
	must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "R", Subjects: []string{"r.>"}}))
	names := []string{"fetch", "next", "consume", "messages", "push", "old fetch", "old push", "ordered",
		"ordered messages", "ordered old push"}
	tallies := map[string]*tally{}
	for _, name := range names {
		tallies[name] = newTally()
	}

	go fetch(durable(js, "fetch"), tallies["fetch"])
	go next(durable(js, "next"), tallies["next"])
	must(durable(js, "consume").Consume(acking(tallies["consume"])))
	go messages(durable(js, "messages"), acking(tallies["messages"]))
	push := must(js.CreatePushConsumer(ctx, "R", jetstream.ConsumerConfig{Durable: "push", DeliverSubject: "pushed",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 2 * time.Second}))
	must(push.Consume(acking(tallies["push"])))
	ordered := must(js.OrderedConsumer(ctx, "R", jetstream.OrderedConsumerConfig{}))
	must(ordered.Consume(func(m jetstream.Msg) { tallies["ordered"].note(m.Data()) }))
	go messages(must(js.OrderedConsumer(ctx, "R", jetstream.OrderedConsumerConfig{})),
		func(m jetstream.Msg) { tallies["ordered messages"].note(m.Data()) })
	old := must(nc.JetStream())
	go oldFetch(must(old.PullSubscribe("r.>", "old-fetch", nats.AckWait(2*time.Second))), tallies["old fetch"])
	must(old.Subscribe("r.>", oldAcking(tallies["old push"]), nats.Durable("old-push"), nats.ManualAck(),
		nats.AckWait(2*time.Second)))
	must(old.Subscribe("r.>", func(m *nats.Msg) { tallies["ordered old push"].note(m.Data) }, nats.OrderedConsumer(),
		nats.IdleHeartbeat(time.Second)))

	publish(js)
	for _, name := range names {
		t := tallies[name]
		select {
		case <-t.done:
		case <-ctx.Done():
		}
		t.Lock()
		order := ""
		if name[0] == 'o' && t.inOrder {
			order = ", in order"
		}
		fmt.Printf("%s: %d of %d%s\n", name, len(t.seen), total, order)
		t.Unlock()
	}
}

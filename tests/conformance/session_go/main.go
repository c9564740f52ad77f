// session_go URL - one short session with the official Go client; prints what it saw.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func check(err error) {
	if err != nil {
		fmt.Println("unexpected error:", err)
		os.Exit(1)
	}
}

func show(what string, value any) {
	text, err := json.Marshal(value)
	check(err)
	fmt.Printf("%s: %s\n", what, text)
}

// raw shows the whole answer to an API call.
func raw(nc *nats.Conn, subject, body string) {
	answer, err := nc.Request(subject, []byte(body), 5*time.Second)
	check(err)
	var value map[string]any
	check(json.Unmarshal(answer.Data, &value))
	show(subject, value)
}

func core(nc, other *nats.Conn) {
	var mu sync.Mutex
	var got []string
	for _, pattern := range []string{"greet.joe", "greet.*", "greet.>"} {
		_, err := nc.Subscribe(pattern, func(m *nats.Msg) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprintf("%s %s %v", m.Subject, m.Data, m.Header))
		})
		check(err)
	}
	check(nc.Publish("greet.joe", []byte("hello")))
	check(nc.Publish("greet.sue.all", []byte("deep")))
	check(nc.PublishMsg(&nats.Msg{Subject: "greet.pam", Header: nats.Header{"Key": {"a", "b"}}, Data: []byte("x")}))
	check(nc.Flush())
	time.Sleep(100 * time.Millisecond)
	mu.Lock()
	sort.Strings(got)
	show("subscriptions", got)
	mu.Unlock()

	var counts [2]atomic.Int32
	for i, conn := range []*nats.Conn{nc, other} {
		_, err := conn.QueueSubscribe("jobs", "workers", func(*nats.Msg) { counts[i].Add(1) })
		check(err)
		check(conn.Flush())
	}
	for range 100 {
		check(nc.Publish("jobs", nil))
	}
	check(nc.Flush())
	check(other.Flush())
	time.Sleep(100 * time.Millisecond)
	show("queue group", []any{counts[0].Load() + counts[1].Load(), counts[0].Load() > 0 && counts[1].Load() > 0})

	_, err := other.Subscribe("help", func(m *nats.Msg) { check(m.Respond(append([]byte("re: "), m.Data...))) })
	check(err)
	check(other.Flush())
	answer, err := nc.Request("help", []byte("please"), time.Second)
	check(err)
	show("request", string(answer.Data))
	_, err = nc.Request("nobody", nil, time.Second)
	show("nobody", err.Error())
	limited, err := nc.SubscribeSync("limited")
	check(err)
	check(limited.AutoUnsubscribe(2))
	for range 4 {
		check(nc.Publish("limited", nil))
	}
	check(nc.Flush())
	time.Sleep(100 * time.Millisecond)
	count, _, err := limited.Pending()
	check(err)
	for range count {
		_, err := limited.NextMsg(time.Second)
		check(err)
	}
	show("auto-unsubscribe", count)
	show("max payload", nc.MaxPayload())
	show("publish too much", nc.Publish("big", make([]byte, nc.MaxPayload()+1)).Error())
}

func showMessages(what string, messages []jetstream.Msg) {
	var seen []any
	for _, m := range messages {
		meta, err := m.Metadata()
		check(err)
		seen = append(seen, []any{string(m.Data()), m.Subject(), meta.Sequence.Stream, meta.Sequence.Consumer,
			meta.NumDelivered, meta.NumPending, meta.Stream, meta.Consumer})
	}
	show(what, seen)
}

func fetch(consumer jetstream.Consumer, count int, wait time.Duration) []jetstream.Msg {
	batch, err := consumer.Fetch(count, jetstream.FetchMaxWait(wait))
	check(err)
	var messages []jetstream.Msg
	for m := range batch.Messages() {
		messages = append(messages, m)
	}
	if err := batch.Error(); err != nil {
		show("fetch", err.Error())
	}
	return messages
}

func streams(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) jetstream.Stream {
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}, MaxMsgs: 1000,
		Duplicates: time.Minute, Description: "from Go", Metadata: map[string]string{"origin": "test"}})
	check(err)
	show("created", stream.CachedInfo().Config)
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"different"}})
	show("create again", err.Error())
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "NEW", Subjects: []string{"orders.x"}})
	show("overlap", err.Error())
	for n := range 10 {
		ack, err := js.Publish(ctx, fmt.Sprintf("orders.%d", n%2), []byte(fmt.Sprintf("order %d", n)))
		check(err)
		show("publish", ack)
	}
	for range 2 {
		ack, err := js.Publish(ctx, "orders.once", []byte("once"), jetstream.WithMsgID("id-1"))
		check(err)
		show("publish with id", ack)
	}
	_, err = js.Publish(ctx, "orders.x", nil, jetstream.WithExpectLastSequence(3))
	show("wrong last sequence", err.Error())
	_, err = js.Publish(ctx, "orders.x", nil, jetstream.WithExpectStream("OTHER"))
	show("wrong stream", err.Error())
	for range 50 {
		_, err := js.PublishAsync("orders.async", []byte("async"))
		check(err)
	}
	<-js.PublishAsyncComplete()
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(">"), jetstream.WithDeletedDetails(true))
	check(err)
	state := info.State
	state.FirstTime, state.LastTime = time.Time{}, time.Time{}
	show("state", state)
	for _, seq := range []uint64{3, 99} {
		m, err := stream.GetMsg(ctx, seq)
		if err != nil {
			show("get", err.Error())
			continue
		}
		show("get", []any{m.Subject, m.Sequence, string(m.Data), m.Header})
	}
	check(stream.DeleteMsg(ctx, 4))
	show("delete again", stream.DeleteMsg(ctx, 4).Error())
	last, err := stream.GetLastMsgForSubject(ctx, "orders.once")
	check(err)
	show("last", []any{last.Subject, last.Sequence, string(last.Data), last.Header})
	_, err = js.Stream(ctx, "NONE")
	show("no such stream", err.Error())
	_, err = js.UpdateStream(ctx, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>", "more"}, MaxMsgs: 500,
		Duplicates: time.Minute})
	check(err)
	var names []string
	for name := range js.StreamNames(ctx).Name() {
		names = append(names, name)
	}
	show("names", names)
	raw(nc, "$JS.API.STREAM.INFO.ORDERS", "")
	raw(nc, "$JS.API.STREAM.LIST", "")
	return stream
}

func consumers(ctx context.Context, nc *nats.Conn, stream jetstream.Stream) {
	consumer, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: 2 * time.Second, MaxAckPending: 4, MaxDeliver: 3, FilterSubjects: []string{"orders.0", "orders.1"}})
	check(err)
	raw(nc, "$JS.API.CONSUMER.INFO.ORDERS.C", "")
	messages := fetch(consumer, 4, 2*time.Second)
	showMessages("max_ack_pending lets through", messages)
	// Exactly as many as there may be: no request of ours is open when messages become free.
	raw(nc, "$JS.API.CONSUMER.INFO.ORDERS.C", "")
	check(messages[0].DoubleAck(ctx))
	check(messages[1].Nak())
	check(messages[2].InProgress())
	check(messages[3].TermWithReason("not wanted"))
	check(nc.Flush())
	time.Sleep(100 * time.Millisecond)
	messages = fetch(consumer, 3, 500*time.Millisecond)
	showMessages("after ack, nak, term", messages)
	for len(messages) > 0 {
		for _, m := range messages {
			check(m.DoubleAck(ctx))
		}
		messages = fetch(consumer, 3, 200*time.Millisecond)
		showMessages("more", messages)
	}
	messages = fetch(consumer, 1, 4*time.Second)
	showMessages("after the ack wait", messages)
	check(messages[0].DoubleAck(ctx))
	none, err := consumer.FetchNoWait(5)
	check(err)
	for range none.Messages() {
		show("fetch without waiting", "a message")
	}
	raw(nc, "$JS.API.CONSUMER.INFO.ORDERS.C", "")
	_, err = stream.Consumer(ctx, "NONE")
	show("no such consumer", err.Error())
	_, err = stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckNonePolicy})
	show("other settings", err.Error())

	ordered, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Name: "FROM", AckPolicy: jetstream.AckNonePolicy,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 9, InactiveThreshold: time.Minute})
	check(err)
	showMessages("from a sequence", fetch(ordered, 3, time.Second))
	raw(nc, "$JS.API.CONSUMER.NAMES.ORDERS", "")
	check(stream.DeleteConsumer(ctx, "FROM"))
	check(stream.DeleteConsumer(ctx, "C"))
	raw(nc, "$JS.API.CONSUMER.LIST.ORDERS", "")
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	nc, err := nats.Connect(os.Args[1])
	check(err)
	other, err := nats.Connect(os.Args[1])
	check(err)
	show("server", []any{nc.ConnectedServerName(), strings.HasPrefix(nc.ConnectedServerVersion(), "2.15."), nc.HeadersSupported()})
	core(nc, other)
	js, err := jetstream.New(nc)
	check(err)
	stream := streams(ctx, nc, js)
	consumers(ctx, nc, stream)
	check(stream.Purge(ctx, jetstream.WithPurgeSubject("orders.async")))
	check(stream.Purge(ctx, jetstream.WithPurgeKeep(3)))
	raw(nc, "$JS.API.STREAM.INFO.ORDERS", "")
	check(js.DeleteStream(ctx, "ORDERS"))
	_, err = js.Publish(ctx, "orders.gone", nil, jetstream.WithRetryAttempts(0))
	show("publish without a stream", err.Error())
	account, err := js.AccountInfo(ctx)
	check(err)
	show("account", []any{account.Streams, account.Consumers, account.Limits})

	count := 0
	done := make(chan struct{})
	sub, err := nc.Subscribe("drained", func(*nats.Msg) { count++ })
	check(err)
	sub.SetClosedHandler(func(string) { close(done) })
	check(nc.Flush())
	for range 20 {
		check(other.Publish("drained", nil))
	}
	check(other.Flush())
	check(nc.Flush())
	check(sub.Drain())
	<-done
	show("drained", count)
	closed := make(chan struct{})
	nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	check(nc.Drain())
	<-closed
	other.Close()
	show("closed", []any{nc.IsClosed(), errors.Is(nc.Publish("x", nil), nats.ErrConnectionClosed)})
}

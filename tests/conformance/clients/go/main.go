// go USER_URL WRONG_URL LIMITED_URL - what an application sees of the server through nats.go, one line
// for each situation. Lines that start with '!' ask the test to do something to the server.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

const wait = 20 * time.Second

func check(err error) {
	if err != nil {
		fmt.Println("unexpected error:", err)
		os.Exit(1)
	}
}

func show(what, format string, values ...any) {
	fmt.Printf("%s: %s\n", what, fmt.Sprintf(format, values...))
}

// answer is what became of a call: its error by the name that all programs use, or "fine".
func answer(err error) string {
	switch {
	case err == nil:
		return "fine"
	case errors.Is(err, nats.ErrAuthorization):
		return "authorization violation"
	case errors.Is(err, nats.ErrNoResponders):
		return "no responders"
	case errors.Is(err, nats.ErrTimeout):
		return "timeout"
	case errors.Is(err, nats.ErrMaxPayload):
		return "maximum payload exceeded"
	case errors.Is(err, nats.ErrSlowConsumer):
		return "slow consumer"
	case errors.Is(err, nats.ErrConnectionClosed):
		return "connection closed"
	}
	text := strings.ToLower(err.Error())
	if at := strings.LastIndex(text, "permissions violation for"); at >= 0 {
		return text[at:]
	}
	return text
}

// observed is a connection with what its handlers were told.
type observed struct {
	*nats.Conn
	told   chan string
	errors chan error
}

func connect(url string, options ...nats.Option) observed {
	o := observed{told: make(chan string, 100), errors: make(chan error, 1000)}
	tell := func(what string) nats.ConnHandler { return func(*nats.Conn) { o.told <- what } }
	nc, err := nats.Connect(url, append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { o.told <- "disconnected" }),
		nats.ReconnectHandler(tell("reconnected")), nats.ClosedHandler(tell("closed")),
		nats.LameDuckModeHandler(tell("lame duck")),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { o.errors <- err }),
	}, options...)...)
	check(err)
	o.Conn = nc
	return o
}

// expect waits until each of these was told in this order; others between them do not count.
func (o observed) expect(situation string, events ...string) {
	for _, event := range events {
		for deadline := time.After(wait); ; {
			select {
			case told := <-o.told:
				if told != event {
					continue
				}
			case <-deadline:
				check(fmt.Errorf("%s: never told %q", situation, event))
			}
			break
		}
	}
	show(situation, "%s", strings.Join(events, ", "))
}

func (o observed) nextError() error {
	select {
	case err := <-o.errors:
		return err
	case <-time.After(wait):
		return errors.New("was not told")
	}
}

func (o observed) subscribe(subject string) *nats.Subscription {
	sub, err := o.SubscribeSync(subject)
	check(err)
	check(o.Flush())
	return sub
}

func (o observed) publish(subject, text string) { check(o.Publish(subject, []byte(text))) }

// received is all that a subscription got until now.
func received(o observed, sub *nats.Subscription) []string {
	check(o.Flush())
	texts := []string{}
	for {
		m, err := sub.NextMsg(50 * time.Millisecond)
		if err != nil {
			return texts
		}
		texts = append(texts, m.Subject+"="+string(m.Data))
	}
}

func connecting(url, wrong, limited string) {
	nc := connect(url)
	show("connect", "server %s, version %s, max payload %d, headers %t", nc.ConnectedServerName(),
		strings.Join(strings.Split(nc.ConnectedServerVersion(), ".")[:2], "."), nc.MaxPayload(), nc.HeadersSupported())
	_, err := nats.Connect(wrong)
	show("connect with a wrong password", "%s", answer(err))
	_, err = nats.Connect(url[:strings.Index(url, "//")+2] + url[strings.Index(url, "@")+1:])
	show("connect without a password", "%s", answer(err))
	some := connect(limited)
	some.publish("closed.subject", "")
	show("publish without permission", "%s", answer(some.nextError()))
	some.subscribe("closed.>")
	show("subscribe without permission", "%s", answer(some.nextError()))
	open := some.subscribe("open")
	some.publish("open", "text")
	show("what is permitted still works", "%s", strings.Join(received(some, open), " "))
	some.Close()
	nc.Close()
}

func publishing(nc, other observed, url string) {
	patterns := []string{"greet.joe", "greet.*", "greet.>"}
	subs := map[string]*nats.Subscription{}
	for _, pattern := range patterns {
		subs[pattern] = nc.subscribe(pattern)
	}
	nc.publish("greet.joe", "hello")
	nc.publish("greet.pam", "")
	nc.publish("greet.sue.all", "deep")
	for _, pattern := range patterns {
		show("subscription to "+pattern, "%s", strings.Join(received(nc, subs[pattern]), " "))
	}
	check(subs["greet.*"].Unsubscribe())
	nc.publish("greet.joe", "again")
	show("after one unsubscribed", "%s", strings.Join(received(nc, subs["greet.>"]), " "))
	check(subs["greet.joe"].Unsubscribe())
	check(subs["greet.>"].Unsubscribe())

	limited := nc.subscribe("limited")
	check(limited.AutoUnsubscribe(2))
	for n := range 4 {
		nc.publish("limited", fmt.Sprint(n))
	}
	show("unsubscribe after two", "%s", strings.Join(received(nc, limited), " "))

	quiet := connect(url, nats.NoEcho())
	own, others := quiet.subscribe("echo"), other.subscribe("echo")
	quiet.publish("echo", "x")
	check(quiet.Flush())
	show("no echo", "%d own, %d others", len(received(quiet, own)), len(received(other, others)))
	quiet.Close()

	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	bytesSub := nc.subscribe("bytes")
	check(nc.Publish("bytes", all))
	m, err := bytesSub.NextMsg(wait)
	check(err)
	show("every byte value", "%d bytes, equal %t", len(m.Data), bytes.Equal(m.Data, all))
}

func queueGroup(nc, other observed) {
	var counts [2]atomic.Int32
	var plain atomic.Int32
	for i, conn := range []observed{nc, other} {
		_, err := conn.QueueSubscribe("jobs", "workers", func(*nats.Msg) { counts[i].Add(1) })
		check(err)
	}
	_, err := other.Subscribe("jobs", func(*nats.Msg) { plain.Add(1) })
	check(err)
	check(nc.Flush())
	check(other.Flush())
	for range 200 {
		nc.publish("jobs", "")
	}
	for end := time.Now().Add(wait); time.Now().Before(end) && counts[0].Load()+counts[1].Load()+plain.Load() < 400; {
		time.Sleep(time.Millisecond)
	}
	show("queue group of two", "%d messages, both worked %t, a plain subscription got %d",
		counts[0].Load()+counts[1].Load(), counts[0].Load() > 0 && counts[1].Load() > 0, plain.Load())
}

func requests(nc, other observed) {
	_, err := other.Subscribe("help", func(m *nats.Msg) {
		reply := nats.NewMsg(m.Reply)
		reply.Data = append([]byte("re: "), m.Data...)
		if id := m.Header.Get("Request-Id"); id != "" {
			reply.Header.Set("Answer-To", id)
		}
		check(other.PublishMsg(reply))
	})
	check(err)
	_, err = other.Subscribe("silent", func(*nats.Msg) {})
	check(err)
	check(other.Flush())
	m, err := nc.Request("help", []byte("please"), wait)
	check(err)
	show("request", "%s", m.Data)
	question := nats.NewMsg("help")
	question.Header.Set("Request-Id", "7")
	m, err = nc.RequestMsg(question, wait)
	check(err)
	show("request with headers", "%s, Answer-To %s", m.Data, m.Header.Get("Answer-To"))
	_, err = nc.Request("nobody", nil, wait)
	show("request to nobody", "%s", answer(err))
	_, err = nc.Request("silent", nil, 100*time.Millisecond)
	show("request without answer", "%s", answer(err))

	sub := nc.subscribe("headers")
	message := &nats.Msg{Subject: "headers", Data: []byte("body"), Header: nats.Header{
		"Simple": {"one"}, "lower-case": {"two words"}, "Empty": {""}, "Colon": {"a: b"}, "List": {"x", "y"}}}
	check(other.PublishMsg(message))
	m, err = sub.NextMsg(wait)
	check(err)
	var texts []string
	for _, key := range []string{"Simple", "lower-case", "Empty", "Colon"} {
		texts = append(texts, fmt.Sprintf("%s=%q", key, m.Header[key][0]))
	}
	show("headers", "%s and %s", strings.Join(texts, " "), m.Data)
	show("header with two values", "%s", strings.Join(m.Header["List"], " "))
}

func payloads(nc, other observed) {
	sub := other.subscribe("large")
	check(nc.Publish("large", make([]byte, nc.MaxPayload())))
	m, err := sub.NextMsg(wait)
	check(err)
	show("the largest payload", "%d bytes", len(m.Data))
	show("one byte more", "%s", answer(nc.Publish("large", make([]byte, nc.MaxPayload()+1))))
	nc.publish("large", "still here")
	show("after that", "%s", strings.Join(received(other, sub), " "))
}

func slowSubscription(nc, other observed) {
	release := make(chan struct{})
	sub, err := nc.Subscribe("slow", func(*nats.Msg) { <-release })
	check(err)
	check(sub.SetPendingLimits(10, -1))
	check(nc.Flush())
	for range 50 {
		other.publish("slow", "")
	}
	show("a subscription that does not keep up", "%s", answer(nc.nextError()))
	close(release)
	check(sub.Unsubscribe())
}

func services(nc, other observed) {
	config := micro.Config{Name: "calc", Version: "1.2.3", Description: "calculates"}
	var running []micro.Service
	for _, conn := range []observed{other, other} {
		service, err := micro.AddService(conn.Conn, config)
		check(err)
		group := service.AddGroup("math")
		check(group.AddEndpoint("echo", micro.HandlerFunc(func(r micro.Request) { check(r.Respond(r.Data())) })))
		check(group.AddEndpoint("fail", micro.HandlerFunc(func(r micro.Request) { check(r.Error("400", "not so", nil)) })))
		running = append(running, service)
	}
	check(other.Flush())
	inbox := nats.NewInbox()
	sub := nc.subscribe(inbox)
	check(nc.PublishRequest("$SRV.PING.calc", inbox, nil))
	var ids []string
	for range running {
		m, err := sub.NextMsg(wait)
		check(err)
		var ping struct{ Name, ID, Version, Type string }
		check(json.Unmarshal(m.Data, &ping))
		show("service ping", "%s %s %s", ping.Type, ping.Name, ping.Version)
		ids = append(ids, ping.ID)
	}
	show("service ids differ", "%t", ids[0] != ids[1])
	check(running[1].Stop())
	check(other.Flush())
	m, err := nc.Request("$SRV.INFO.calc", nil, wait)
	check(err)
	var info struct {
		Description string
		Endpoints   []struct {
			Name, Subject string
			Queue         string `json:"queue_group"`
		}
	}
	check(json.Unmarshal(m.Data, &info))
	var endpoints []string
	for _, e := range info.Endpoints {
		endpoints = append(endpoints, fmt.Sprintf("%s %s %s", e.Name, e.Subject, e.Queue))
	}
	sort.Strings(endpoints)
	show("service info", "%s: %s", info.Description, strings.Join(endpoints, ", "))
	for range 3 {
		m, err = nc.Request("math.echo", []byte("ping"), wait)
		check(err)
		show("service request", "%s", m.Data)
	}
	m, err = nc.Request("math.fail", nil, wait)
	check(err)
	show("service error", "%s %s", m.Header.Get(micro.ErrorCodeHeader), m.Header.Get(micro.ErrorHeader))
	m, err = nc.Request("$SRV.STATS.calc", nil, wait)
	check(err)
	var stats struct {
		Endpoints []struct {
			Name     string
			Requests int `json:"num_requests"`
			Errors   int `json:"num_errors"`
		}
	}
	check(json.Unmarshal(m.Data, &stats))
	var numbers []string
	for _, e := range stats.Endpoints {
		numbers = append(numbers, fmt.Sprintf("%s %d requests %d errors", e.Name, e.Requests, e.Errors))
	}
	sort.Strings(numbers)
	show("service stats", "%s", strings.Join(numbers, ", "))
	check(running[0].Stop())
	check(other.Flush())
	_, err = nc.Request("math.echo", nil, wait)
	show("service stopped", "%s", answer(err))
}

func drainSubscription(nc, other observed) {
	var count atomic.Int32
	done := make(chan struct{})
	sub, err := nc.Subscribe("drained", func(*nats.Msg) {
		time.Sleep(time.Millisecond)
		count.Add(1)
	})
	check(err)
	sub.SetClosedHandler(func(string) { close(done) })
	check(nc.Flush())
	for range 50 {
		other.publish("drained", "")
	}
	check(other.Flush())
	check(nc.Flush())
	check(sub.Drain())
	<-done
	other.publish("drained", "")
	check(other.Flush())
	check(nc.Flush())
	show("drained subscription", "%d of 50", count.Load())
}

// disturbed asks for something that breaks the connection and looks at what comes back.
func disturbed(nc observed, command string, events ...string) {
	for len(nc.told) > 0 {
		<-nc.told
	}
	fmt.Println("!" + command)
	nc.expect("after "+strings.Split(command, " ")[0], events...)
	m, err := nc.Request("alive", []byte("alive"), wait)
	check(err)
	show("subscriptions are back", "%s", m.Data)
}

func disturbances(nc observed) {
	_, err := nc.Subscribe("alive", func(m *nats.Msg) { check(m.Respond(m.Data)) })
	check(err)
	_, err = nc.Subscribe("flood", func(*nats.Msg) {})
	check(err)
	check(nc.Flush())
	disturbed(nc, "stall flood", "disconnected", "reconnected")
	disturbed(nc, "restart", "disconnected", "reconnected")
	disturbed(nc, "kill", "disconnected", "reconnected")
	disturbed(nc, "lame-duck", "lame duck", "disconnected", "reconnected")
}

func drainConnection(nc observed, url string) {
	other := connect(url)
	var count atomic.Int32
	_, err := nc.Subscribe("leaving", func(*nats.Msg) {
		time.Sleep(time.Millisecond)
		count.Add(1)
	})
	check(err)
	check(nc.Flush())
	for range 50 {
		other.publish("leaving", "")
	}
	check(other.Flush())
	check(nc.Flush())
	check(nc.Drain())
	nc.expect("drained connection", "closed")
	show("drained connection", "%d of 50", count.Load())
	show("publish after that", "%s", answer(nc.Publish("x", nil)))
	_, err = other.Request("alive", nil, wait)
	show("request to the one that left", "%s", answer(err))
	other.Close()
}

func main() {
	url, wrong, limited := os.Args[1], os.Args[2], os.Args[3]
	connecting(url, wrong, limited)
	nc, other := connect(url), connect(url)
	publishing(nc, other, url)
	queueGroup(nc, other)
	requests(nc, other)
	payloads(nc, other)
	slowSubscription(nc, other)
	services(nc, other)
	drainSubscription(nc, other)
	other.Close()
	disturbances(nc)
	drainConnection(nc, url)
}

//! session URL WRONG_URL LIMITED_URL - what an application sees of the server through async-nats, one
//! line for each situation. Lines that start with '!' ask the test to do something to the server.
use async_nats::client::{PublishError, PublishErrorKind, RequestError, RequestErrorKind};
use async_nats::service::{self, ServiceExt};
use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Message, Subscriber,
};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::time::{sleep, timeout};

type Failure = async_nats::Error;
type Done = Result<(), Failure>;

const WAIT: Duration = Duration::from_secs(20);

fn show(what: &str, text: impl std::fmt::Display) {
    println!("{what}: {text}");
}

fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

/// What a request came to, by the name that all programs use.
fn answer(result: Result<Message, RequestError>) -> String {
    match result {
        Ok(_) => "fine".into(),
        Err(e) => match e.kind() {
            RequestErrorKind::NoResponders => "no responders".into(),
            RequestErrorKind::TimedOut => "timeout".into(),
            _ => e.to_string(),
        },
    }
}

fn published(result: Result<(), PublishError>) -> String {
    match result {
        Ok(()) => "fine".into(),
        Err(e) => match e.kind() {
            PublishErrorKind::MaxPayloadExceeded => "maximum payload exceeded".into(),
            PublishErrorKind::Send => "connection closed".into(),
            PublishErrorKind::InvalidSubject => e.to_string(),
        },
    }
}

fn connected(result: Result<Observed, ConnectError>) -> String {
    match result {
        Ok(_) => "fine".into(),
        Err(e) if e.kind() == ConnectErrorKind::AuthorizationViolation => "authorization violation".into(),
        Err(e) => e.to_string(),
    }
}

/// A connection with what its event callback was told.
struct Observed {
    nc: Client,
    told: UnboundedReceiver<String>,
    errors: UnboundedReceiver<String>,
}

impl Observed {
    async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::connect_with(ConnectOptions::new(), url).await
    }

    /// The client takes user and password from its options only.
    async fn connect_with(mut options: ConnectOptions, url: &str) -> Result<Self, ConnectError> {
        let (login, host) = url.trim_start_matches("nats://").rsplit_once('@').unwrap_or(("", url));
        if let Some((user, password)) = login.split_once(':') {
            options = options.user_and_password(user.to_string(), password.to_string());
        }
        let (tell, told) = unbounded_channel();
        let (fail, errors) = unbounded_channel();
        let nc = options
            .request_timeout(Some(WAIT))
            .reconnect_delay_callback(|_| Duration::from_millis(50))
            .event_callback(move |event| {
                // The other end is gone when the test looks no longer.
                let _ = match event {
                    Event::Connected => tell.send("reconnected".to_string()),
                    Event::Disconnected => tell.send("disconnected".to_string()),
                    Event::Closed => tell.send("closed".to_string()),
                    Event::LameDuckMode => tell.send("lame duck".to_string()),
                    Event::SlowConsumer(_) => fail.send("slow consumer".to_string()),
                    Event::ServerError(e) => fail.send(e.to_string().to_lowercase()),
                    _ => Ok(()),
                };
                async {}
            })
            .connect(host)
            .await?;
        Ok(Self { nc, told, errors })
    }

    /// Waits until each of these was told in this order; others between them do not count.
    async fn expect(&mut self, situation: &str, events: &[&str]) -> Done {
        for event in events {
            loop {
                let told =
                    timeout(WAIT, self.told.recv()).await.map_err(|_| format!("never told {event}"))?;
                if told.as_deref() == Some(*event) {
                    break;
                }
            }
        }
        show(situation, events.join(", "));
        Ok(())
    }

    /// The next violation that the server told of.
    async fn next_error(&mut self) -> Result<String, Failure> {
        let error = timeout(WAIT, self.errors.recv()).await?.ok_or("no errors any more")?;
        Ok(error.find("permissions violation").map_or(error.clone(), |at| error[at..].to_string()))
    }

    /// Until the server took all that was sent; the client's own flush only writes it.
    async fn settled(&self) {
        assert_eq!(answer(self.nc.request("nobody.there", Bytes::new()).await), "no responders");
    }

    async fn subscribe(&self, subject: &str) -> Result<Subscriber, Failure> {
        let sub = self.nc.subscribe(subject.to_string()).await?;
        self.settled().await;
        Ok(sub)
    }

    async fn publish(&self, subject: &str, text: &str) -> Done {
        Ok(self.nc.publish(subject.to_string(), text.to_string().into()).await?)
    }

    async fn request(&self, subject: &str, text: &str) -> Result<Message, RequestError> {
        self.nc.request(subject.to_string(), text.to_string().into()).await
    }

    /// All that a subscription got until now.
    async fn received(&self, sub: &mut Subscriber) -> Vec<String> {
        self.settled().await;
        let mut texts = Vec::new();
        while let Ok(Some(m)) = timeout(Duration::from_millis(50), sub.next()).await {
            texts.push(format!("{}={}", m.subject, text(&m.payload)));
        }
        texts
    }

    /// Counts what a subscription gets.
    async fn count(&self, mut sub: Subscriber) -> Arc<AtomicUsize> {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        tokio::spawn(async move {
            while sub.next().await.is_some() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        self.settled().await;
        count
    }
}

async fn next(sub: &mut Subscriber) -> Result<Message, Failure> {
    Ok(timeout(WAIT, sub.next()).await?.ok_or("no messages any more")?)
}

/// How many messages come until the subscription ends.
async fn remaining(sub: &mut Subscriber) -> Result<usize, Failure> {
    let mut count = 0;
    while timeout(WAIT, sub.next()).await?.is_some() {
        count += 1;
    }
    Ok(count)
}

async fn connecting(url: &str, wrong: &str, limited: &str) -> Done {
    let o = Observed::connect(url).await?;
    let info = o.nc.server_info();
    let version: Vec<&str> = info.version.split('.').collect();
    let (name, most, headers) = (&info.server_name, info.max_payload, info.headers);
    show(
        "connect",
        format!(
            "server {name}, version {}.{}, max payload {most}, headers {headers}",
            version[0], version[1]
        ),
    );
    show("connect with a wrong password", connected(Observed::connect(wrong).await));
    let host = url.rsplit('@').next().unwrap_or("");
    show("connect without a password", connected(Observed::connect(&format!("nats://{host}")).await));
    let mut some = Observed::connect(limited).await?;
    some.publish("closed.subject", "").await?;
    show("publish without permission", some.next_error().await?);
    let _refused = some.subscribe("closed.>").await?;
    show("subscribe without permission", some.next_error().await?);
    let mut open = some.subscribe("open").await?;
    some.publish("open", "text").await?;
    show("what is permitted still works", some.received(&mut open).await.join(" "));
    Ok(())
}

async fn publishing(o: &Observed, other: &Observed, url: &str) -> Done {
    let patterns = ["greet.joe", "greet.*", "greet.>"];
    let mut subs = Vec::new();
    for pattern in patterns {
        subs.push(o.subscribe(pattern).await?);
    }
    o.publish("greet.joe", "hello").await?;
    o.publish("greet.pam", "").await?;
    o.publish("greet.sue.all", "deep").await?;
    for (pattern, sub) in patterns.iter().zip(&mut subs) {
        show(&format!("subscription to {pattern}"), o.received(sub).await.join(" "));
    }
    subs[1].unsubscribe().await?;
    o.publish("greet.joe", "again").await?;
    show("after one unsubscribed", o.received(&mut subs[2]).await.join(" "));

    let mut limited = o.subscribe("limited").await?;
    limited.unsubscribe_after(2).await?;
    for n in 0..4 {
        o.publish("limited", &n.to_string()).await?;
    }
    show("unsubscribe after two", o.received(&mut limited).await.join(" "));

    let quiet = Observed::connect_with(ConnectOptions::new().no_echo(), url).await?;
    let mut own = quiet.subscribe("echo").await?;
    let mut others = other.subscribe("echo").await?;
    quiet.publish("echo", "x").await?;
    let own_count = quiet.received(&mut own).await.len();
    show("no echo", format!("{own_count} own, {} others", other.received(&mut others).await.len()));

    let every: Vec<u8> = (0..=255).collect();
    let mut sub = o.subscribe("bytes").await?;
    o.nc.publish("bytes", every.clone().into()).await?;
    let m = next(&mut sub).await?;
    show("every byte value", format!("{} bytes, equal {}", m.payload.len(), m.payload == every));
    Ok(())
}

async fn queue_group(o: &Observed, other: &Observed) -> Done {
    let first = o.count(o.nc.queue_subscribe("jobs", "workers".into()).await?).await;
    let second = other.count(other.nc.queue_subscribe("jobs", "workers".into()).await?).await;
    let plain = other.count(other.nc.subscribe("jobs").await?).await;
    for _ in 0..200 {
        o.publish("jobs", "").await?;
    }
    let counts = || [&first, &second, &plain].map(|count| count.load(Ordering::SeqCst));
    timeout(WAIT, async {
        while counts().iter().sum::<usize>() < 400 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await?;
    let [first, second, plain] = counts();
    let both = first > 0 && second > 0;
    show(
        "queue group of two",
        format!("{} messages, both worked {both}, a plain subscription got {plain}", first + second),
    );
    Ok(())
}

async fn requests(o: &Observed, other: &Observed) -> Done {
    let mut help = other.subscribe("help").await?;
    let answering = other.nc.clone();
    tokio::spawn(async move {
        while let Some(m) = help.next().await {
            let mut headers = HeaderMap::new();
            if let Some(id) = m.headers.as_ref().and_then(|h| h.get("Request-Id")) {
                headers.insert("Answer-To", id.clone());
            }
            let body = format!("re: {}", text(&m.payload));
            if let Some(reply) = m.reply {
                answering
                    .publish_with_headers(reply, headers, body.into())
                    .await
                    .expect("the answer goes out");
            }
        }
    });
    let _silent = other.subscribe("silent").await?;
    show("request", text(&o.request("help", "please").await?.payload));
    let mut question = HeaderMap::new();
    question.insert("Request-Id", "7");
    let m = o.nc.request_with_headers("help", question, Bytes::new()).await?;
    let id = m.headers.as_ref().and_then(|h| h.get("Answer-To")).ok_or("no header")?;
    show("request with headers", format!("{}, Answer-To {id}", text(&m.payload)));
    show("request to nobody", answer(o.request("nobody", "").await));
    let short = async_nats::Request::new().timeout(Some(Duration::from_millis(100)));
    show("request without answer", answer(o.nc.send_request("silent", short).await));

    let mut sub = o.subscribe("headers").await?;
    let mut headers = HeaderMap::new();
    let keys = ["Simple", "lower-case", "Empty", "Colon"];
    for (key, value) in keys.iter().zip(["one", "two words", "", "a: b"]) {
        headers.insert(*key, value);
    }
    headers.append("List", "x");
    headers.append("List", "y");
    other.nc.publish_with_headers("headers", headers, "body".into()).await?;
    let m = next(&mut sub).await?;
    let got = m.headers.ok_or("no headers")?;
    let texts = keys.map(|key| format!("{key}=\"{}\"", got.get(key).map_or("none", |value| value.as_str())));
    show("headers", format!("{} and {}", texts.join(" "), text(&m.payload)));
    let list: Vec<&str> = got.get_all("List").map(|value| value.as_str()).collect();
    show("header with two values", list.join(" "));
    Ok(())
}

async fn payloads(o: &Observed, other: &Observed) -> Done {
    let mut sub = other.subscribe("large").await?;
    let most = o.nc.server_info().max_payload;
    o.nc.publish("large", vec![0; most].into()).await?;
    show("the largest payload", format!("{} bytes", next(&mut sub).await?.payload.len()));
    show("one byte more", published(o.nc.publish("large", vec![0; most + 1].into()).await));
    o.publish("large", "still here").await?;
    o.settled().await;
    show("after that", other.received(&mut sub).await.join(" "));
    Ok(())
}

async fn slow_subscription(url: &str, other: &Observed) -> Done {
    let mut small = Observed::connect_with(ConnectOptions::new().subscription_capacity(10), url).await?;
    let _unread = small.subscribe("slow").await?;
    for _ in 0..50 {
        other.publish("slow", "").await?;
    }
    show("a subscription that does not keep up", small.next_error().await?);
    Ok(())
}

async fn start_service(nc: &Client) -> Result<service::Service, Failure> {
    let service = nc.service_builder().description("calculates").start("calc", "1.2.3").await?;
    let math = service.group("math");
    for name in ["echo", "fail"] {
        let mut endpoint = math.endpoint_builder().name(name).add(name).await?;
        tokio::spawn(async move {
            while let Some(request) = endpoint.next().await {
                let refusal = service::error::Error { status: "not so".into(), code: 400 };
                let body = request.message.payload.clone();
                let result = if name == "echo" { Ok(body) } else { Err(refusal) };
                request.respond(result).await.expect("the answer goes out");
            }
        });
    }
    Ok(service)
}

/// Some fields of every object in a list, sorted.
fn listed(list: &Value, line: impl Fn(&Value) -> String) -> String {
    let mut lines: Vec<String> = list.as_array().map_or(vec![], |items| items.iter().map(line).collect());
    lines.sort();
    lines.join(", ")
}

fn word(value: &Value, key: &str) -> String {
    value[key].as_str().map_or(value[key].to_string(), str::to_string)
}

async fn services(o: &Observed, other: &Observed) -> Done {
    let (first, second) = (start_service(&other.nc).await?, start_service(&other.nc).await?);
    other.settled().await;
    let inbox = o.nc.new_inbox();
    let mut sub = o.subscribe(&inbox).await?;
    o.nc.publish_with_reply("$SRV.PING.calc", inbox, Bytes::new()).await?;
    let mut ids = HashSet::new();
    for _ in 0..2 {
        let ping: Value = serde_json::from_slice(&next(&mut sub).await?.payload)?;
        show("service ping", ["type", "name", "version"].map(|key| word(&ping, key)).join(" "));
        ids.insert(word(&ping, "id"));
    }
    show("service ids differ", ids.len() == 2);
    second.stop().await?;
    other.settled().await;
    let info: Value = serde_json::from_slice(&o.request("$SRV.INFO.calc", "").await?.payload)?;
    let endpoints =
        listed(&info["endpoints"], |e| ["name", "subject", "queue_group"].map(|key| word(e, key)).join(" "));
    show("service info", format!("{}: {endpoints}", word(&info, "description")));
    for _ in 0..3 {
        show("service request", text(&o.request("math.echo", "ping").await?.payload));
    }
    let headers = o.request("math.fail", "").await?.headers.ok_or("no headers")?;
    let header = |key| headers.get(key).map_or("none", |value| value.as_str());
    show(
        "service error",
        format!("{} {}", header(service::NATS_SERVICE_ERROR_CODE), header(service::NATS_SERVICE_ERROR)),
    );
    let stats: Value = serde_json::from_slice(&o.request("$SRV.STATS.calc", "").await?.payload)?;
    let numbers = listed(&stats["endpoints"], |e| {
        format!("{} {} requests {} errors", word(e, "name"), word(e, "num_requests"), word(e, "num_errors"))
    });
    show("service stats", numbers);
    first.stop().await?;
    other.settled().await;
    show("service stopped", answer(o.request("math.echo", "").await));
    Ok(())
}

async fn drain_subscription(o: &Observed, other: &Observed) -> Done {
    let mut sub = o.subscribe("drained").await?;
    for _ in 0..50 {
        other.publish("drained", "").await?;
    }
    other.settled().await;
    sub.drain().await?;
    o.settled().await;
    other.publish("drained", "").await?;
    other.settled().await;
    show("drained subscription", format!("{} of 50", remaining(&mut sub).await?));
    Ok(())
}

/// Asks for something that breaks the connection and looks at what comes back.
async fn disturbed(o: &mut Observed, command: &str, events: &[&str]) -> Done {
    while o.told.try_recv().is_ok() {}
    println!("!{command}");
    o.expect(&format!("after {}", command.split(' ').next().unwrap_or("")), events).await?;
    show("subscriptions are back", text(&o.request("alive", "alive").await?.payload));
    Ok(())
}

async fn disturbances(o: &mut Observed) -> Done {
    let mut alive = o.subscribe("alive").await?;
    let answering = o.nc.clone();
    tokio::spawn(async move {
        while let Some(Message { reply: Some(reply), payload, .. }) = alive.next().await {
            answering.publish(reply, payload).await.expect("the answer goes out");
        }
    });
    o.count(o.nc.subscribe("flood").await?).await;
    disturbed(o, "stall flood", &["disconnected", "reconnected"]).await?;
    disturbed(o, "restart", &["disconnected", "reconnected"]).await?;
    disturbed(o, "kill", &["disconnected", "reconnected"]).await?;
    disturbed(o, "lame-duck", &["lame duck", "disconnected", "reconnected"]).await
}

async fn drain_connection(mut o: Observed, url: &str) -> Done {
    let other = Observed::connect(url).await?;
    let mut sub = o.subscribe("leaving").await?;
    for _ in 0..50 {
        other.publish("leaving", "").await?;
    }
    other.settled().await;
    o.nc.drain().await?;
    o.expect("drained connection", &["closed"]).await?;
    show("drained connection", format!("{} of 50", remaining(&mut sub).await?));
    show("publish after that", published(o.nc.publish("x", Bytes::new()).await));
    show("request to the one that left", answer(other.request("alive", "").await));
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let [url, wrong, limited] = &urls[..] else {
        return Err("needs three URLs".into());
    };
    connecting(url, wrong, limited).await?;
    let mut o = Observed::connect(url).await?;
    let other = Observed::connect(url).await?;
    publishing(&o, &other, url).await?;
    queue_group(&o, &other).await?;
    requests(&o, &other).await?;
    payloads(&o, &other).await?;
    slow_subscription(url, &other).await?;
    services(&o, &other).await?;
    drain_subscription(&o, &other).await?;
    other.nc.drain().await?;
    disturbances(&mut o).await?;
    drain_connection(o, url).await
}

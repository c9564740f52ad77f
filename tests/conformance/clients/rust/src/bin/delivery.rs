//! delivery URL - the ways in which async-nats consumes a stream, all at once, while the server restarts
//! and is killed; what each of them got. Lines that start with '!' ask the test to do something to the
//! server.
use async_nats::jetstream::consumer::{pull, push, AckPolicy, Consumer};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, stream};
use async_nats::ConnectOptions;
use futures::StreamExt;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{sleep, timeout, Instant};

type Failure = async_nats::Error;

const TOTAL: usize = 300;

/// What one way of consuming got.
#[derive(Default)]
struct Tally {
    seen: HashSet<usize>,
    last: usize,
    jumps: usize,
}
type Shared = Arc<Mutex<Tally>>;

fn note(tally: &Shared, data: &[u8]) {
    let number: usize = std::str::from_utf8(data).unwrap_or("").parse().unwrap_or(0);
    let mut tally = tally.lock().unwrap();
    if number != tally.last + 1 {
        tally.jumps += 1;
    }
    tally.last = number;
    tally.seen.insert(number);
}

async fn take(tally: &Shared, message: jetstream::Message) {
    note(tally, &message.payload);
    let _ = message.ack().await;
}

async fn fetch(consumer: Consumer<pull::Config>, tally: Shared) {
    loop {
        let batch = consumer.fetch().max_messages(20).expires(Duration::from_secs(1)).messages().await;
        let Ok(mut batch) = batch else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        while let Some(message) = batch.next().await {
            if let Ok(message) = message {
                take(&tally, message).await;
            }
        }
    }
}

async fn messages(consumer: Consumer<pull::Config>, tally: Shared) {
    loop {
        if let Ok(mut stream) = consumer.messages().await {
            while let Some(Ok(message)) = stream.next().await {
                take(&tally, message).await;
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn pushed(consumer: Consumer<push::Config>, tally: Shared) {
    loop {
        if let Ok(mut stream) = consumer.messages().await {
            while let Some(Ok(message)) = stream.next().await {
                take(&tally, message).await;
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn publish(js: &jetstream::Context) {
    for number in 1..=TOTAL {
        let text = number.to_string();
        loop {
            let message = PublishMessage::build().payload(text.clone().into()).message_id(&text);
            let stored = async { js.send_publish("r.x", message).await?.await.map_err(Failure::from) };
            if let Ok(Ok(_)) = timeout(Duration::from_secs(1), stored).await {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        if number == TOTAL / 3 {
            println!("!restart");
        } else if number == 2 * TOTAL / 3 {
            println!("!kill");
        }
        sleep(Duration::from_millis(3)).await;
    }
}

fn durable(name: &str) -> pull::Config {
    pull::Config {
        durable_name: Some(name.into()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(2),
        ..Default::default()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let url = std::env::args().nth(1).ok_or("no URL")?;
    let client = ConnectOptions::new()
        .max_reconnects(None)
        .reconnect_delay_callback(|_| Duration::from_millis(50))
        .connect(url)
        .await?;
    let js = jetstream::new(client.clone());
    let stream = js
        .create_stream(stream::Config {
            name: "R".into(),
            subjects: vec!["r.>".into()],
            ..Default::default()
        })
        .await?;
    let names = ["fetch", "messages", "push", "ordered", "ordered push"];
    let tallies: Vec<Shared> = names.iter().map(|_| Shared::default()).collect();

    tokio::spawn(fetch(stream.create_consumer(durable("fetch")).await?, tallies[0].clone()));
    tokio::spawn(messages(stream.create_consumer(durable("messages")).await?, tallies[1].clone()));
    let push = push::Config {
        durable_name: Some("push".into()),
        deliver_subject: "pushed".into(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(2),
        ..Default::default()
    };
    tokio::spawn(pushed(stream.create_consumer(push).await?, tallies[2].clone()));
    let mut ordered = stream.create_consumer(pull::OrderedConfig::default()).await?.messages().await?;
    let tally = tallies[3].clone();
    tokio::spawn(async move {
        while let Some(message) = ordered.next().await {
            if let Ok(message) = message {
                note(&tally, &message.payload);
            }
        }
    });
    let config = push::OrderedConfig { deliver_subject: client.new_inbox(), ..Default::default() };
    let mut ordered = stream.create_consumer(config).await?.messages().await?;
    let tally = tallies[4].clone();
    tokio::spawn(async move {
        while let Some(message) = ordered.next().await {
            if let Ok(message) = message {
                note(&tally, &message.payload);
            }
        }
    });

    publish(&js).await;
    let end = Instant::now() + Duration::from_secs(40);
    for (name, tally) in names.iter().zip(&tallies) {
        while tally.lock().unwrap().seen.len() < TOTAL && Instant::now() < end {
            sleep(Duration::from_millis(20)).await;
        }
        let tally = tally.lock().unwrap();
        let order = if name.starts_with("ordered") && tally.jumps == 0 { ", in order" } else { "" };
        println!("{name}: {} of {TOTAL}{order}", tally.seen.len());
    }
    Ok(())
}

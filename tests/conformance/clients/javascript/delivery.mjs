// delivery.mjs URL - the ways in which nats.js consumes a stream, all at once, while the server restarts
// and is killed; what each of them got. Lines that start with '!' ask the test to do something to the
// server.
import { connect } from "@nats-io/transport-node";
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";

const total = 300;
const seconds = 1_000_000_000;
// By default a client notices after 30 s that the server has forgotten its request.
const short = { expires: 2000, idle_heartbeat: 500 };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What one way of consuming got.
class Tally {
  seen = new Set();
  last = 0;
  inOrder = true;
  done = new Promise((resolve) => (this.finish = resolve));
  note(m) {
    const number = Number(m.string());
    this.inOrder &&= number === this.last + 1;
    this.last = number;
    this.seen.add(number);
    if (this.seen.size === total) {
      this.finish();
    }
  }
}

async function fetchAll(consumer, tally) {
  for (;;) {
    try {
      for await (const m of await consumer.fetch({ max_messages: 20, expires: 1000 })) {
        tally.note(m);
        m.ack();
      }
    } catch {
      await sleep(50);
    }
  }
}

async function nextAll(consumer, tally) {
  for (;;) {
    try {
      const m = await consumer.next({ expires: 1000 });
      if (m) {
        tally.note(m);
        m.ack();
      }
    } catch {
      await sleep(50);
    }
  }
}

// Iterators may end when the server goes away.
async function consumeAll(consumer, options, take) {
  for (;;) {
    try {
      for await (const m of await consumer.consume(options)) {
        take(m);
      }
    } catch {
      await sleep(50);
    }
  }
}

async function publish(js) {
  for (let number = 1; number <= total; ++number) {
    for (;;) {
      try {
        await js.publish("r.x", String(number), { msgID: String(number), timeout: 1000 });
        break;
      } catch {
        await sleep(50);
      }
    }
    if (number === total / 3) {
      console.log("!restart");
    } else if (number === (2 * total) / 3) {
      console.log("!kill");
    }
    await sleep(3);
  }
}

const nc = await connect({ servers: process.argv[2], maxReconnectAttempts: -1, reconnectTimeWait: 50 });
const jsm = await jetstreamManager(nc);
const js = jetstream(nc);
await jsm.streams.add({ name: "R", subjects: ["r.>"] });
const durable = (name, extra = {}) =>
  jsm.consumers.add("R", { durable_name: name, ack_policy: AckPolicy.Explicit, ack_wait: 2 * seconds, ...extra });
const names = ["fetch", "next", "consume", "messages", "push", "ordered"];
const tallies = Object.fromEntries(names.map((name) => [name, new Tally()]));
const acking = (name) => (m) => {
  tallies[name].note(m);
  m.ack();
};

await durable("fetch");
await durable("next");
await durable("consume");
await durable("messages");
await durable("push", { deliver_subject: "pushed", idle_heartbeat: seconds, flow_control: true });
fetchAll(await js.consumers.get("R", "fetch"), tallies.fetch);
nextAll(await js.consumers.get("R", "next"), tallies.next);
await (await js.consumers.get("R", "consume")).consume({ ...short, callback: acking("consume") });
consumeAll(await js.consumers.get("R", "messages"), { ...short, max_messages: 10 }, acking("messages"));
await (await js.consumers.getPushConsumer("R", "push")).consume({ callback: acking("push") });
const ordered = await js.consumers.get("R", { deliver_policy: DeliverPolicy.All });
consumeAll(ordered, short, (m) => tallies.ordered.note(m));

await publish(js);
for (const name of names) {
  const tally = tallies[name];
  await Promise.race([tally.done, sleep(40_000)]);
  const order = name.startsWith("ordered") && tally.inOrder ? ", in order" : "";
  console.log(`${name}: ${tally.seen.size} of ${total}${order}`);
}
process.exit(0);

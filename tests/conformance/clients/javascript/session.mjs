// session.mjs URL WRONG_URL LIMITED_URL - what an application sees of the server through nats.js, one line
// for each situation. Lines that start with '!' ask the test to do something to the server.
import { connect, createInbox, deferred, errors, headers } from "@nats-io/transport-node";
import { ServiceErrorCodeHeader, ServiceErrorHeader, Svcm } from "@nats-io/services";

const WAIT = 20_000;

const show = (what, text) => console.log(`${what}: ${text}`);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** What a promise gives, within the limit in time. */
function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${WAIT} ms`)), WAIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** An error by the name that all programs use. */
function answer(error) {
  const causes = [error, error.cause];
  const is = (kind) => causes.some((e) => e instanceof kind);
  if (is(errors.NoRespondersError)) return "no responders";
  if (is(errors.TimeoutError)) return "timeout";
  if (is(errors.AuthorizationError)) return "authorization violation";
  if (is(errors.ClosedConnectionError)) return "connection closed";
  if (is(errors.PermissionViolationError)) return error.message.toLowerCase();
  if (is(errors.InvalidArgumentError) && /max_payload/.test(error.message)) return "maximum payload exceeded";
  return String(error);
}

async function outcome(call) {
  try {
    await call();
    return "fine";
  } catch (error) {
    return answer(error);
  }
}

/** Values as they come, and waiting for the next one. */
class Queue {
  values = [];
  #waiting;

  put(value) {
    this.values.push(value);
    this.#waiting?.resolve();
  }

  async next(what) {
    while (this.values.length === 0) {
      this.#waiting = deferred();
      await within(this.#waiting, what);
    }
    return this.values.shift();
  }
}

/** A connection with what its status told. */
class Observed {
  told = new Queue();
  errors = new Queue();

  static async connect(url, options = {}) {
    const o = new Observed();
    const { username: user, password: pass, host } = new URL(url);
    o.nc = await connect({
      servers: host, user, pass, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0, ...options,
    });
    o.#watch();
    o.nc.closed().then(() => o.told.put("closed"));
    return o;
  }

  async #watch() {
    const names = { disconnect: "disconnected", reconnect: "reconnected", ldm: "lame duck" };
    for await (const status of this.nc.status()) {
      if (names[status.type]) this.told.put(names[status.type]);
      if (status.type === "error") this.errors.put(answer(status.error));
      if (status.type === "slowConsumer") this.errors.put("slow consumer");
    }
  }

  /** Waits until each of these was told in this order; others between them do not count. */
  async expect(situation, ...events) {
    for (const event of events) {
      while ((await this.told.next(`${situation}, ${event}`)) !== event);
    }
    show(situation, events.join(", "));
  }

  async subscribe(subject, callback, options = {}) {
    const got = new Queue();
    const sub = this.nc.subscribe(subject, {
      ...options, callback: (error, m) => error || (callback ? callback(m) : got.put(m)),
    });
    await this.nc.flush();
    return { sub, got };
  }

  /** All that a subscription got until now. */
  async received({ got }) {
    await this.nc.flush();
    await sleep(50);
    return got.values.splice(0).map((m) => `${m.subject}=${m.string()}`).join(" ");
  }
}

async function connecting(url, wrong, limited) {
  const o = await Observed.connect(url);
  const info = o.nc.info;
  show("connect", `server ${info.server_name}, version ${info.version.split(".").slice(0, 2).join(".")}, ` +
    `max payload ${info.max_payload}, headers ${info.headers}`);
  show("connect with a wrong password", await outcome(() => Observed.connect(wrong)));
  show("connect without a password", await outcome(() => connect({ servers: new URL(url).host })));
  const some = await Observed.connect(limited);
  some.nc.publish("closed.subject");
  show("publish without permission", await some.errors.next("a violation"));
  await some.subscribe("closed.>");
  show("subscribe without permission", await some.errors.next("a violation"));
  const open = await some.subscribe("open");
  some.nc.publish("open", "text");
  show("what is permitted still works", await some.received(open));
  await some.nc.close();
  await o.nc.close();
}

async function publishing(o, other, url) {
  const { nc } = o;
  const patterns = ["greet.joe", "greet.*", "greet.>"];
  const subs = {};
  for (const pattern of patterns) subs[pattern] = await o.subscribe(pattern);
  nc.publish("greet.joe", "hello");
  nc.publish("greet.pam");
  nc.publish("greet.sue.all", "deep");
  for (const pattern of patterns) show(`subscription to ${pattern}`, await o.received(subs[pattern]));
  subs["greet.*"].sub.unsubscribe();
  nc.publish("greet.joe", "again");
  show("after one unsubscribed", await o.received(subs["greet.>"]));
  subs["greet.joe"].sub.unsubscribe();
  subs["greet.>"].sub.unsubscribe();

  const limited = await o.subscribe("limited");
  limited.sub.unsubscribe(2);
  for (let n = 0; n < 4; n++) nc.publish("limited", String(n));
  show("unsubscribe after two", await o.received(limited));

  const quiet = await Observed.connect(url, { noEcho: true });
  const own = await quiet.subscribe("echo");
  const others = await other.subscribe("echo");
  quiet.nc.publish("echo", "x");
  await quiet.nc.flush();
  const count = async (who, sub) => (await who.received(sub)).split(" ").filter(Boolean).length;
  show("no echo", `${await count(quiet, own)} own, ${await count(other, others)} others`);
  await quiet.nc.close();

  const every = Uint8Array.from({ length: 256 }, (_, i) => i);
  const { got } = await o.subscribe("bytes");
  nc.publish("bytes", every);
  const { data } = await got.next("bytes");
  show("every byte value", `${data.length} bytes, equal ${data.every((b, i) => b === every[i])}`);
}

async function queueGroup(o, other) {
  const counts = [0, 0, 0];
  await o.subscribe("jobs", () => counts[0]++, { queue: "workers" });
  await other.subscribe("jobs", () => counts[1]++, { queue: "workers" });
  await other.subscribe("jobs", () => counts[2]++);
  for (let n = 0; n < 200; n++) o.nc.publish("jobs");
  for (const end = Date.now() + WAIT; Date.now() < end && counts[0] + counts[1] + counts[2] < 400;) await sleep(1);
  show("queue group of two", `${counts[0] + counts[1]} messages, both worked ${counts[0] > 0 && counts[1] > 0}, ` +
    `a plain subscription got ${counts[2]}`);
}

async function requests(o, other) {
  const { nc } = o;
  await other.subscribe("help", (m) => {
    const reply = headers();
    if (m.headers?.has("Request-Id")) reply.set("Answer-To", m.headers.get("Request-Id"));
    m.respond("re: " + m.string(), { headers: reply });
  });
  await other.subscribe("silent", () => {});
  show("request", (await nc.request("help", "please", { timeout: WAIT })).string());
  const question = headers();
  question.set("Request-Id", "7");
  const m = await nc.request("help", "", { timeout: WAIT, headers: question });
  show("request with headers", `${m.string()}, Answer-To ${m.headers.get("Answer-To")}`);
  show("request to nobody", await outcome(() => nc.request("nobody", "", { timeout: WAIT })));
  show("request without answer", await outcome(() => nc.request("silent", "", { timeout: 100 })));

  const { got } = await o.subscribe("headers");
  const sent = headers();
  const values = { Simple: "one", "lower-case": "two words", Empty: "", Colon: "a: b" };
  for (const [key, value] of Object.entries(values)) sent.set(key, value);
  sent.append("List", "x");
  sent.append("List", "y");
  other.nc.publish("headers", "body", { headers: sent });
  const message = await got.next("headers");
  const texts = Object.keys(values).map((key) => `${key}="${message.headers.values(key)[0]}"`);
  show("headers", `${texts.join(" ")} and ${message.string()}`);
  show("header with two values", message.headers.values("List").join(" "));
}

async function payloads(o, other) {
  const { nc } = o;
  const large = await other.subscribe("large");
  nc.publish("large", new Uint8Array(nc.info.max_payload));
  show("the largest payload", `${(await large.got.next("large")).data.length} bytes`);
  show("one byte more", await outcome(() => nc.publish("large", new Uint8Array(nc.info.max_payload + 1))));
  nc.publish("large", "still here");
  await nc.flush();
  show("after that", await other.received(large));
}

async function slowSubscription(o, other) {
  const sub = o.nc.subscribe("slow", { slow: 10 });
  const release = deferred();
  (async () => {
    for await (const _ of sub) await release;
  })();
  await o.nc.flush();
  for (let n = 0; n < 50; n++) other.nc.publish("slow");
  show("a subscription that does not keep up", await o.errors.next("slow"));
  release.resolve();
  sub.unsubscribe();
}

async function startService(nc) {
  const service = await new Svcm(nc).add({ name: "calc", version: "1.2.3", description: "calculates" });
  const group = service.addGroup("math");
  group.addEndpoint("echo", (_, m) => m.respond(m.data));
  group.addEndpoint("fail", (_, m) => m.respondError(400, "not so"));
  return service;
}

async function services(o, other) {
  const { nc } = o;
  const running = [await startService(other.nc), await startService(other.nc)];
  await other.nc.flush();
  const inbox = createInbox();
  const { got } = await o.subscribe(inbox);
  nc.publish("$SRV.PING.calc", "", { reply: inbox });
  const ids = new Set();
  for (const _ of running) {
    const ping = (await got.next("ping")).json();
    show("service ping", `${ping.type} ${ping.name} ${ping.version}`);
    ids.add(ping.id);
  }
  show("service ids differ", ids.size === 2);
  await running[1].stop();
  await other.nc.flush();
  const request = (subject, data = "") => nc.request(subject, data, { timeout: WAIT });
  const info = (await request("$SRV.INFO.calc")).json();
  show("service info", `${info.description}: ` +
    info.endpoints.map((e) => `${e.name} ${e.subject} ${e.queue_group}`).sort().join(", "));
  for (let n = 0; n < 3; n++) show("service request", (await request("math.echo", "ping")).string());
  const m = await request("math.fail");
  show("service error", `${m.headers.get(ServiceErrorCodeHeader)} ${m.headers.get(ServiceErrorHeader)}`);
  const stats = (await request("$SRV.STATS.calc")).json();
  show("service stats",
    stats.endpoints.map((e) => `${e.name} ${e.num_requests} requests ${e.num_errors} errors`).sort().join(", "));
  await running[0].stop();
  await other.nc.flush();
  show("service stopped", await outcome(() => request("math.echo")));
}

async function drainSubscription(o, other) {
  let count = 0;
  const { sub } = await o.subscribe("drained", () => count++);
  for (let n = 0; n < 50; n++) other.nc.publish("drained");
  await other.nc.flush();
  await sub.drain();
  other.nc.publish("drained");
  await other.nc.flush();
  await o.nc.flush();
  show("drained subscription", `${count} of 50`);
}

/** Asks for something that breaks the connection and looks at what comes back. */
async function disturbed(o, command, ...events) {
  o.told.values = [];
  console.log(`!${command}`);
  await o.expect(`after ${command.split(" ")[0]}`, ...events);
  show("subscriptions are back", (await o.nc.request("alive", "alive", { timeout: WAIT })).string());
}

async function disturbances(o) {
  await o.subscribe("alive", (m) => m.respond(m.data));
  await o.subscribe("flood", () => {});
  await disturbed(o, "stall flood", "disconnected", "reconnected");
  await disturbed(o, "restart", "disconnected", "reconnected");
  await disturbed(o, "kill", "disconnected", "reconnected");
  await disturbed(o, "lame-duck", "lame duck", "disconnected", "reconnected");
}

async function drainConnection(o, url) {
  const other = await Observed.connect(url);
  let count = 0;
  await o.subscribe("leaving", () => count++);
  for (let n = 0; n < 50; n++) other.nc.publish("leaving");
  await other.nc.flush();
  await o.nc.drain();
  await o.expect("drained connection", "closed");
  show("drained connection", `${count} of 50`);
  show("publish after that", await outcome(() => o.nc.publish("x")));
  show("request to the one that left", await outcome(() => other.nc.request("alive", "", { timeout: WAIT })));
  await other.nc.close();
}

const [url, wrong, limited] = process.argv.slice(2);
await connecting(url, wrong, limited);
const [o, other] = [await Observed.connect(url), await Observed.connect(url)];
await publishing(o, other, url);
await queueGroup(o, other);
await requests(o, other);
await payloads(o, other);
await slowSubscription(o, other);
await services(o, other);
await drainSubscription(o, other);
await other.nc.close();
await disturbances(o);
await drainConnection(o, url);

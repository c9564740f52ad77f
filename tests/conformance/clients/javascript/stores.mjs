// stores.mjs URL BYTES - key-value buckets and object stores through nats.js, one line for each
// situation.
import { createHash } from "node:crypto";
import { connect, headers } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm, KvWatchInclude } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";

const show = (what, text) => console.log(`${what}: ${text}`);
const text = (bytes) => new TextDecoder().decode(bytes);
const outcome = async (call) => {
  try {
    return await call();
  } catch (error) {
    return `${error.constructor.name} ${error.code ?? ""} ${error.message}`;
  }
};
const entry = (e) =>
  e === null ? "nothing" : e.key === undefined ? String(e) : `${e.key}=${text(e.value)}@${e.revision} ${e.operation}`;

// What is there when a watch begins: as many as there are, and what comes within a second.
async function watched(iterator, seconds = 1) {
  const seen = [];
  const timer = setTimeout(() => iterator.stop(), seconds * 1000);
  for await (const e of iterator) {
    seen.push(entry(e));
  }
  clearTimeout(timer);
  return seen.join(", ");
}
async function all(iterator) {
  const seen = [];
  for await (const e of iterator) {
    seen.push(typeof e === "string" ? e : entry(e));
  }
  return seen;
}

async function keyValue(nc) {
  const kvm = new Kvm(nc);
  const kv = await kvm.create("CONFIG", { history: 5, description: "settings", maxValueSize: 1000 });
  show("put", await kv.put("a.b", "one"));
  show("put again", await kv.put("a.b", "two"));
  show("get", entry(await kv.get("a.b")));
  show("get a revision", entry(await kv.get("a.b", { revision: 1 })));
  show("get a revision of another key", entry(await outcome(() => kv.get("c", { revision: 1 }))));
  show("get what is not there", entry(await kv.get("nothing")));
  show("create", await kv.create("c", "new"));
  show("create what is there", await outcome(() => kv.create("c", "newer")));
  show("update", await kv.update("c", "newer", 3));
  show("update of a wrong revision", await outcome(() => kv.update("c", "x", 3)));
  await kv.delete("c");
  show("get what is deleted", entry(await kv.get("c")));
  show("create what is deleted", await kv.create("c", "back"));
  show("delete of a wrong revision", await outcome(() => kv.delete("c", { previousSeq: 1 })));
  for (let n = 0; n < 8; n++) {
    await kv.put("many", String(n));
  }
  show("history", (await all(await kv.history({ key: "many" }))).join(", "));
  show("history with a delete", (await all(await kv.history({ key: "c" }))).join(", "));
  await kv.purge("many");
  show("history behind a purge", (await all(await kv.history({ key: "many" }))).join(", "));
  show("keys", (await all(await kv.keys())).sort().join(" "));
  show("keys of a filter", (await all(await kv.keys("a.*"))).sort().join(" "));
  show("too large", await outcome(() => kv.put("large", new Uint8Array(1001))));
  show("an empty value", await kv.put("empty", ""));
  show("get the empty value", entry(await kv.get("empty")));
  const status = await kv.status();
  show("status", `${status.bucket} ${status.values} values, history ${status.history}, ttl ${status.ttl}, ${status.description}`);
  const watch = await kv.watch();
  const seen = watched(watch, 2);
  setTimeout(async () => {
    await kv.put("d", "live");
    await kv.delete("a.b");
  }, 700);
  show("watch", await seen);
  show("watch with history", await watched(await kv.watch({ key: "a.*", include: KvWatchInclude.AllHistory })));
  show("watch updates only", await watched(await kv.watch({ include: KvWatchInclude.UpdatesOnly })));
  show("watch without deletes and values", await watched(await kv.watch({ ignoreDeletes: true, headers_only: true })));
  await kv.purgeDeletes(-1);
  show("keys behind a purge of deletes", (await all(await kv.keys())).sort().join(" "));
  const names = [];
  for await (const s of kvm.list()) {
    names.push(s.bucket);
  }
  show("buckets", names.join(" "));
  show("destroy", await kv.destroy());
  show("a bucket that is gone", await outcome(() => kvm.open("CONFIG").then((b) => b.status())));
  show("a bad name", await outcome(() => kvm.create("a.b")));
}

async function aging(nc) {
  const kvm = new Kvm(nc);
  const kv = await kvm.create("AGING", { ttl: 1000, storage: "memory" });
  await kv.put("short", "life");
  show("before its time", entry(await kv.get("short")));
  await new Promise((resolve) => setTimeout(resolve, 2000));
  show("behind its time", entry(await kv.get("short")));
  const marked = await kvm.create("MARKED", { markerTTL: 60_000 });
  show("create with a life of its own", await outcome(() => marked.create("key", "value", "1s")));
  show("before its time", entry(await marked.get("key")));
  await new Promise((resolve) => setTimeout(resolve, 3000));
  show("behind its time", entry(await marked.get("key")));
}

const stream = (bytes) =>
  new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 100_000) {
        controller.enqueue(bytes.slice(at, at + 100_000));
      }
      controller.close();
    },
  });
async function digestOf(readable) {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of readable) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, digest: hash.digest("base64url") };
}

async function objects(nc, size) {
  const objm = new Objm(nc);
  const store = await objm.create("FILES", { description: "some files" });
  const large = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    large[i] = (i * 7) % 251;
  }
  for (const [name, data] of [["empty", new Uint8Array(0)], ["one", new Uint8Array([49])], ["large", large]]) {
    const digest = createHash("sha256").update(data).digest("base64url");
    const info = await store.put({ name }, stream(data));
    const same = info.digest.replace(/=+$/, "") === `SHA-256=${digest}`;
    show(`put ${name}`, `${info.size} bytes in ${info.chunks} chunks, digest right ${same}`);
    const got = await store.get(name);
    const read = await digestOf(got.data);
    show(`get ${name}`, `${read.size} bytes, equal ${read.digest === digest}, error ${await got.error}`);
  }
  const h = headers();
  h.set("Kind", "text");
  await store.putBlob({ name: "one", description: "a text", headers: h, metadata: { k: "v" } }, new TextEncoder().encode("changed"));
  const info = await store.info("one");
  show("info", `${info.name} ${info.description} ${info.headers?.get("Kind")} ${JSON.stringify(info.metadata)} ${info.size} ${info.chunks}`);
  show("list", (await store.list()).map((i) => i.name).sort().join(" "));
  await store.update("one", { name: "renamed", description: "another text" });
  show("renamed", `${text(await store.getBlob("renamed"))} ${await store.getBlob("one")}`);
  show("rename to one that is there", await outcome(() => store.update("renamed", { name: "large" })));
  const link = await store.link("shortcut", await store.info("renamed"));
  show("link", `${link.name} ${JSON.stringify(link.options.link)} ${text(await store.getBlob("shortcut"))}`);
  show("link to a link", await outcome(() => store.link("longer", link)));
  const other = await objm.create("OTHER");
  const bucket = await store.linkStore("elsewhere", other);
  show("link to a store", JSON.stringify(bucket.options.link));
  show("delete", JSON.stringify(await store.delete("renamed")));
  show("get what is deleted", await store.get("renamed"));
  show("info of what is deleted", (await store.info("renamed"))?.deleted);
  show("get what was never there", await store.get("nothing"));
  const watch = await store.watch({ includeHistory: true });
  const seen = [];
  const timer = setTimeout(() => watch.stop(), 1000);
  for await (const i of watch) {
    if (i !== null) {
      seen.push(`${i.name}${i.deleted ? " deleted" : ""}`);
    }
  }
  clearTimeout(timer);
  show("watch", seen.sort().join(", "));
  const status = await store.status();
  show("status", `${status.bucket} ${status.description} sealed ${status.sealed} ${status.storage}`);
  show("seal", (await store.seal()).sealed);
  show("put into a sealed store", await outcome(() => store.putBlob({ name: "late" }, new Uint8Array(1))));
  show("delete from a sealed store", await outcome(() => store.delete("large")));
  show("get from a sealed store", (await store.getBlob("large")).length);
  show("destroy", await store.destroy());
  show("a store that is gone", await outcome(() => objm.open("FILES")));
}

const nc = await connect({ servers: process.argv[2], timeout: 20000 });
await keyValue(nc);
await aging(nc);
await objects(nc, Number(process.argv[3]));
await nc.close();

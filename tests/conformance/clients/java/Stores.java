import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.KeyValue;
import io.nats.client.KeyValueManagement;
import io.nats.client.Nats;
import io.nats.client.ObjectStore;
import io.nats.client.ObjectStoreManagement;
import io.nats.client.Options;
import io.nats.client.api.KeyValueConfiguration;
import io.nats.client.api.KeyValueEntry;
import io.nats.client.api.KeyValueStatus;
import io.nats.client.api.KeyValueWatchOption;
import io.nats.client.api.KeyValueWatcher;
import io.nats.client.api.ObjectInfo;
import io.nats.client.api.ObjectMeta;
import io.nats.client.api.ObjectStoreConfiguration;
import io.nats.client.api.ObjectStoreStatus;
import io.nats.client.api.ObjectStoreWatcher;
import io.nats.client.api.StorageType;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** Stores URL BYTES - key-value buckets and object stores through jnats, one line for each situation. */
@SuppressWarnings("try")
final class Stores {
  static void show(String what, Object text) {
    System.out.println(what + ": " + text);
  }

  static Object outcome(Callable<Object> call) {
    try {
      return call.call();
    } catch (JetStreamApiException e) {
      return e.getApiErrorCode() + " " + e.getErrorDescription();
    } catch (Exception e) {
      return e.getClass().getSimpleName() + " " + e.getMessage();
    }
  }

  static String entry(KeyValueEntry e) {
    if (e == null) {
      return "nothing";
    }
    String value = e.getValue() == null ? "null" : new String(e.getValue(), StandardCharsets.UTF_8);
    return e.getKey() + "=" + value + "@" + e.getRevision() + " " + e.getOperation();
  }

  static String entries(List<KeyValueEntry> list) {
    return list.stream().map(Stores::entry).collect(Collectors.joining(", "));
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Keeps what it is told. */
  static final class Watcher implements KeyValueWatcher {
    private final List<String> seen = Collections.synchronizedList(new ArrayList<>());
    private final CountDownLatch caughtUp = new CountDownLatch(1);

    @Override
    public void watch(KeyValueEntry e) {
      seen.add(entry(e));
    }

    @Override
    public void endOfData() {
      caughtUp.countDown();
    }

    String all() throws InterruptedException {
      caughtUp.await(10, TimeUnit.SECONDS);
      return String.join(", ", seen);
    }
  }

  static void keyValue(Connection nc) throws Exception {
    KeyValueManagement kvm = nc.keyValueManagement();
    kvm.create(KeyValueConfiguration.builder("CONFIG").maxHistoryPerKey(5).description("settings")
                   .maximumValueSize(1000).limitMarker(60_000).build());
    KeyValue kv = nc.keyValue("CONFIG");
    show("put", kv.put("a.b", "one"));
    show("put again", kv.put("a.b", "two"));
    show("get", entry(kv.get("a.b")));
    show("get a revision", entry(kv.get("a.b", 1)));
    show("get a revision of another key", entry(kv.get("c", 1)));
    show("get what is not there", entry(kv.get("nothing")));
    show("create", kv.create("c", bytes("new")));
    show("create what is there", outcome(() -> kv.create("c", bytes("newer"))));
    show("update", kv.update("c", bytes("newer"), 3));
    show("update of a wrong revision", outcome(() -> kv.update("c", bytes("x"), 3)));
    kv.delete("c");
    show("get what is deleted", entry(kv.get("c")));
    show("create what is deleted", kv.create("c", bytes("back")));
    show("delete of a wrong revision", outcome(() -> {
      kv.delete("c", 1);
      return "done";
    }));
    for (int n = 0; n < 8; n++) {
      kv.put("many", Integer.toString(n));
    }
    show("history", entries(kv.history("many")));
    show("history with a delete", entries(kv.history("c")));
    kv.purge("many");
    show("history behind a purge", entries(kv.history("many")));
    show("keys", kv.keys().stream().sorted().toList());
    show("keys of a filter", kv.keys("a.*"));
    show("too large", outcome(() -> kv.put("large", new byte[1001])));
    show("an empty value", kv.put("empty", new byte[0]));
    show("get the empty value", entry(kv.get("empty")));
    KeyValueStatus status = kv.getStatus();
    show("status", status.getBucketName() + " " + status.getEntryCount() + " " + status.getDescription() + " "
        + status.getMaxHistoryPerKey() + " " + status.getTtl() + " " + status.getStorageType());
    Watcher watcher = new Watcher();
    try (var subscription = kv.watchAll(watcher)) {
      show("watch", watcher.all());
      kv.put("d", "live");
      kv.delete("a.b");
      Thread.sleep(1000);
      show("watched", watcher.all());
    }
    watchOnce("watch with history", kv, "a.*", KeyValueWatchOption.INCLUDE_HISTORY);
    watchOnce("watch updates only", kv, ">", KeyValueWatchOption.UPDATES_ONLY);
    watchOnce("watch without deletes and values", kv, ">", KeyValueWatchOption.IGNORE_DELETE,
        KeyValueWatchOption.META_ONLY);
    kv.create("short", bytes("life"), io.nats.client.MessageTtl.seconds(1));
    show("a key with a life of its own", entry(kv.get("short")));
    Thread.sleep(4000);
    show("behind its time", entry(kv.get("short")));
    kv.purgeDeletes(io.nats.client.api.KeyValuePurgeOptions.builder().deleteMarkersNoThreshold().build());
    show("keys behind a purge of deletes", kv.keys().stream().sorted().toList());
    show("buckets", kvm.getBucketNames());
    kvm.delete("CONFIG");
    show("a bucket that is gone", outcome(() -> kvm.getStatus("CONFIG")));
    show("a bad name", outcome(() -> kvm.create(KeyValueConfiguration.builder("a.b").build())));
  }

  static void watchOnce(String what, KeyValue kv, String pattern, KeyValueWatchOption... options) throws Exception {
    Watcher watcher = new Watcher();
    try (var subscription = kv.watch(pattern, watcher, options)) {
      show(what, watcher.all());
    }
  }

  static void aging(Connection nc) throws Exception {
    nc.keyValueManagement().create(KeyValueConfiguration.builder("AGING").ttl(Duration.ofSeconds(1))
                                       .storageType(StorageType.Memory).build());
    KeyValue kv = nc.keyValue("AGING");
    kv.put("short", "life");
    show("before its time", entry(kv.get("short")));
    Thread.sleep(2000);
    show("behind its time", entry(kv.get("short")));
  }

  static byte[] read(ObjectStore store, String name) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    store.get(name, out);
    return out.toByteArray();
  }

  static void object(ObjectStore store, String name, byte[] data) throws Exception {
    byte[] sum = MessageDigest.getInstance("SHA-256").digest(data);
    ObjectInfo info = store.put(name, new ByteArrayInputStream(data));
    String digest = "SHA-256=" + Base64.getUrlEncoder().encodeToString(sum);
    show("put " + name, info.getSize() + " bytes in " + info.getChunks() + " chunks, digest right "
        + digest.equals(info.getDigest()));
    byte[] got = read(store, name);
    show("get " + name, got.length + " bytes, equal " + Arrays.equals(got, data));
  }

  static String names(ObjectStore store) throws Exception {
    return store.getList().stream().map(ObjectInfo::getObjectName).sorted().collect(Collectors.joining(" "));
  }

  static void objects(Connection nc, int size) throws Exception {
    ObjectStoreManagement manager = nc.objectStoreManagement();
    manager.create(ObjectStoreConfiguration.builder("FILES").description("some files").build());
    ObjectStore store = nc.objectStore("FILES");
    byte[] large = new byte[size];
    for (int i = 0; i < size; i++) {
      large[i] = (byte) (i * 7L % 251);
    }
    object(store, "empty", new byte[0]);
    object(store, "one", bytes("1"));
    object(store, "large", large);
    store.put(ObjectMeta.builder("one").description("a text").chunkSize(4).build(),
        new ByteArrayInputStream(bytes("changed")));
    ObjectInfo info = store.getInfo("one");
    show("info", info.getObjectName() + " " + info.getDescription() + " " + info.getSize() + " " + info.getChunks());
    show("list", names(store));
    store.updateMeta("one", ObjectMeta.builder("renamed").description("another text").build());
    show("renamed", new String(read(store, "renamed"), StandardCharsets.UTF_8) + " " + store.getInfo("one"));
    show("rename to one that is there", outcome(() -> store.updateMeta("renamed", ObjectMeta.objectName("large"))));
    ObjectInfo link = store.addLink("shortcut", store.getInfo("renamed"));
    show("link", link.getObjectName() + " " + link.getLink().getObjectName() + " "
        + new String(read(store, "shortcut"), StandardCharsets.UTF_8));
    show("link to a link", outcome(() -> store.addLink("longer", link)));
    manager.create(ObjectStoreConfiguration.builder("OTHER").storageType(StorageType.Memory).build());
    show("link to a store", store.addBucketLink("elsewhere", nc.objectStore("OTHER")).getLink().getBucket());
    show("delete", store.delete("renamed").isDeleted());
    show("get what is deleted", outcome(() -> read(store, "renamed").length));
    show("info of what is deleted", store.getInfo("renamed", true).isDeleted());
    show("get what was never there", outcome(() -> read(store, "nothing").length));
    show("watch", watchObjects(store));
    ObjectStoreStatus status = store.getStatus();
    show("status", status.getBucketName() + " " + status.getDescription() + " " + status.getStorageType() + " "
        + status.isSealed());
    show("seal", store.seal().isSealed());
    show("put into a sealed store", outcome(() -> store.put("late", bytes("x")).getSize()));
    show("delete from a sealed store", outcome(() -> store.delete("large").isDeleted()));
    show("get from a sealed store", read(store, "large").length);
    show("stores", manager.getBucketNames());
    manager.delete("FILES");
    show("a store that is gone", outcome(() -> manager.getStatus("FILES")));
  }

  static String watchObjects(ObjectStore store) throws Exception {
    List<String> seen = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch caughtUp = new CountDownLatch(1);
    ObjectStoreWatcher watcher = new ObjectStoreWatcher() {
      @Override
      public void watch(ObjectInfo info) {
        seen.add(info.getObjectName() + " " + info.isDeleted());
      }

      @Override
      public void endOfData() {
        caughtUp.countDown();
      }
    };
    try (var subscription = store.watch(watcher)) {
      caughtUp.await(10, TimeUnit.SECONDS);
    }
    return String.join(", ", seen);
  }

  public static void main(String[] arguments) throws Exception {
    Options options = Options.builder().server(arguments[0]).build();
    try (Connection nc = Nats.connect(options)) {
      keyValue(nc);
      aging(nc);
      objects(nc, Integer.parseInt(arguments[1]));
    }
  }
}

import io.nats.client.AuthenticationException;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.Consumer;
import io.nats.client.Dispatcher;
import io.nats.client.ErrorListener;
import io.nats.client.JetStreamStatusException;
import io.nats.client.Message;
import io.nats.client.MessageHandler;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
import io.nats.client.api.ServerInfo;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import io.nats.service.Discovery;
import io.nats.service.Group;
import io.nats.service.InfoResponse;
import io.nats.service.PingResponse;
import io.nats.service.Service;
import io.nats.service.ServiceEndpoint;
import io.nats.service.ServiceMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/**
 * Session URL WRONG_URL LIMITED_URL - what an application sees of the server through jnats, one line for
 * each situation. Lines that start with '!' ask the test to do something to the server.
 */
public final class Session {
  private static final Duration WAIT = Duration.ofSeconds(20);

  private static void show(String what, Object text) {
    System.out.println(what + ": " + text);
  }

  private static byte[] bytes(String text) {
    return text.getBytes();
  }

  private static String text(Message m) {
    return new String(m.getData());
  }

  /** What became of a call: its error by the name that all programs use, or "fine". */
  private static String outcome(Callable<?> call) {
    try {
      call.call();
      return "fine";
    } catch (Exception e) {
      return answer(e instanceof ExecutionException ? e.getCause() : e);
    }
  }

  private static String answer(Throwable e) {
    String message = String.valueOf(e.getMessage());
    if (e instanceof AuthenticationException && message.contains("Authorization Violation")) {
      return "authorization violation";
    }
    if (e instanceof JetStreamStatusException status && status.getStatus().getCode() == 503) {
      return "no responders";
    }
    if (e instanceof TimeoutException) {
      return "timeout";
    }
    if (e instanceof IllegalArgumentException && message.contains("payload size exceed")) {
      return "maximum payload exceeded";
    }
    if (e instanceof IllegalStateException && message.contains("Connection is Closed")) {
      return "connection closed";
    }
    return e.toString();
  }

  /** A connection with what its listeners were told. */
  private static final class Observed implements ConnectionListener, ErrorListener {
    // While it subscribes again the client does not notice that the connection breaks once more.
    private static final Map<Events, String> NAMES = Map.of(Events.DISCONNECTED, "disconnected",
        Events.RESUBSCRIBED, "reconnected", Events.CLOSED, "closed", Events.LAME_DUCK, "lame duck");
    final BlockingQueue<String> told = new LinkedBlockingQueue<>();
    final BlockingQueue<String> errors = new LinkedBlockingQueue<>();
    final Connection nc;

    Observed(String url, boolean noEcho) throws Exception {
      Options.Builder options = new Options.Builder().server(url).maxReconnects(-1)
          .reconnectWait(Duration.ofMillis(50)).reconnectJitter(Duration.ofMillis(1)).reportNoResponders()
          .useTimeoutException()
          .requestCleanupInterval(Duration.ofMillis(100)).connectionListener(this).errorListener(this);
      nc = Nats.connect(noEcho ? options.noEcho().build() : options.build());
    }

    Observed(String url) throws Exception {
      this(url, false);
    }

    @Override
    @SuppressWarnings("deprecation") // the newer form calls this one
    public void connectionEvent(Connection connection, Events event) {
      if (NAMES.containsKey(event)) {
        told.add(NAMES.get(event));
      }
    }

    @Override
    public void errorOccurred(Connection connection, String error) {
      errors.add(error.toLowerCase(Locale.ROOT));
    }

    @Override
    public void slowConsumerDetected(Connection connection, Consumer consumer) {
      errors.add("slow consumer");
    }

    /** Waits until each of these was told in this order; others between them do not count. */
    void expect(String situation, String... events) throws Exception {
      for (String event : events) {
        String got;
        do {
          got = told.poll(WAIT.toSeconds(), TimeUnit.SECONDS);
          if (got == null) {
            throw new IllegalStateException(situation + ": never told " + event);
          }
        } while (!got.equals(event));
      }
      show(situation, String.join(", ", events));
    }

    String nextError() throws Exception {
      String error = errors.poll(WAIT.toSeconds(), TimeUnit.SECONDS);
      return error == null ? "was not told" : error;
    }

    Subscription subscribe(String subject) throws Exception {
      Subscription sub = nc.subscribe(subject);
      nc.flush(WAIT);
      return sub;
    }

    Dispatcher dispatch(String subject, String queue, MessageHandler handler) throws Exception {
      Dispatcher dispatcher = nc.createDispatcher(handler);
      if (queue == null) {
        dispatcher.subscribe(subject);
      } else {
        dispatcher.subscribe(subject, queue);
      }
      nc.flush(WAIT);
      return dispatcher;
    }

    void publish(String subject, String text) {
      nc.publish(subject, bytes(text));
    }

    Message request(String subject, String text) throws Exception {
      return nc.requestWithTimeout(subject, bytes(text), WAIT).get();
    }

    /** All that a subscription got until now. */
    List<String> received(Subscription sub) throws Exception {
      nc.flush(WAIT);
      List<String> texts = new ArrayList<>();
      while (sub.isActive() || sub.getPendingMessageCount() > 0) {
        Message m = sub.nextMessage(50);
        if (m == null) {
          break;
        }
        texts.add(m.getSubject() + "=" + text(m));
      }
      return texts;
    }
  }

  private static void connecting(String url, String wrong, String limited) throws Exception {
    Observed o = new Observed(url);
    ServerInfo info = o.nc.getServerInfo();
    String[] version = info.getVersion().split("\\.");
    show("connect", "server " + info.getServerName() + ", version " + version[0] + "." + version[1]
        + ", max payload " + o.nc.getMaxPayload() + ", headers " + info.isHeadersSupported());
    show("connect with a wrong password", outcome(() -> new Observed(wrong)));
    show("connect without a password", outcome(() -> new Observed(url.replaceFirst("//.*@", "//"))));
    Observed some = new Observed(limited);
    some.publish("closed.subject", "");
    show("publish without permission", some.nextError());
    some.subscribe("closed.>");
    show("subscribe without permission", some.nextError());
    Subscription open = some.subscribe("open");
    some.publish("open", "text");
    show("what is permitted still works", String.join(" ", some.received(open)));
    some.nc.close();
    o.nc.close();
  }

  private static void publishing(Observed o, Observed other, String url) throws Exception {
    List<String> patterns = List.of("greet.joe", "greet.*", "greet.>");
    List<Subscription> subs = new ArrayList<>();
    for (String pattern : patterns) {
      subs.add(o.subscribe(pattern));
    }
    o.publish("greet.joe", "hello");
    o.publish("greet.pam", "");
    o.publish("greet.sue.all", "deep");
    for (int i = 0; i < 3; i++) {
      show("subscription to " + patterns.get(i), String.join(" ", o.received(subs.get(i))));
    }
    subs.get(1).unsubscribe();
    o.publish("greet.joe", "again");
    show("after one unsubscribed", String.join(" ", o.received(subs.get(2))));
    subs.get(0).unsubscribe();
    subs.get(2).unsubscribe();

    Subscription limited = o.subscribe("limited");
    limited.unsubscribe(2);
    for (int n = 0; n < 4; n++) {
      o.publish("limited", String.valueOf(n));
    }
    show("unsubscribe after two", String.join(" ", o.received(limited)));

    Observed quiet = new Observed(url, true);
    Subscription own = quiet.subscribe("echo");
    Subscription others = other.subscribe("echo");
    quiet.publish("echo", "x");
    int ownCount = quiet.received(own).size();
    show("no echo", ownCount + " own, " + other.received(others).size() + " others");
    quiet.nc.close();

    byte[] every = new byte[256];
    for (int i = 0; i < 256; i++) {
      every[i] = (byte) i;
    }
    Subscription sub = o.subscribe("bytes");
    o.nc.publish("bytes", every);
    byte[] data = sub.nextMessage(WAIT).getData();
    show("every byte value", data.length + " bytes, equal " + Arrays.equals(data, every));
  }

  private static void queueGroup(Observed o, Observed other) throws Exception {
    AtomicInteger[] counts = {new AtomicInteger(), new AtomicInteger(), new AtomicInteger()};
    CountDownLatch all = new CountDownLatch(400);
    List<MessageHandler> handlers = new ArrayList<>();
    for (AtomicInteger count : counts) {
      handlers.add(m -> {
        count.incrementAndGet();
        all.countDown();
      });
    }
    o.dispatch("jobs", "workers", handlers.get(0));
    other.dispatch("jobs", "workers", handlers.get(1));
    other.dispatch("jobs", null, handlers.get(2));
    for (int n = 0; n < 200; n++) {
      o.publish("jobs", "");
    }
    all.await(WAIT.toSeconds(), TimeUnit.SECONDS);
    show("queue group of two", counts[0].get() + counts[1].get() + " messages, both worked "
        + (counts[0].get() > 0 && counts[1].get() > 0) + ", a plain subscription got " + counts[2].get());
  }

  private static void requests(Observed o, Observed other) throws Exception {
    other.dispatch("help", null, m -> {
      Headers reply = new Headers();
      if (m.hasHeaders()) {
        reply.put("Answer-To", m.getHeaders().getFirst("Request-Id"));
      }
      other.nc.publish(m.getReplyTo(), reply, bytes("re: " + text(m)));
    });
    other.dispatch("silent", null, m -> { });
    show("request", text(o.request("help", "please")));
    Headers question = new Headers().put("Request-Id", "7");
    Message m = o.nc.requestWithTimeout("help", question, null, WAIT).get();
    show("request with headers", text(m) + ", Answer-To " + m.getHeaders().getFirst("Answer-To"));
    show("request to nobody", outcome(() -> o.request("nobody", "")));
    show("request without answer",
        outcome(() -> o.nc.requestWithTimeout("silent", null, Duration.ofMillis(100)).get()));

    Subscription sub = o.subscribe("headers");
    List<String> keys = List.of("Simple", "lower-case", "Empty", "Colon");
    List<String> values = List.of("one", "two words", "", "a: b");
    Headers headers = new Headers();
    for (int i = 0; i < keys.size(); i++) {
      headers.put(keys.get(i), values.get(i));
    }
    headers.add("List", "x", "y");
    other.nc.publish(NatsMessage.builder().subject("headers").headers(headers).data("body").build());
    Message got = sub.nextMessage(WAIT);
    show("headers", keys.stream().map(key -> key + "=\"" + got.getHeaders().getFirst(key) + "\"")
        .collect(Collectors.joining(" ")) + " and " + text(got));
    show("header with two values", String.join(" ", got.getHeaders().get("List")));
  }

  private static void payloads(Observed o, Observed other) throws Exception {
    Subscription sub = other.subscribe("large");
    int most = (int) o.nc.getMaxPayload();
    o.nc.publish("large", new byte[most]);
    show("the largest payload", sub.nextMessage(WAIT).getData().length + " bytes");
    show("one byte more", outcome(() -> {
      o.nc.publish("large", new byte[most + 1]);
      return null;
    }));
    o.publish("large", "still here");
    o.nc.flush(WAIT);
    show("after that", String.join(" ", other.received(sub)));
  }

  private static void slowSubscription(Observed o, Observed other) throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    Dispatcher slow = o.dispatch("slow", null, m -> release.await());
    slow.setPendingLimits(10, 1 << 20);
    for (int n = 0; n < 50; n++) {
      other.publish("slow", "");
    }
    show("a subscription that does not keep up", o.nextError());
    release.countDown();
    o.nc.closeDispatcher(slow);
  }

  private static Service startService(Connection nc) throws Exception {
    Group math = new Group("math");
    ServiceEndpoint echo = ServiceEndpoint.builder().endpointName("echo").group(math)
        .handler(m -> m.respond(nc, m.getData())).build();
    ServiceEndpoint fail = ServiceEndpoint.builder().endpointName("fail").group(math)
        .handler(m -> m.respondStandardError(nc, "not so", 400)).build();
    Service service = Service.builder().connection(nc).name("calc").version("1.2.3").description("calculates")
        .addServiceEndpoint(echo).addServiceEndpoint(fail).build();
    service.startService();
    if (!service.isStarted(WAIT.toSeconds(), TimeUnit.SECONDS)) {
      throw new IllegalStateException("the service did not start");
    }
    nc.flush(WAIT);
    return service;
  }

  private static void services(Observed o, Observed other) throws Exception {
    List<Service> running = List.of(startService(other.nc), startService(other.nc));
    Set<String> ids = new HashSet<>();
    for (PingResponse ping : new Discovery(o.nc, WAIT.toMillis(), 2).ping("calc")) {
      show("service ping", ping.getType() + " " + ping.getName() + " " + ping.getVersion());
      ids.add(ping.getId());
    }
    show("service ids differ", ids.size() == 2);
    running.get(1).stop();
    other.nc.flush(WAIT);
    Discovery one = new Discovery(o.nc, WAIT.toMillis(), 1);
    InfoResponse info = one.info("calc").get(0);
    show("service info", info.getDescription() + ": " + info.getEndpoints().stream()
        .map(e -> e.getName() + " " + e.getSubject() + " " + e.getQueueGroup()).sorted()
        .collect(Collectors.joining(", ")));
    for (int n = 0; n < 3; n++) {
      show("service request", text(o.request("math.echo", "ping")));
    }
    Headers error = o.request("math.fail", "").getHeaders();
    show("service error", error.getFirst(ServiceMessage.NATS_SERVICE_ERROR_CODE) + " "
        + error.getFirst(ServiceMessage.NATS_SERVICE_ERROR));
    show("service stats", one.stats("calc").get(0).getEndpointStatsList().stream()
        .map(e -> e.getName() + " " + e.getNumRequests() + " requests " + e.getNumErrors() + " errors").sorted()
        .collect(Collectors.joining(", ")));
    running.get(0).stop();
    other.nc.flush(WAIT);
    show("service stopped", outcome(() -> o.request("math.echo", "")));
  }

  private static void drainSubscription(Observed o, Observed other) throws Exception {
    AtomicInteger count = new AtomicInteger();
    Dispatcher drained = o.dispatch("drained", null, m -> {
      Thread.sleep(1);
      count.incrementAndGet();
    });
    for (int n = 0; n < 50; n++) {
      other.publish("drained", "");
    }
    other.nc.flush(WAIT);
    o.nc.flush(WAIT);
    drained.drain(WAIT).get();
    other.publish("drained", "");
    other.nc.flush(WAIT);
    o.nc.flush(WAIT);
    show("drained subscription", count.get() + " of 50");
  }

  /** Asks for something that breaks the connection and looks at what comes back. */
  private static void disturbed(Observed o, String command, String... events) throws Exception {
    o.told.clear();
    System.out.println("!" + command);
    o.expect("after " + command.split(" ")[0], events);
    show("subscriptions are back", text(o.request("alive", "alive")));
  }

  private static void disturbances(Observed o) throws Exception {
    o.dispatch("alive", null, m -> o.nc.publish(m.getReplyTo(), m.getData()));
    o.dispatch("flood", null, m -> { });
    disturbed(o, "stall flood", "disconnected", "reconnected");
    disturbed(o, "restart", "disconnected", "reconnected");
    disturbed(o, "kill", "disconnected", "reconnected");
    disturbed(o, "lame-duck", "lame duck", "disconnected", "reconnected");
  }

  private static void drainConnection(Observed o, String url) throws Exception {
    Observed other = new Observed(url);
    AtomicInteger count = new AtomicInteger();
    o.dispatch("leaving", null, m -> {
      Thread.sleep(1);
      count.incrementAndGet();
    });
    for (int n = 0; n < 50; n++) {
      other.publish("leaving", "");
    }
    other.nc.flush(WAIT);
    o.nc.flush(WAIT);
    o.nc.drain(WAIT).get();
    o.expect("drained connection", "closed");
    show("drained connection", count.get() + " of 50");
    show("publish after that", outcome(() -> {
      o.publish("x", "");
      return null;
    }));
    show("request to the one that left", outcome(() -> other.request("alive", "")));
    other.nc.close();
  }

  public static void main(String[] urls) {
    try {
      session(urls);
    } catch (Exception e) {
      e.printStackTrace(System.out);
      System.exit(1);
    }
  }

  private static void session(String[] urls) throws Exception {
    connecting(urls[0], urls[1], urls[2]);
    Observed o = new Observed(urls[0]);
    Observed other = new Observed(urls[0]);
    publishing(o, other, urls[0]);
    queueGroup(o, other);
    requests(o, other);
    payloads(o, other);
    slowSubscription(o, other);
    services(o, other);
    drainSubscription(o, other);
    other.nc.close();
    disturbances(o);
    drainConnection(o, urls[0]);
  }
}

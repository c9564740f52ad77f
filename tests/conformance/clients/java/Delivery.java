import io.nats.client.BaseConsumerContext;
import io.nats.client.Connection;
import io.nats.client.ConsumeOptions;
import io.nats.client.ConsumerContext;
import io.nats.client.Dispatcher;
import io.nats.client.FetchConsumer;
import io.nats.client.FetchConsumeOptions;
import io.nats.client.IterableConsumer;
import io.nats.client.JetStream;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.MessageHandler;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.PublishOptions;
import io.nats.client.PullSubscribeOptions;
import io.nats.client.PushSubscribeOptions;
import io.nats.client.StreamContext;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.OrderedConsumerConfiguration;
import io.nats.client.api.StreamConfiguration;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Delivery URL - the ways in which jnats consumes a stream, all at once, while the server restarts and is
 * killed; what each of them got. Lines that start with '!' ask the test to do something to the server.
 */
@SuppressWarnings("try")
final class Delivery {
  static final int TOTAL = 300;
  // By default a client notices after 30 s that the server has forgotten its request.
  static final ConsumeOptions SHORT = ConsumeOptions.builder().expiresIn(2000).build();

  /** What one way of consuming got. */
  static final class Tally {
    final Set<Integer> seen = new HashSet<>();
    final CountDownLatch done = new CountDownLatch(1);
    int last;
    boolean inOrder = true;

    synchronized void note(Message m) {
      int number = Integer.parseInt(new String(m.getData(), StandardCharsets.UTF_8));
      inOrder = inOrder && number == last + 1;
      last = number;
      seen.add(number);
      if (seen.size() == TOTAL) {
        done.countDown();
      }
    }

    MessageHandler acking() {
      return m -> {
        note(m);
        m.ack();
      };
    }
  }

  static void start(Runnable work) {
    Thread thread = new Thread(work);
    thread.setDaemon(true);
    thread.start();
  }

  static void pause(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  static void fetch(BaseConsumerContext consumer, Tally tally) {
    FetchConsumeOptions options = FetchConsumeOptions.builder().maxMessages(20).expiresIn(1000).build();
    while (true) {
      try (FetchConsumer batch = consumer.fetch(options)) {
        Message m;
        while ((m = batch.nextMessage()) != null) {
          tally.acking().onMessage(m);
        }
      } catch (Exception e) {
        pause(50);
      }
    }
  }

  static void next(BaseConsumerContext consumer, Tally tally) {
    while (true) {
      try {
        Message m = consumer.next(1000);
        if (m != null) {
          tally.acking().onMessage(m);
        }
      } catch (Exception e) {
        pause(50);
      }
    }
  }

  static void iterate(BaseConsumerContext consumer, MessageHandler take) {
    try (IterableConsumer messages = consumer.iterate(SHORT)) {
      while (true) {
        Message m = messages.nextMessage(1000);
        if (m != null) {
          take.onMessage(m);
        }
      }
    } catch (Exception e) {
      System.out.println("messages: " + e);
    }
  }

  /** With the API before the consumer contexts. */
  static void oldFetch(JetStreamSubscription subscription, Tally tally) {
    while (true) {
      try {
        for (Message m : subscription.fetch(20, 1000)) {
          tally.acking().onMessage(m);
        }
      } catch (Exception e) {
        pause(50);
      }
    }
  }

  static void publish(JetStream js) {
    for (int number = 1; number <= TOTAL; ++number) {
      byte[] text = Integer.toString(number).getBytes(StandardCharsets.UTF_8);
      PublishOptions options = PublishOptions.builder().messageId(Integer.toString(number)).build();
      while (true) {
        try {
          js.publish("r.x", text, options);
          break;
        } catch (Exception e) {
          pause(50);
        }
      }
      if (number == TOTAL / 3) {
        System.out.println("!restart");
      } else if (number == 2 * TOTAL / 3) {
        System.out.println("!kill");
      }
      pause(3);
    }
  }

  static ConsumerConfiguration durable(String name) {
    return ConsumerConfiguration.builder().durable(name).ackPolicy(AckPolicy.Explicit)
        .ackWait(Duration.ofSeconds(2)).build();
  }

  public static void main(String[] arguments) throws Exception {
    Connection nc = Nats.connect(Options.builder().server(arguments[0]).maxReconnects(-1)
        .reconnectWait(Duration.ofMillis(50)).connectionTimeout(Duration.ofSeconds(2))
        .errorListener(new io.nats.client.ErrorListener() {}).build());
    nc.jetStreamManagement().addStream(StreamConfiguration.builder().name("R").subjects("r.>").build());
    JetStream js = nc.jetStream();
    StreamContext stream = nc.getStreamContext("R");
    Map<String, Tally> tallies = new LinkedHashMap<>();
    for (String name : new String[] {"fetch", "next", "consume", "messages", "old fetch", "push", "ordered",
        "ordered messages", "ordered push"}) {
      tallies.put(name, new Tally());
    }

    ConsumerContext fetching = stream.createOrUpdateConsumer(durable("fetch"));
    start(() -> fetch(fetching, tallies.get("fetch")));
    stream.createOrUpdateConsumer(durable("consume")).consume(SHORT, tallies.get("consume").acking());
    ConsumerContext iterating = stream.createOrUpdateConsumer(durable("messages"));
    start(() -> iterate(iterating, tallies.get("messages").acking()));
    ConsumerContext nexting = stream.createOrUpdateConsumer(durable("next"));
    start(() -> next(nexting, tallies.get("next")));
    JetStreamSubscription pulling = js.subscribe("r.>",
        PullSubscribeOptions.builder().configuration(durable("old-fetch")).build());
    start(() -> oldFetch(pulling, tallies.get("old fetch")));
    stream.createOrderedConsumer(new OrderedConsumerConfiguration())
        .consume(SHORT, tallies.get("ordered")::note);
    BaseConsumerContext ordered = stream.createOrderedConsumer(new OrderedConsumerConfiguration());
    start(() -> iterate(ordered, tallies.get("ordered messages")::note));
    Dispatcher dispatcher = nc.createDispatcher();
    js.subscribe("r.>", dispatcher, tallies.get("push").acking(), false,
        PushSubscribeOptions.builder().configuration(durable("push")).build());
    js.subscribe("r.>", nc.createDispatcher(), tallies.get("ordered push")::note, false,
        PushSubscribeOptions.builder().ordered(true).configuration(
            ConsumerConfiguration.builder().idleHeartbeat(1000).build()).build());

    publish(js);
    for (Map.Entry<String, Tally> entry : tallies.entrySet()) {
      Tally tally = entry.getValue();
      tally.done.await(40, TimeUnit.SECONDS);
      synchronized (tally) {
        String order = entry.getKey().startsWith("ordered") && tally.inOrder ? ", in order" : "";
        System.out.println(entry.getKey() + ": " + tally.seen.size() + " of " + TOTAL + order);
      }
    }
    System.exit(0);
  }
}

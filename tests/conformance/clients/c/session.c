// session URL WRONG_URL LIMITED_URL - what an application sees of the server through nats.c, one line for
// each situation. Lines that start with '!' ask the test to do something to the server. Debian's client
// has no services API, does not tell the server's name and version, and takes the next line for the value
// of a header without one.
#include <ctype.h>
#include <nats/nats.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kWait = 20000, kText = 512, kKept = 256 };

static void Check(natsStatus status, const char* what) {
  if (status == NATS_OK) return;
  printf("unexpected error: %s: %s %s\n", what, natsStatus_GetText(status), nats_GetLastError(NULL));
  exit(1);
}
#define CHECK(call) Check(call, #call)

// What an outcome is called by all programs.
static const char* Answer(natsStatus status) {
  switch (status) {
    case NATS_OK: return "fine";
    case NATS_CONNECTION_AUTH_FAILED: return "authorization violation";
    case NATS_NO_RESPONDERS: return "no responders";
    case NATS_TIMEOUT: return "timeout";
    case NATS_MAX_PAYLOAD: return "maximum payload exceeded";
    case NATS_SLOW_CONSUMER: return "slow consumer";
    case NATS_CONNECTION_CLOSED: return "connection closed";
    default: return natsStatus_GetText(status);
  }
}

// Texts in the order in which callbacks told them.
typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  char texts[kKept][kText];
  int first, end;
} Queue;

static void Put(Queue* queue, const char* text) {
  pthread_mutex_lock(&queue->mutex);
  if (queue->end < kKept) snprintf(queue->texts[queue->end++], kText, "%s", text);
  pthread_cond_signal(&queue->changed);
  pthread_mutex_unlock(&queue->mutex);
}

static void Next(Queue* queue, char* text) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += kWait / 1000;
  int late = 0;
  pthread_mutex_lock(&queue->mutex);
  while (queue->first == queue->end && late == 0) {
    late = pthread_cond_timedwait(&queue->changed, &queue->mutex, &deadline);
  }
  snprintf(text, kText, "%s", late ? "was not told" : queue->texts[queue->first++]);
  pthread_mutex_unlock(&queue->mutex);
}

// A connection with what its callbacks were told.
typedef struct {
  natsConnection* nc;
  Queue told, errors;
} Observed;

static void OnDisconnected(natsConnection* nc, void* o) { Put(&((Observed*)o)->told, "disconnected"); }
static void OnReconnected(natsConnection* nc, void* o) { Put(&((Observed*)o)->told, "reconnected"); }
static void OnClosed(natsConnection* nc, void* o) { Put(&((Observed*)o)->told, "closed"); }
static void OnLameDuck(natsConnection* nc, void* o) { Put(&((Observed*)o)->told, "lame duck"); }

static void OnError(natsConnection* nc, natsSubscription* sub, natsStatus status, void* o) {
  char text[kText];
  const char* last = NULL;
  if (status != NATS_NOT_PERMITTED || natsConnection_GetLastError(nc, &last) == NATS_OK || last == NULL) {
    snprintf(text, sizeof(text), "%s", Answer(status));
  }
  if (status == NATS_NOT_PERMITTED && last != NULL) snprintf(text, sizeof(text), "%s", last);
  for (char* c = text; *c; ++c) *c = (char)tolower(*c);
  Put(&((Observed*)o)->errors, text);
}

static natsStatus TryConnect(const char* url, bool no_echo, Observed* o) {
  natsOptions* options = NULL;
  memset(o, 0, sizeof(*o));
  pthread_mutex_init(&o->told.mutex, NULL);
  pthread_cond_init(&o->told.changed, NULL);
  pthread_mutex_init(&o->errors.mutex, NULL);
  pthread_cond_init(&o->errors.changed, NULL);
  CHECK(natsOptions_Create(&options));
  CHECK(natsOptions_SetURL(options, url));
  CHECK(natsOptions_SetNoEcho(options, no_echo));
  CHECK(natsOptions_SetMaxReconnect(options, -1));
  CHECK(natsOptions_SetReconnectWait(options, 50));
  CHECK(natsOptions_SetReconnectJitter(options, 1, 1));
  CHECK(natsOptions_SetDisconnectedCB(options, OnDisconnected, o));
  CHECK(natsOptions_SetReconnectedCB(options, OnReconnected, o));
  CHECK(natsOptions_SetClosedCB(options, OnClosed, o));
  CHECK(natsOptions_SetLameDuckModeCB(options, OnLameDuck, o));
  CHECK(natsOptions_SetErrorHandler(options, OnError, o));
  const natsStatus status = natsConnection_Connect(&o->nc, options);
  natsOptions_Destroy(options);
  return status;
}

// Waits until each of these was told in this order; others between them do not count.
static void Expect(Observed* o, const char* situation, const char* const* events, int count) {
  printf("%s: ", situation);
  for (int i = 0; i < count; ++i) {
    char text[kText];
    do {
      Next(&o->told, text);
    } while (strcmp(text, events[i]) != 0 && strcmp(text, "was not told") != 0);
    printf("%s%s", i == 0 ? "" : ", ", text);
  }
  printf("\n");
}

static natsSubscription* Subscribe(Observed* o, const char* subject) {
  natsSubscription* sub = NULL;
  CHECK(natsConnection_SubscribeSync(&sub, o->nc, subject));
  CHECK(natsConnection_Flush(o->nc));
  return sub;
}

static void Publish(Observed* o, const char* subject, const char* text) {
  CHECK(natsConnection_PublishString(o->nc, subject, text));
}

// Shows all that a subscription got until now; the number of messages.
static int ShowReceived(Observed* o, natsSubscription* sub, const char* situation) {
  natsMsg* m = NULL;
  int count = 0;
  CHECK(natsConnection_Flush(o->nc));
  if (situation) printf("%s:", situation);
  for (; natsSubscription_NextMsg(&m, sub, 50) == NATS_OK; ++count) {
    if (situation) printf(" %s=%.*s", natsMsg_GetSubject(m), natsMsg_GetDataLength(m), natsMsg_GetData(m));
    natsMsg_Destroy(m);
  }
  if (situation) printf("\n");
  return count;
}

static void Close(Observed* o) {
  natsConnection_Close(o->nc);
  char text[kText];
  do {
    Next(&o->told, text);
  } while (strcmp(text, "closed") != 0 && strcmp(text, "was not told") != 0);
  natsConnection_Destroy(o->nc);
}

static void Connecting(const char* url, const char* wrong, const char* limited) {
  static Observed o, refused, some;
  CHECK(TryConnect(url, false, &o));
  printf("connect: max payload %lld, headers %s\n", (long long)natsConnection_GetMaxPayload(o.nc),
         natsConnection_HasHeaderSupport(o.nc) == NATS_OK ? "true" : "false");
  printf("connect with a wrong password: %s\n", Answer(TryConnect(wrong, false, &refused)));
  char bare[kText];
  snprintf(bare, sizeof(bare), "nats://%s", strchr(url, '@') + 1);
  printf("connect without a password: %s\n", Answer(TryConnect(bare, false, &refused)));
  CHECK(TryConnect(limited, false, &some));
  char text[kText];
  Publish(&some, "closed.subject", "");
  Next(&some.errors, text);
  printf("publish without permission: %s\n", text);
  natsSubscription_Destroy(Subscribe(&some, "closed.>"));
  Next(&some.errors, text);
  printf("subscribe without permission: %s\n", text);
  natsSubscription* open = Subscribe(&some, "open");
  Publish(&some, "open", "text");
  ShowReceived(&some, open, "what is permitted still works");
  natsSubscription_Destroy(open);
  Close(&some);
  Close(&o);
}

static void Publishing(Observed* o, Observed* other, const char* url) {
  const char* patterns[] = {"greet.joe", "greet.*", "greet.>"};
  natsSubscription* subs[3];
  for (int i = 0; i < 3; ++i) subs[i] = Subscribe(o, patterns[i]);
  Publish(o, "greet.joe", "hello");
  Publish(o, "greet.pam", "");
  Publish(o, "greet.sue.all", "deep");
  for (int i = 0; i < 3; ++i) {
    char situation[kText];
    snprintf(situation, sizeof(situation), "subscription to %s", patterns[i]);
    ShowReceived(o, subs[i], situation);
  }
  CHECK(natsSubscription_Unsubscribe(subs[1]));
  Publish(o, "greet.joe", "again");
  ShowReceived(o, subs[2], "after one unsubscribed");
  for (int i = 0; i < 3; ++i) natsSubscription_Destroy(subs[i]);

  natsSubscription* limited = Subscribe(o, "limited");
  CHECK(natsSubscription_AutoUnsubscribe(limited, 2));
  const char* numbers[] = {"0", "1", "2", "3"};
  for (int i = 0; i < 4; ++i) Publish(o, "limited", numbers[i]);
  ShowReceived(o, limited, "unsubscribe after two");
  natsSubscription_Destroy(limited);

  static Observed quiet;
  CHECK(TryConnect(url, true, &quiet));
  natsSubscription *own = Subscribe(&quiet, "echo"), *others = Subscribe(other, "echo");
  Publish(&quiet, "echo", "x");
  const int own_count = ShowReceived(&quiet, own, NULL);
  printf("no echo: %d own, %d others\n", own_count, ShowReceived(other, others, NULL));
  natsSubscription_Destroy(own);
  natsSubscription_Destroy(others);
  Close(&quiet);

  unsigned char every[256];
  for (int i = 0; i < 256; ++i) every[i] = (unsigned char)i;
  natsSubscription* bytes = Subscribe(o, "bytes");
  natsMsg* m = NULL;
  CHECK(natsConnection_Publish(o->nc, "bytes", every, sizeof(every)));
  CHECK(natsSubscription_NextMsg(&m, bytes, kWait));
  const bool equal = natsMsg_GetDataLength(m) == 256 && memcmp(natsMsg_GetData(m), every, 256) == 0;
  printf("every byte value: %d bytes, equal %s\n", natsMsg_GetDataLength(m), equal ? "true" : "false");
  natsMsg_Destroy(m);
  natsSubscription_Destroy(bytes);
}

// Counted by callbacks; `pause` makes each take a millisecond.
typedef struct {
  int count;
  bool pause;
} Counter;

static void Count(natsConnection* nc, natsSubscription* sub, natsMsg* m, void* counter) {
  Counter* c = counter;
  if (c->pause) nats_Sleep(1);
  __atomic_add_fetch(&c->count, 1, __ATOMIC_SEQ_CST);
  natsMsg_Destroy(m);
}

static int Counted(const Counter* c) { return __atomic_load_n(&c->count, __ATOMIC_SEQ_CST); }

static void QueueGroup(Observed* o, Observed* other) {
  static Counter counters[3];
  natsSubscription* subs[3];
  CHECK(natsConnection_QueueSubscribe(&subs[0], o->nc, "jobs", "workers", Count, &counters[0]));
  CHECK(natsConnection_QueueSubscribe(&subs[1], other->nc, "jobs", "workers", Count, &counters[1]));
  CHECK(natsConnection_Subscribe(&subs[2], other->nc, "jobs", Count, &counters[2]));
  CHECK(natsConnection_Flush(o->nc));
  CHECK(natsConnection_Flush(other->nc));
  for (int i = 0; i < 200; ++i) Publish(o, "jobs", "");
  for (int i = 0; i < kWait && Counted(&counters[0]) + Counted(&counters[1]) + Counted(&counters[2]) < 400; ++i) {
    nats_Sleep(1);
  }
  const int first = Counted(&counters[0]), second = Counted(&counters[1]);
  printf("queue group of two: %d messages, both worked %s, a plain subscription got %d\n", first + second,
         first > 0 && second > 0 ? "true" : "false", Counted(&counters[2]));
  for (int i = 0; i < 3; ++i) natsSubscription_Destroy(subs[i]);
}

static void OnHelp(natsConnection* nc, natsSubscription* sub, natsMsg* m, void* unused) {
  char text[kText];
  const char* id = NULL;
  natsMsg* reply = NULL;
  const int size = snprintf(text, sizeof(text), "re: %.*s", natsMsg_GetDataLength(m), natsMsg_GetData(m));
  CHECK(natsMsg_Create(&reply, natsMsg_GetReply(m), NULL, text, size));
  if (natsMsgHeader_Get(m, "Request-Id", &id) == NATS_OK) CHECK(natsMsgHeader_Set(reply, "Answer-To", id));
  CHECK(natsConnection_PublishMsg(nc, reply));
  natsMsg_Destroy(reply);
  natsMsg_Destroy(m);
}

static void Requests(Observed* o, Observed* other) {
  static Counter ignored;
  natsSubscription *help = NULL, *silent = NULL;
  CHECK(natsConnection_Subscribe(&help, other->nc, "help", OnHelp, NULL));
  CHECK(natsConnection_Subscribe(&silent, other->nc, "silent", Count, &ignored));
  CHECK(natsConnection_Flush(other->nc));
  natsMsg *m = NULL, *question = NULL;
  CHECK(natsConnection_RequestString(&m, o->nc, "help", "please", kWait));
  printf("request: %.*s\n", natsMsg_GetDataLength(m), natsMsg_GetData(m));
  natsMsg_Destroy(m);
  CHECK(natsMsg_Create(&question, "help", NULL, NULL, 0));
  CHECK(natsMsgHeader_Set(question, "Request-Id", "7"));
  CHECK(natsConnection_RequestMsg(&m, o->nc, question, kWait));
  const char* id = NULL;
  CHECK(natsMsgHeader_Get(m, "Answer-To", &id));
  printf("request with headers: %.*s, Answer-To %s\n", natsMsg_GetDataLength(m), natsMsg_GetData(m), id);
  natsMsg_Destroy(m);
  natsMsg_Destroy(question);
  printf("request to nobody: %s\n", Answer(natsConnection_RequestString(&m, o->nc, "nobody", "", kWait)));
  printf("request without answer: %s\n", Answer(natsConnection_RequestString(&m, o->nc, "silent", "", 100)));
  natsSubscription_Destroy(help);
  natsSubscription_Destroy(silent);
}

static void Headers(Observed* o, Observed* other) {
  const char* keys[] = {"Simple", "lower-case", "Colon"};
  const char* values[] = {"one", "two words", "a: b"};
  natsSubscription* sub = Subscribe(o, "headers");
  natsMsg* m = NULL;
  CHECK(natsMsg_Create(&m, "headers", NULL, "body", 4));
  for (int i = 0; i < 3; ++i) CHECK(natsMsgHeader_Set(m, keys[i], values[i]));
  CHECK(natsMsgHeader_Add(m, "List", "x"));
  CHECK(natsMsgHeader_Add(m, "List", "y"));
  CHECK(natsConnection_PublishMsg(other->nc, m));
  natsMsg_Destroy(m);
  CHECK(natsSubscription_NextMsg(&m, sub, kWait));
  printf("headers: ");
  for (int i = 0; i < 3; ++i) {
    const char* value = NULL;
    CHECK(natsMsgHeader_Get(m, keys[i], &value));
    printf("%s=\"%s\" ", keys[i], value);
  }
  printf("and %.*s\n", natsMsg_GetDataLength(m), natsMsg_GetData(m));
  const char** list = NULL;
  int count = 0;
  CHECK(natsMsgHeader_Values(m, "List", &list, &count));
  printf("header with two values:");
  for (int i = 0; i < count; ++i) printf(" %s", list[i]);
  printf("\n");
  free((void*)list);
  natsMsg_Destroy(m);
  natsSubscription_Destroy(sub);
}

static void Payloads(Observed* o, Observed* other) {
  const int most = (int)natsConnection_GetMaxPayload(o->nc);
  char* data = calloc((size_t)most + 1, 1);
  natsSubscription* sub = Subscribe(other, "large");
  natsMsg* m = NULL;
  CHECK(natsConnection_Publish(o->nc, "large", data, most));
  CHECK(natsSubscription_NextMsg(&m, sub, kWait));
  printf("the largest payload: %d bytes\n", natsMsg_GetDataLength(m));
  natsMsg_Destroy(m);
  printf("one byte more: %s\n", Answer(natsConnection_Publish(o->nc, "large", data, most + 1)));
  Publish(o, "large", "still here");
  CHECK(natsConnection_Flush(o->nc));
  ShowReceived(other, sub, "after that");
  natsSubscription_Destroy(sub);
  free(data);
}

static void SlowSubscription(Observed* o, Observed* other) {
  static Counter slow = {0, true};
  natsSubscription* sub = NULL;
  CHECK(natsConnection_Subscribe(&sub, o->nc, "slow", Count, &slow));
  CHECK(natsSubscription_SetPendingLimits(sub, 10, -1));
  CHECK(natsConnection_Flush(o->nc));
  for (int i = 0; i < 200; ++i) Publish(other, "slow", "");
  CHECK(natsConnection_Flush(other->nc));
  char text[kText];
  Next(&o->errors, text);
  printf("a subscription that does not keep up: %s\n", text);
  CHECK(natsSubscription_Unsubscribe(sub));
  natsSubscription_Destroy(sub);
}

static void DrainSubscription(Observed* o, Observed* other) {
  static Counter drained = {0, true};
  natsSubscription* sub = NULL;
  CHECK(natsConnection_Subscribe(&sub, o->nc, "drained", Count, &drained));
  CHECK(natsConnection_Flush(o->nc));
  for (int i = 0; i < 50; ++i) Publish(other, "drained", "");
  CHECK(natsConnection_Flush(other->nc));
  CHECK(natsConnection_Flush(o->nc));
  CHECK(natsSubscription_Drain(sub));
  CHECK(natsSubscription_WaitForDrainCompletion(sub, kWait));
  Publish(other, "drained", "");
  CHECK(natsConnection_Flush(other->nc));
  CHECK(natsConnection_Flush(o->nc));
  printf("drained subscription: %d of 50\n", Counted(&drained));
  natsSubscription_Destroy(sub);
}

static void OnAlive(natsConnection* nc, natsSubscription* sub, natsMsg* m, void* unused) {
  CHECK(natsConnection_Publish(nc, natsMsg_GetReply(m), natsMsg_GetData(m), natsMsg_GetDataLength(m)));
  natsMsg_Destroy(m);
}

// Asks for something that breaks the connection and looks at what comes back.
static void Disturbed(Observed* o, const char* command, const char* const* events, int count) {
  char situation[kText];
  pthread_mutex_lock(&o->told.mutex);
  o->told.first = o->told.end;
  pthread_mutex_unlock(&o->told.mutex);
  printf("!%s\n", command);
  snprintf(situation, sizeof(situation), "after %.*s", (int)strcspn(command, " "), command);
  Expect(o, situation, events, count);
  natsMsg* m = NULL;
  CHECK(natsConnection_RequestString(&m, o->nc, "alive", "alive", kWait));
  printf("subscriptions are back: %.*s\n", natsMsg_GetDataLength(m), natsMsg_GetData(m));
  natsMsg_Destroy(m);
}

static void Disturbances(Observed* o, natsSubscription** alive, natsSubscription** flood) {
  static Counter ignored;
  const char* events[] = {"lame duck", "disconnected", "reconnected"};
  CHECK(natsConnection_Subscribe(alive, o->nc, "alive", OnAlive, NULL));
  CHECK(natsConnection_Subscribe(flood, o->nc, "flood", Count, &ignored));
  CHECK(natsConnection_Flush(o->nc));
  Disturbed(o, "stall flood", events + 1, 2);
  Disturbed(o, "restart", events + 1, 2);
  Disturbed(o, "kill", events + 1, 2);
  Disturbed(o, "lame-duck", events, 3);
}

static void DrainConnection(Observed* o, const char* url) {
  static Observed other;
  static Counter leaving = {0, true};
  const char* closed[] = {"closed"};
  natsSubscription* sub = NULL;
  natsMsg* m = NULL;
  CHECK(TryConnect(url, false, &other));
  CHECK(natsConnection_Subscribe(&sub, o->nc, "leaving", Count, &leaving));
  CHECK(natsConnection_Flush(o->nc));
  for (int i = 0; i < 50; ++i) Publish(&other, "leaving", "");
  CHECK(natsConnection_Flush(other.nc));
  CHECK(natsConnection_Flush(o->nc));
  CHECK(natsConnection_Drain(o->nc));
  Expect(o, "drained connection", closed, 1);
  printf("drained connection: %d of 50\n", Counted(&leaving));
  printf("publish after that: %s\n", Answer(natsConnection_PublishString(o->nc, "x", "")));
  printf("request to the one that left: %s\n",
         Answer(natsConnection_RequestString(&m, other.nc, "alive", "", kWait)));
  natsSubscription_Destroy(sub);
  Close(&other);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  static Observed o, other;
  natsSubscription *alive = NULL, *flood = NULL;
  Connecting(argv[1], argv[2], argv[3]);
  CHECK(TryConnect(argv[1], false, &o));
  CHECK(TryConnect(argv[1], false, &other));
  Publishing(&o, &other, argv[1]);
  QueueGroup(&o, &other);
  Requests(&o, &other);
  Headers(&o, &other);
  Payloads(&o, &other);
  SlowSubscription(&o, &other);
  DrainSubscription(&o, &other);
  Close(&other);
  Disturbances(&o, &alive, &flood);
  DrainConnection(&o, argv[1]);
  natsSubscription_Destroy(alive);
  natsSubscription_Destroy(flood);
  natsConnection_Destroy(o.nc);
  nats_Close();
  return 0;
}

#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

#include "jetstream/ack_ledger.h"
#include "jetstream/client_pin.h"
#include "jetstream/consumer_config.h"
#include "jetstream/environment.h"
#include "jetstream/pull_request.h"

namespace weir::jetstream {

// The pull requests that wait at a consumer (jetstream-api.md 9.9): accepts or refuses them, says
// which one the next message goes to, and answers each with its final status.
//
// Requests are served in turn: after each message a request goes behind the others. One timer
// stands for all expiries and heartbeats. Confined to the consumer's home.
class PullQueue {
 public:
  struct Request {
    std::string reply;
    int64_t left = 0;       // messages
    int64_t delivered = 0;  // messages
    int64_t max_bytes = 0;  // left; 0: no limit
    bool no_wait = false;
    int64_t expires_ns = 0;         // steady; 0: never
    int64_t heartbeat_ns = 0;       // interval; 0: none
    int64_t next_heartbeat_ns = 0;  // steady
    int64_t min_pending = 0;
    int64_t min_ack_pending = 0;
    int64_t priority = 0;
    bool pinnable = false;  // it names a group
    std::string pin_id;     // of the client that is pinned, or was
  };
  // What a message on its way looks like to the queue.
  struct Offer {
    size_t size = 0;
    uint64_t pending = 0;  // messages not yet delivered, this one included
  };

  PullQueue(Environment& env, AccountId account, const AckLedger& ledger, ClientPin& pin);
  ~PullQueue();
  PullQueue(const PullQueue&) = delete;
  PullQueue& operator=(const PullQueue&) = delete;

  // Also when the configuration changes.
  void Configure(const ConsumerConfig& config);

  // A request arrives. `available` counts the messages that could be delivered now; it is asked
  // only when that matters. True when the request waits; otherwise it has been answered.
  bool Add(std::string_view reply, std::string_view body, absl::FunctionRef<uint64_t()> available);

  bool empty() const { return requests_.empty(); }
  size_t size() const { return requests_.size(); }

  // Who receives this message; null when nobody can. Answers requests that turn out to be over.
  // Delivered() or Drop() must follow.
  Request* Pick(const Offer& offer, int64_t now_ns);
  // The message went to the picked request; finishes it when that was its last.
  void Delivered(size_t size, int64_t now_ns);
  // The picked request's inbox has no interest any more.
  void Drop();

  // Nothing is left to deliver, or nobody may have it now: requests that do not wait are over.
  void EndNoWait();
  // Ends what has expired or lost interest, at a lull also requests that do not wait; sends due
  // heartbeats.
  void Refresh(bool lull = false);
  // Ends all with this status; a shutdown says what is left of each.
  void Stop(int status, std::string_view text);

  // Steady time of the last request, delivery or expiry (jetstream-api.md 9.10).
  int64_t last_activity_ns() const { return last_activity_ns_; }
  void NoteActivity(int64_t now_ns) { last_activity_ns_ = now_ns; }
  // Is anybody waiting whose inbox still has interest?
  bool HasInterest();

 private:
  using Iterator = std::list<Request>::iterator;

  // The refusal of a request before it waits; empty when there is none.
  std::string Refusal(const PullRequest& request) const;
  void Insert(Request request);
  void SendStatus(std::string_view reply, std::string_view status);
  void SendFinal(const Request& request, std::string_view status);
  void SendHeartbeat(const Request& request);
  void Expire(Iterator at);
  static bool EndsAtLull(const Request& request);
  void EndAtLull(Iterator at);
  bool Blocked(const Request& request, const Offer& offer) const;
  // What the pin says about the request at the front.
  enum class Pinned : uint8_t {
    kGoOn,
    kOther,  // somebody else's turn
    kStale,  // it carries an id that is not valid any more
  };
  Pinned CheckPin(const Request& request) const;
  void Remove(Iterator at);
  // The front goes behind its equals.
  void Rotate();
  void Arm(int64_t due_ns);
  void ArmFor(const Request& request);
  void OnTimer();

  Environment& env_;
  const AccountId account_;
  const AckLedger& ledger_;
  ClientPin& pin_;

  size_t max_waiting_ = 0;
  int64_t max_batch_ = 0;
  int64_t max_expires_ns_ = 0;
  int64_t max_bytes_ = 0;
  PriorityPolicy policy_ = PriorityPolicy::kNone;
  std::vector<std::string> groups_;

  std::list<Request> requests_;  // the front is next
  size_t no_wait_ = 0;           // how many of them do not wait
  int64_t last_activity_ns_ = 0;
  int64_t last_refresh_ns_ = 0;
  TimerQueue::TimerId timer_;
};

}  // namespace weir::jetstream

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/executor.h"
#include "protocol/base/ids.h"
#include "server/session.h"
#include "server/target.h"

namespace weir::server {

// What one worker has for another after a turn: messages with their receivers, and tasks. The bytes
// of a message are copied once, however many of its receivers live there.
class MailBatch {
 public:
  struct Entry {
    AccountId account;
    uint32_t offset = 0;  // in the arena, of the pieces whose sizes follow, one after the other
    uint32_t subject_size = 0;
    uint32_t reply_size = 0;
    uint32_t headers_size = 0;
    uint32_t payload_size = 0;
    uint32_t client_size = 0;
    uint32_t queue_size = 0;    // for a member of a queue group, else 0
    uint32_t matched_size = 0;  // the subject that the group was found by
    uint32_t first_target = 0;
    uint32_t target_count = 0;
    uint32_t picks = 0;  // how many members were tried before this one
    protocol::WireForm form;
    bool from_client = false;
  };
  // What it takes to find another member when the one that was picked is gone.
  struct Group {
    std::string_view queue;
    std::string_view matched;
    uint32_t picks = 0;
  };

  void AddMessage(AccountId account, const Message& message, const Target* targets, size_t count);
  void AddMember(AccountId account, const Message& message, const Target& member,
                 const Group& group);
  void AddTask(Task task) { tasks_.push_back(std::move(task)); }

  Message At(const Entry& entry) const;
  Group GroupOf(const Entry& entry) const;
  const std::vector<Entry>& entries() const { return entries_; }
  const Target* targets(const Entry& entry) const { return targets_.data() + entry.first_target; }
  std::vector<Task>& tasks() { return tasks_; }
  bool empty() const { return entries_.empty() && tasks_.empty(); }
  size_t bytes() const { return arena_.size() + targets_.size() * sizeof(Target); }

 private:
  friend class Mailbox;
  std::string arena_;
  std::vector<Entry> entries_;
  std::vector<Target> targets_;
  std::vector<Task> tasks_;
  MailBatch* next_ = nullptr;
};

// The inbox of a worker: many producers, one drainer, no lock. Push is one compare-exchange loop;
// the drainer takes everything with one exchange and restores the order, so batches of one producer
// come out in the order in which they went in. Whoever finds the box empty must wake the owner;
// nobody else does.
class Mailbox {
 public:
  Mailbox() = default;
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // True when the box was empty: wake the owner. Any thread.
  bool Push(std::unique_ptr<MailBatch> batch);

  // Owner only. Oldest first.
  std::vector<std::unique_ptr<MailBatch>> Drain();
  bool empty() const { return head_.load(std::memory_order_acquire) == nullptr; }

  // Bytes pushed and not drained; above kFullBytes publishers should pause (architecture 4.5).
  bool full() const { return pending_bytes_.load(std::memory_order_relaxed) > kFullBytes; }

 private:
  static constexpr int64_t kFullBytes = 8 << 20;

  alignas(64) std::atomic<MailBatch*> head_{nullptr};
  alignas(64) std::atomic<int64_t> pending_bytes_{0};
};

}  // namespace weir::server

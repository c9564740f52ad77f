#include "server/mailbox.h"

#include <algorithm>

namespace weir::server {

void MailBatch::AddMessage(AccountId account, const Message& message, const Target* targets,
                           size_t count) {
  Entry entry{.account = account,
              .offset = static_cast<uint32_t>(arena_.size()),
              .subject_size = static_cast<uint32_t>(message.subject.size()),
              .reply_size = static_cast<uint32_t>(message.reply.size()),
              .headers_size = static_cast<uint32_t>(message.headers.size()),
              .payload_size = static_cast<uint32_t>(message.payload.size()),
              .client_size = static_cast<uint32_t>(message.client.size()),
              .queue_size = 0,
              .matched_size = 0,
              .first_target = static_cast<uint32_t>(targets_.size()),
              .target_count = static_cast<uint32_t>(count),
              .picks = 0,
              .form = message.form,
              .from_client = message.from_client};
  arena_.append(message.subject)
      .append(message.reply)
      .append(message.headers)
      .append(message.payload)
      .append(message.client);
  targets_.insert(targets_.end(), targets, targets + count);
  entries_.push_back(entry);
}

void MailBatch::AddMember(AccountId account, const Message& message, const Target& member,
                          const Group& group) {
  AddMessage(account, message, &member, 1);
  Entry& entry = entries_.back();
  entry.queue_size = static_cast<uint32_t>(group.queue.size());
  entry.matched_size = static_cast<uint32_t>(group.matched.size());
  entry.picks = group.picks;
  arena_.append(group.queue).append(group.matched);
}

MailBatch::Group MailBatch::GroupOf(const Entry& entry) const {
  std::string_view rest(arena_);
  rest.remove_prefix(entry.offset + entry.subject_size + entry.reply_size + entry.headers_size +
                     entry.payload_size + entry.client_size);
  return {.queue = rest.substr(0, entry.queue_size),
          .matched = rest.substr(entry.queue_size, entry.matched_size),
          .picks = entry.picks};
}

Message MailBatch::At(const Entry& entry) const {
  std::string_view rest(arena_);
  rest.remove_prefix(entry.offset);
  auto take = [&rest](uint32_t size) {
    std::string_view part = rest.substr(0, size);
    rest.remove_prefix(size);
    return part;
  };
  Message message;
  message.subject = take(entry.subject_size);
  message.reply = take(entry.reply_size);
  message.headers = take(entry.headers_size);
  message.payload = take(entry.payload_size);
  message.client = take(entry.client_size);
  message.form = entry.form;
  message.from_client = entry.from_client;
  return message;
}

Mailbox::~Mailbox() {
  Drain();
}

bool Mailbox::Push(std::unique_ptr<MailBatch> batch) {
  pending_bytes_.fetch_add(static_cast<int64_t>(batch->bytes()), std::memory_order_relaxed);
  MailBatch* added = batch.release();
  MailBatch* head = head_.load(std::memory_order_relaxed);
  do {
    added->next_ = head;
    // Release: the drainer's acquire sees the batch's contents.
  } while (!head_.compare_exchange_weak(head, added, std::memory_order_release,
                                        std::memory_order_relaxed));
  return head == nullptr;
}

std::vector<std::unique_ptr<MailBatch>> Mailbox::Drain() {
  std::vector<std::unique_ptr<MailBatch>> out;
  MailBatch* head = head_.exchange(nullptr, std::memory_order_acquire);
  int64_t bytes = 0;
  while (head != nullptr) {
    MailBatch* next = head->next_;
    bytes += static_cast<int64_t>(head->bytes());
    out.emplace_back(head);
    head = next;
  }
  pending_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace weir::server

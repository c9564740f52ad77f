// The part of Stream that follows other streams: mirror and sources.

#include <algorithm>
#include <utility>

#include "jetstream/direct_get.h"
#include "jetstream/origin.h"
#include "jetstream/retention.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/headers.h"

namespace weir::jetstream {

void Stream::SetOrigins() {
  const StreamConfig& config = spec_.config;
  StringMap<std::unique_ptr<Origin>> kept;
  auto keep = [&](const StreamSource& source, bool mirror) {
    std::string key = Origin::KeyOf(source);
    if (auto known = origins_.find(key); known != origins_.end()) {
      kept[key] = std::move(known->second);
      return;
    }
    OriginPosition position;
    if (mirror) {
      position.seq = store_->state().last_seq;
    } else if (auto at = positions_.find(key); at != positions_.end()) {
      position = at->second;
    }
    auto made = std::make_unique<Origin>(*this, source, mirror, std::move(position));
    made->Start();
    kept[key] = std::move(made);
  };
  if (config.mirror) {
    keep(*config.mirror, true);
  }
  for (const auto& source : config.sources) {
    keep(source, false);
  }
  origins_.swap(kept);
  for (const auto& [key, gone] : kept) {
    if (gone != nullptr) {
      gone->Forget();
    }
  }
  if (!config.mirror || !config.mirror_direct) {
    mirror_get_.reset();
  }
}

void Stream::ForgetOrigins() {
  for (const auto& [key, origin] : origins_) {
    origin->Forget();
  }
}

bool Stream::StoreMirrored(const storage::MessageView& message) {
  const auto& state = store_->state();
  if (stopped_ || !shard_.failure().ok() || message.seq <= state.last_seq) {
    return false;
  }
  size_t bytes = message.subject.size() + message.headers.size() + message.payload.size();
  if (CheckUsage(bytes) || retention_->Refusal(message) != nullptr) {
    return false;
  }
  storage::MessageView view = message;
  view.time_ns = std::max(view.time_ns, state.last_time_ns);
  if (state.messages == 0 && view.seq > state.last_seq + 1) {
    store_->TrimTo(view.seq);
    NotifyTrimmed();
  }
  Append(view, MirroredFacts(view.headers));
  staged_bytes_ += bytes;
  MarkDirty();
  return true;
}

PublishFacts Stream::MirroredFacts(std::string_view headers) const {
  PublishFacts facts;
  if (headers.empty()) {
    return facts;
  }
  const StreamConfig& config = spec_.config;
  PublishHeaders read = PublishHeaders::Read(headers);
  if (config.allow_msg_ttl && !read.ttl.empty()) {
    facts.ttl = ParseMessageTtl(read.ttl);
  }
  if (config.allow_rollup && !config.deny_purge) {
    bool all = EqualsIgnoreCase(read.rollup, "all");
    bool subject = EqualsIgnoreCase(read.rollup, "sub");
    facts.rollup = all ? Rollup::kAll : subject ? Rollup::kSubject : Rollup::kNone;
  }
  return facts;
}

void Stream::SkipMirrored(StreamSeq seq) {
  const auto& state = store_->state();
  if (state.messages == 0 && seq > state.last_seq) {
    store_->TrimTo(seq + 1);
    NotifyTrimmed();
    MarkDirty();
  }
}

void Stream::ServeMirrored() {
  const StreamConfig& config = spec_.config;
  if (config.mirror && config.mirror_direct && mirror_get_ == nullptr) {
    mirror_get_ = std::make_unique<DirectGet>(*this, config.mirror->name);
  }
}

bool Stream::StoreSourced(const Inbound& message, std::string_view key,
                          const OriginPosition& position) {
  if (stopped_ || !shard_.failure().ok() || IsCongested(message)) {
    return false;
  }
  int64_t now_ns = env().clock.wall_ns();
  PublishFacts facts = rules_.Check(message, now_ns, /*sourced=*/true);
  if (facts.verdict == PublishFacts::Verdict::kLoad) {
    // It comes again, and finds what is in memory then.
    store_->Load(facts.load, [](const Status&) {});
    return false;
  }
  if (facts.verdict == PublishFacts::Verdict::kReject) {
    return false;
  }
  if (facts.verdict == PublishFacts::Verdict::kAccept && Store(message, facts, now_ns)) {
    return false;
  }
  auto& known = positions_[std::string(key)];
  known = position;
  positions_changed_ = true;
  MarkDirty();
  return true;
}

void Stream::WriteOrigins(JsonWriter& out) const {
  const StreamConfig& config = spec_.config;
  auto write = [this, &out](const StreamSource& source) {
    std::string key = Origin::KeyOf(source);
    auto position = positions_.find(key);
    if (auto at = origins_.find(key); at != origins_.end()) {
      at->second->WriteInfo(out, position == positions_.end() ? 0 : position->second.seq);
    }
  };
  if (origins_.empty()) {
    return;
  }
  if (config.mirror) {
    out.Key("mirror");
    write(*config.mirror);
  } else {
    out.Key("sources").OpenArray();
    for (const auto& source : config.sources) {
      write(source);
    }
    out.CloseArray();
  }
}

std::string Stream::PositionsJson() const {
  if (positions_.empty()) {
    return {};
  }
  JsonWriter out;
  out.OpenObject();
  for (const auto& [key, position] : positions_) {
    out.Key(key).OpenObject().Field("seq", position.seq);
    out.Optional("identity", position.identity).CloseObject();
  }
  out.CloseObject();
  return out.Take();
}

void Stream::AdoptPositions(std::string_view stored) {
  auto value = ParseJson(stored);
  const auto* object = value.ok() ? value->if_object() : nullptr;
  const auto* positions = object == nullptr ? nullptr : object->if_contains(kPositionsField);
  if (positions == nullptr || !positions->is_object()) {
    return;
  }
  for (const auto& field : positions->get_object()) {
    if (const auto* entry = field.value().if_object()) {
      auto& position = positions_[std::string(field.key().data(), field.key().size())];
      JsonReader in(*entry);
      in.Read("seq", position.seq);
      in.Read("identity", position.identity);
    }
  }
}

}  // namespace weir::jetstream

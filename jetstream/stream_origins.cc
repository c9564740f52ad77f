// The part of Stream that follows other streams: mirror and sources.

#include <algorithm>
#include <utility>

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
    auto at = positions_.find(key);
    StreamSeq position = at == positions_.end() ? 0 : at->second;
    if (mirror) {
      position = store_->state().last_seq;
    }
    auto made = std::make_unique<Origin>(*this, source, mirror, position);
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
}

bool Stream::StoreMirrored(const storage::MessageView& message) {
  if (stopped_ || !shard_.failure().ok() || message.seq <= store_->state().last_seq) {
    return false;
  }
  size_t bytes = message.subject.size() + message.headers.size() + message.payload.size();
  if (CheckUsage(bytes) || retention_->Refusal(message) != nullptr) {
    return false;
  }
  storage::MessageView view = message;
  view.time_ns = std::max(view.time_ns, store_->state().last_time_ns);
  if (store_->state().messages == 0 && view.seq > store_->state().last_seq + 1) {
    store_->TrimTo(view.seq);
  }
  PublishFacts facts;
  if (auto ttl = protocol::FindHeader(view.headers, "Nats-TTL"); ttl && !ttl->empty()) {
    facts.ttl = ParseMessageTtl(*ttl);
  }
  Append(view, facts);
  staged_bytes_ += bytes;
  MarkDirty();
  return true;
}

bool Stream::StoreSourced(const Inbound& message) {
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
  bool taken = facts.verdict != PublishFacts::Verdict::kAccept || !Store(message, facts, now_ns);
  positions_changed_ = positions_changed_ || taken;
  if (taken) {
    MarkDirty();
  }
  return taken;
}

void Stream::WriteOrigins(JsonWriter& out) const {
  const StreamConfig& config = spec_.config;
  auto write = [this, &out](const StreamSource& source) {
    if (auto at = origins_.find(Origin::KeyOf(source)); at != origins_.end()) {
      at->second->WriteInfo(out);
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
  if (spec_.config.sources.empty()) {
    return {};
  }
  JsonWriter out;
  out.OpenObject();
  for (const auto& source : spec_.config.sources) {
    std::string key = Origin::KeyOf(source);
    auto origin = origins_.find(key);
    auto stored = positions_.find(key);
    StreamSeq position = origin != origins_.end()     ? origin->second->position()
                         : stored != positions_.end() ? stored->second
                                                      : 0;
    out.Field(key, position);
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
    const int64_t* position = field.value().if_int64();
    if (position != nullptr && *position > 0) {
      positions_[std::string(field.key().data(), field.key().size())] =
          static_cast<StreamSeq>(*position);
    }
  }
}

}  // namespace weir::jetstream

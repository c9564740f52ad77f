#include "jetstream/stream_update.h"

namespace weir::jetstream {

namespace {

ApiError Refuse(std::string_view text) {
  return MakeError(10052, text);
}

}  // namespace

ApiError CheckStreamUpdate(const StreamConfig& old, StreamConfig& updated) {
  if (updated.name != old.name) {
    return Refuse("stream configuration name must match original");
  }
  if (updated.storage != old.storage) {
    return Refuse("stream configuration update can not change storage type");
  }
  if (updated.retention != old.retention && (updated.retention == RetentionPolicy::kWorkQueue ||
                                             old.retention == RetentionPolicy::kWorkQueue)) {
    return Refuse("stream configuration update can not change retention policy to/from workqueue");
  }
  if (old.sealed && !updated.sealed) {
    return Refuse("stream configuration update can not unseal a sealed stream");
  }
  if (old.deny_delete && !updated.deny_delete) {
    return Refuse("stream configuration update can not cancel deny message deletes");
  }
  if (old.deny_purge && !updated.deny_purge) {
    return Refuse("stream configuration update can not cancel deny purge");
  }
  if (old.allow_msg_ttl && !updated.allow_msg_ttl) {
    return Refuse("message TTL status can not be disabled");
  }
  if (old.allow_msg_counter != updated.allow_msg_counter) {
    return Refuse("stream configuration update can not change message counter setting");
  }
  if (old.allow_msg_schedules && !updated.allow_msg_schedules) {
    return Refuse("message schedules can not be disabled");
  }
  if (old.persist_mode != updated.persist_mode) {
    return Refuse("stream configuration update can not change persist mode");
  }
  if (updated.mirror && old.mirror != updated.mirror) {
    return MakeError(10055);
  }
  if (updated.sealed) {
    updated.max_age_ns = 0;
    updated.discard = DiscardPolicy::kNew;
    updated.deny_delete = true;
    updated.deny_purge = true;
    updated.allow_rollup = false;
  }
  return {};
}

}  // namespace weir::jetstream

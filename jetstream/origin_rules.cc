#include "jetstream/origin_rules.h"

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "jetstream/origin.h"
#include "jetstream/stream_rules.h"
#include "protocol/base/strings.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kApi = "$JS.API";

// How the same mistakes are called in a mirror and in a source.
struct Codes {
  int consumer;
  int two_filters;
  int filter;
  int target;
  int overlap;
};
constexpr Codes kMirrorCodes{10213, 10150, 10151, 10154, 10152};
constexpr Codes kSourceCodes{10215, 10144, 10145, 10146, 10147};

bool IsName(std::string_view name) {
  return !name.empty() && name.find_first_of(" \t\r\n\f.*>\\/") == std::string_view::npos;
}

bool IsLiteral(std::string_view subject) {
  return protocol::IsValidConfigPattern(subject) && !protocol::HasWildcard(subject);
}

ApiError CheckConsumer(const StreamSource& source, const Codes& codes) {
  if (!source.consumer) {
    return {};
  }
  bool fits = IsName(source.consumer->name) && IsLiteral(source.consumer->deliver_subject) &&
              source.opt_start_seq == 0 && !source.opt_start_time_ns &&
              source.filter_subject.empty();
  return fits ? ApiError{} : MakeError(codes.consumer);
}

ApiError CheckTransforms(const StreamSource& source, const Codes& codes) {
  if (!source.filter_subject.empty() && !source.subject_transforms.empty()) {
    return MakeError(codes.two_filters);
  }
  for (const auto& transform : source.subject_transforms) {
    if (!transform.src.empty() && !protocol::IsValidConfigPattern(transform.src)) {
      return MakeError(codes.filter, Cat("invalid subject ", transform.src));
    }
    if (auto made = MakeTransform(transform); !made.ok()) {
      return MakeError(codes.target, Message(made.status()));
    }
  }
  const auto& all = source.subject_transforms;
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (protocol::Overlap(all[i].src, all[j].src)) {
        return MakeError(codes.overlap);
      }
    }
  }
  return {};
}

bool TooSmallFor(const StreamConfig& config, const StreamConfig* origin) {
  return origin != nullptr && config.max_msg_size > 0 && origin->max_msg_size > 0 &&
         config.max_msg_size < origin->max_msg_size;
}

ApiError CheckMirror(StreamConfig& config, const StreamLookup& find, bool pedantic) {
  struct Clash {
    bool there;
    int code;
  };
  const Clash clashes[] = {
      {config.first_seq > 0, 10143},       {!config.subjects.empty(), 10034},
      {!config.sources.empty(), 10031},    {config.allow_msg_counter, 10173},
      {config.allow_atomic, 10198},        {config.allow_batched, 10209},
      {config.allow_msg_schedules, 10186},
  };
  for (const auto& clash : clashes) {
    if (clash.there) {
      return MakeError(clash.code);
    }
  }
  const StreamSource& mirror = *config.mirror;
  if (auto error = CheckConsumer(mirror, kMirrorCodes)) {
    return error;
  }
  if (!mirror.filter_subject.empty() && !mirror.subject_transforms.empty()) {
    return MakeError(kMirrorCodes.two_filters);
  }
  if (config.subject_delete_marker_ttl_ns > 0) {
    return MakeError(10052, "subject delete markers forbidden on mirrors");
  }
  if (auto error = CheckTransforms(mirror, kMirrorCodes)) {
    return error;
  }
  if (mirror.external) {
    return {};
  }
  if (!IsName(mirror.name)) {
    return MakeError(10142);
  }
  const StreamConfig* origin = find(mirror.name);
  if (TooSmallFor(config, origin)) {
    return MakeError(10030);
  }
  if (origin != nullptr) {
    if (pedantic && config.mirror_direct != origin->allow_direct) {
      return MakeError(10157, "origin stream has direct get set, mirror has it disabled");
    }
    config.mirror_direct = origin->allow_direct;
  }
  return {};
}

ApiError CheckSources(const StreamConfig& config, const StreamLookup& find) {
  if (!config.sources.empty() && config.allow_msg_schedules) {
    return MakeError(10187);
  }
  std::set<std::string> keys;
  std::set<std::string> consumers;
  for (const auto& source : config.sources) {
    if (!IsName(source.name)) {
      return MakeError(10141);
    }
    if (!keys.insert(Origin::KeyOf(source)).second) {
      return MakeError(10140);
    }
    if (auto error = CheckTransforms(source, kSourceCodes)) {
      return error;
    }
    if (auto error = CheckConsumer(source, kSourceCodes)) {
      return error;
    }
    if (source.consumer && !consumers.insert(Cat(source.name, " ", source.consumer->name)).second) {
      return MakeError(10216);
    }
    if (!source.external && TooSmallFor(config, find(source.name))) {
      return MakeError(10046);
    }
  }
  return {};
}

ApiError CheckExternals(const StreamConfig& config, const StreamLookup& find) {
  std::vector<const StreamSource*> all;
  if (config.mirror) {
    all.push_back(&*config.mirror);
  }
  for (const auto& source : config.sources) {
    all.push_back(&source);
  }
  std::vector<std::string> subjects;
  for (const auto* source : all) {
    const StreamConfig* origin = source->external ? nullptr : find(source->name);
    if (origin != nullptr) {
      subjects.insert(subjects.end(), origin->subjects.begin(), origin->subjects.end());
    }
  }
  for (const auto* source : all) {
    std::string_view prefix = source->external ? source->external->deliver : std::string_view();
    if (!prefix.empty() && !IsLiteral(prefix)) {
      return MakeError(10024, prefix);
    }
    for (const auto& subject : subjects) {
      if (!prefix.empty() && protocol::Overlap(subject, Cat(prefix, ".", subject))) {
        return MakeError(10022, prefix, subject);
      }
    }
  }
  for (const auto* source : all) {
    std::string_view prefix = source->external ? source->external->api : std::string_view();
    if (prefix.empty()) {
      continue;
    }
    if (!IsLiteral(prefix)) {
      return MakeError(10052, Cat("stream external api prefix ", Quoted(prefix),
                                  " must be a valid subject without wildcards"));
    }
    if (protocol::Overlap(prefix, kApi)) {
      return MakeError(10021, prefix, kApi);
    }
  }
  return {};
}

bool Touches(const std::vector<std::string>& subjects, std::string_view filter) {
  return filter.empty() ||
         std::any_of(subjects.begin(), subjects.end(), [filter](const std::string& subject) {
           return protocol::Overlap(subject, filter);
         });
}

ApiError CheckCycles(const StreamConfig& config, const StreamLookup& find) {
  std::deque<const StreamConfig*> to_visit{&config};
  std::set<std::string> visited;
  while (!to_visit.empty()) {
    const StreamConfig& next = *to_visit.front();
    to_visit.pop_front();
    visited.insert(next.name);
    auto visit = [&](const StreamSource& source, bool mirror) {
      if (source.external) {
        return true;
      }
      if (visited.contains(source.name)) {
        return !mirror && !Touches(next.subjects, source.filter_subject);
      }
      if (const StreamConfig* origin = find(source.name)) {
        to_visit.push_back(origin);
      }
      return true;
    };
    bool fine = std::all_of(next.sources.begin(), next.sources.end(),
                            [&](const StreamSource& source) { return visit(source, false); });
    if (!fine || (next.mirror && !visit(*next.mirror, true))) {
      return MakeError(10052, "detected cycle");
    }
  }
  return {};
}

}  // namespace

ApiError CheckOrigins(StreamConfig& config, const StreamLookup& lookup, bool pedantic) {
  auto find = [&lookup](std::string_view name) {
    return lookup ? lookup(name) : nullptr;
  };
  if (config.mirror) {
    if (auto error = CheckMirror(config, find, pedantic)) {
      return error;
    }
  }
  if (auto error = CheckSources(config, find)) {
    return error;
  }
  if (auto error = CheckExternals(config, find)) {
    return error;
  }
  return CheckCycles(config, find);
}

}  // namespace weir::jetstream

#include "storage/stream_index.h"

#include <algorithm>
#include <utility>

#include "protocol/base/status.h"
#include "protocol/base/strings.h"
#include "protocol/subject.h"

namespace weir::storage {

namespace {

constexpr uint64_t kMessagesMask = (uint64_t{1} << 40) - 1;
constexpr uint64_t kMostBytes = (uint64_t{1} << 20) - 1;
constexpr size_t kSamples = 256;

}  // namespace

StreamIndex::SubjectId StreamIndex::Find(std::string_view subject, uint32_t tag) const {
  SubjectId found = kNoSubject;
  ids_.Find(tag, [&](SubjectId id) {
    found = text(id) == subject ? id : kNoSubject;
    return found != kNoSubject;
  });
  return found;
}

StreamIndex::SubjectId StreamIndex::Add(std::string_view subject, StreamSeq seq, uint64_t bytes) {
  latest_seq_ = seq;
  latest_bytes_ = bytes > kMostBytes ? 0 : bytes;
  if (latest_ != kNoSubject && text(latest_) == subject) {
    Grow(latest_, seq);
    return latest_;
  }
  uint32_t tag = IdIndex::TagOf(StringHash{}(subject));
  latest_ = Find(subject, tag);
  if (latest_ != kNoSubject) {
    Grow(latest_, seq);
  } else {
    latest_ = NewSubject(subject, tag, seq);
  }
  return latest_;
}

StreamIndex::SubjectId StreamIndex::NewSubject(std::string_view subject, uint32_t tag,
                                               StreamSeq seq) {
  SubjectId id = kNoSubject;
  if (free_.empty()) {
    id = static_cast<SubjectId>(entries_.size());
    entries_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Entry& entry = entries_[id];
  entry.first = seq;
  entry.last = seq;
  entry.messages = 1;
  entry.first_bytes = latest_bytes_ & kMostBytes;
  entry.first_exact = 1;
  entry.last_exact = 1;
  entry.listed = 1;
  entry.tag = tag;
  entry.text = texts_.Add(subject);
  ids_.Insert(tag, id);
  return id;
}

StreamIndex::Middle* StreamIndex::MiddleOf(SubjectId id) {
  return entries_[id].has_middle != 0 ? middles_.find(id)->second.get() : nullptr;
}

void StreamIndex::DropMiddle(SubjectId id) {
  if (entries_[id].has_middle != 0) {
    middles_.erase(id);
    entries_[id].has_middle = 0;
  }
}

// The subject's last message so far becomes one between first and last.
void StreamIndex::NoteMiddle(SubjectId id, StreamSeq seq) {
  Entry& entry = entries_[id];
  if (entry.has_middle == 0) {
    auto fresh = std::make_unique<Middle>();
    fresh->base = seq;
    middles_[id] = std::move(fresh);
    entry.has_middle = 1;
  }
  Middle* middle = MiddleOf(id);
  StreamSeq distance = seq - middle->base;
  if (entry.messages >= kMaxListed || distance > UINT32_MAX) {
    DropMiddle(id);
    entry.listed = 0;
  } else {
    middle->distances.push_back(static_cast<uint32_t>(distance));
  }
}

void StreamIndex::Grow(SubjectId id, StreamSeq seq) {
  Entry& entry = entries_[id];
  if (entry.listed != 0 && entry.messages >= 2) {
    NoteMiddle(id, entry.last);
  }
  entry.messages = (entry.messages + 1) & kMessagesMask;
  entry.last = seq;
  entry.last_exact = 1;
}

void StreamIndex::ShrinkListed(SubjectId id, StreamSeq seq) {
  Entry& entry = entries_[id];
  Middle* middle = MiddleOf(id);
  if (seq == entry.first) {
    if (middle == nullptr) {
      entry.first = entry.last;
      return;
    }
    entry.first = middle->base + middle->distances.front();
    middle->distances.erase(middle->distances.begin());
  } else if (seq == entry.last) {
    if (middle == nullptr) {
      entry.last = entry.first;
      return;
    }
    entry.last = middle->base + middle->distances.back();
    middle->distances.pop_back();
  } else if (middle != nullptr && seq >= middle->base) {
    auto& list = middle->distances;
    auto at = std::lower_bound(list.begin(), list.end(), seq - middle->base);
    if (at != list.end() && middle->base + *at == seq) {
      list.erase(at);
    }
  }
  if (middle != nullptr && middle->distances.empty()) {
    DropMiddle(id);
  }
}

void StreamIndex::Shrink(SubjectId id, StreamSeq seq) {
  Entry& entry = entries_[id];
  entry.messages = (entry.messages - 1) & kMessagesMask;
  if (seq == entry.first) {
    entry.first_bytes = 0;
  }
  if (entry.listed != 0) {
    ShrinkListed(id, seq);
    if (entry.first == latest_seq_) {
      entry.first_bytes = latest_bytes_ & kMostBytes;
    }
    return;
  }
  if (seq == entry.first) {
    entry.first = seq + 1;
    entry.first_exact = 0;
  }
  if (seq == entry.last) {
    entry.last = seq - 1;
    entry.last_exact = 0;
  }
}

void StreamIndex::Remove(std::string_view subject, StreamSeq seq) {
  SubjectId id = FindId(subject);
  if (id != kNoSubject) {
    Remove(id, seq);
  }
}

void StreamIndex::Remove(SubjectId id, StreamSeq seq) {
  if (entries_[id].messages <= 1) {
    Forget(id);
  } else {
    Shrink(id, seq);
  }
}

void StreamIndex::Forget(SubjectId id) {
  Entry& entry = entries_[id];
  ids_.Erase(entry.tag, id);
  texts_.Free(entry.text);
  entry.messages = 0;
  DropMiddle(id);
  free_.push_back(id);
  if (latest_ == id) {
    latest_ = kNoSubject;
  }
  if (texts_.wasteful()) {
    CompactTexts();
  }
}

void StreamIndex::CompactTexts() {
  SubjectText fresh;
  for (Entry& entry : entries_) {
    if (entry.messages != 0) {
      entry.text = fresh.Add(texts_.At(entry.text));
    }
  }
  texts_ = std::move(fresh);
}

void StreamIndex::Clear() {
  latest_ = kNoSubject;
  ids_.Clear();
  entries_.clear();
  entries_.shrink_to_fit();
  free_.clear();
  free_.shrink_to_fit();
  middles_.clear();
  texts_ = SubjectText();
}

StreamIndex::SubjectId StreamIndex::FindId(std::string_view subject) const {
  if (latest_ != kNoSubject && text(latest_) == subject) {
    return latest_;
  }
  return Find(subject, IdIndex::TagOf(StringHash{}(subject)));
}

StreamIndex::Bounds StreamIndex::bounds(SubjectId id) const {
  const Entry& entry = entries_[id];
  Bounds out;
  out.first = entry.first;
  out.last = entry.last;
  out.messages = entry.messages;
  out.first_exact = entry.first_exact != 0;
  out.last_exact = entry.last_exact != 0;
  return out;
}

std::optional<StreamIndex::Bounds> StreamIndex::Find(std::string_view subject) const {
  SubjectId id = FindId(subject);
  if (id == kNoSubject) {
    return std::nullopt;
  }
  return bounds(id);
}

uint64_t StreamIndex::BytesOfFirst(SubjectId id, StreamSeq seq) const {
  const Entry& entry = entries_[id];
  return entry.first_exact != 0 && entry.first == seq ? entry.first_bytes : 0;
}

void StreamIndex::SetFirst(SubjectId id, StreamSeq first) {
  if (entries_[id].first != first) {
    entries_[id].first_bytes = 0;
  }
  entries_[id].first = first;
  entries_[id].first_exact = 1;
}

void StreamIndex::SetLast(SubjectId id, StreamSeq last) {
  entries_[id].last = last;
  entries_[id].last_exact = 1;
}

std::optional<StreamSeq> StreamIndex::NextOf(SubjectId id, StreamSeq from) const {
  const Entry& entry = entries_[id];
  if (from > entry.last) {
    return 0;
  }
  if (entry.first_exact != 0 && from <= entry.first) {
    return entry.first;
  }
  if (entry.listed == 0) {
    return std::nullopt;
  }
  if (entry.has_middle != 0) {
    const Middle& middle = *middles_.find(id)->second;
    StreamSeq distance = from > middle.base ? from - middle.base : 0;
    auto at = std::lower_bound(middle.distances.begin(), middle.distances.end(), distance);
    if (at != middle.distances.end()) {
      return middle.base + *at;
    }
  }
  return entry.last;
}

std::optional<std::vector<StreamIndex::Listed>> StreamIndex::List(
    const std::vector<SubjectId>& ids) const {
  std::vector<Listed> out;
  for (SubjectId id : ids) {
    const Entry& entry = entries_[id];
    if (entry.listed == 0) {
      return std::nullopt;
    }
    out.push_back({entry.first, id});
    if (entry.has_middle != 0) {
      const Middle& middle = *middles_.find(id)->second;
      for (uint32_t distance : middle.distances) {
        out.push_back({middle.base + distance, id});
      }
    }
    if (entry.last != entry.first) {
      out.push_back({entry.last, id});
    }
  }
  auto earlier = [](const Listed& a, const Listed& b) {
    return a.seq < b.seq;
  };
  if (!std::is_sorted(out.begin(), out.end(), earlier)) {
    std::sort(out.begin(), out.end(), earlier);
  }
  return out;
}

bool StreamIndex::ManyMatch(const protocol::PatternMatcher& matcher) const {
  if (entries_.size() < kSamples * 4) {
    return true;
  }
  size_t matches = 0;
  for (size_t i = 0; i < kSamples; ++i) {
    const Entry& entry = entries_[entries_.size() / kSamples * i];
    matches += entry.messages != 0 && matcher.Match(texts_.At(entry.text)) ? 1 : 0;
  }
  return matches > kSamples / 64;
}

void StreamIndex::ForEach(std::string_view pattern,
                          const std::function<bool(SubjectId)>& visit) const {
  bool all = pattern.empty() || pattern == ">";
  if (!all && !protocol::HasWildcard(pattern)) {
    SubjectId id = FindId(pattern);
    if (id != kNoSubject) {
      visit(id);
    }
    return;
  }
  // In the order in which they lie in memory: the table's own costs two cache misses a subject.
  const protocol::PatternMatcher matcher{std::string(all ? ">" : pattern)};
  if (!all && !ManyMatch(matcher)) {
    texts_.ForEach([&](SubjectText::Ref ref, std::string_view subject) {
      if (!matcher.Match(subject)) {
        return true;
      }
      const SubjectId id = FindId(subject);
      // Else a freed text.
      return id == kNoSubject || entries_[id].text != ref || visit(id);
    });
    return;
  }
  SubjectId id = 0;
  for (const Entry& entry : entries_) {
    if (entry.messages != 0 && (all || matcher.Match(texts_.At(entry.text))) && !visit(id)) {
      return;
    }
    ++id;
  }
}

size_t StreamIndex::memory_bytes() const {
  return entries_.size() * sizeof(Entry) + ids_.capacity() * sizeof(uint64_t) +
         texts_.memory_bytes() + middles_.capacity() * sizeof(void*) * 2;
}

}  // namespace weir::storage

#include "storage/sequence_set.h"

#include <algorithm>
#include <bit>

namespace weir::storage {

namespace {

constexpr char kFormWhole = 1;
constexpr char kFormList = 2;
constexpr char kFormBitmap = 3;

// Bits [from, to] of one word.
uint64_t Mask(uint32_t from, uint32_t to) {
  uint64_t upper = to == 63 ? ~uint64_t{0} : (uint64_t{1} << (to + 1)) - 1;
  return upper & ~((uint64_t{1} << from) - 1);
}

template <typename F>
void ForEachWord(uint32_t from, uint32_t to, F&& f) {
  for (uint32_t word = from / 64; word <= to / 64; ++word) {
    uint32_t low = word == from / 64 ? from % 64 : 0;
    uint32_t high = word == to / 64 ? to % 64 : 63;
    f(word, Mask(low, high));
  }
}

uint32_t PositionOf(StreamSeq seq) {
  return static_cast<uint32_t>(seq % SequenceSet::kPageSize);
}

}  // namespace

SequenceSet& SequenceSet::operator=(const SequenceSet& other) {
  if (this != &other) {
    whole_ = other.whole_;
    partial_.clear();
    for (const auto& [number, page] : other.partial_) {
      partial_.emplace_hint(partial_.end(), number, std::make_unique<Page>(*page));
    }
    size_ = other.size_;
  }
  return *this;
}

const SequenceSet::Page* SequenceSet::FindPage(StreamSeq page) const {
  auto found = partial_.find(page);
  return found == partial_.end() ? nullptr : found->second.get();
}

StreamSeq SequenceSet::WholeRunEnd(StreamSeq page) const {
  auto next = whole_.upper_bound(page);
  if (next == whole_.begin()) {
    return 0;
  }
  --next;
  return next->second > page ? next->second : 0;
}

void SequenceSet::MarkWhole(StreamSeq first, StreamSeq end) {
  auto at = whole_.upper_bound(first);
  if (at != whole_.begin()) {
    auto before = std::prev(at);
    if (before->second >= first) {
      first = before->first;
      end = std::max(end, before->second);
      at = whole_.erase(before);
    }
  }
  while (at != whole_.end() && at->first <= end) {
    end = std::max(end, at->second);
    at = whole_.erase(at);
  }
  whole_.emplace(first, end);
}

uint64_t SequenceSet::InsertInPage(StreamSeq page, uint32_t from, uint32_t to) {
  if (WholeRunEnd(page) != 0) {
    return 0;
  }
  std::unique_ptr<Page>& slot = partial_[page];
  if (slot == nullptr) {
    slot = std::make_unique<Page>();
  }
  uint32_t added = 0;
  ForEachWord(from, to, [&](uint32_t word, uint64_t mask) {
    added += static_cast<uint32_t>(std::popcount(mask & ~slot->words[word]));
    slot->words[word] |= mask;
  });
  slot->count += added;
  size_ += added;
  if (slot->count == kPageSize) {
    partial_.erase(page);
    MarkWhole(page, page + 1);
  }
  return added;
}

uint64_t SequenceSet::InsertWholePages(StreamSeq first, StreamSeq last) {
  uint64_t present = CountIn(first * kPageSize, last * kPageSize + kPageSize - 1);
  uint64_t added = (last - first + 1) * kPageSize - present;
  partial_.erase(partial_.lower_bound(first), partial_.upper_bound(last));
  MarkWhole(first, last + 1);
  size_ += added;
  return added;
}

uint64_t SequenceSet::InsertRange(StreamSeq first, StreamSeq last) {
  constexpr uint32_t kLastPosition = kPageSize - 1;
  StreamSeq first_page = PageOf(first);
  StreamSeq last_page = PageOf(last);
  if (first_page == last_page) {
    return InsertInPage(first_page, PositionOf(first), PositionOf(last));
  }
  uint64_t added = InsertInPage(first_page, PositionOf(first), kLastPosition);
  if (last_page - first_page > 1) {
    added += InsertWholePages(first_page + 1, last_page - 1);
  }
  return added + InsertInPage(last_page, 0, PositionOf(last));
}

void SequenceSet::EraseBelow(StreamSeq seq) {
  if (size_ == 0 || seq == 0) {
    return;
  }
  StreamSeq page = PageOf(seq);
  for (auto at = partial_.begin(); at != partial_.end() && at->first < page;
       at = partial_.erase(at)) {
    size_ -= at->second->count;
  }
  for (auto at = whole_.begin(); at != whole_.end() && at->first < page;) {
    StreamSeq end = at->second;
    size_ -= (std::min(end, page) - at->first) * kPageSize;
    at = whole_.erase(at);
    if (end > page) {
      whole_.emplace(page, end);
      break;
    }
  }
  if (PositionOf(seq) == 0) {
    return;
  }
  if (auto run = whole_.find(page); run != whole_.end()) {
    // The page is split: its lower part goes, the rest becomes a bitmap.
    StreamSeq end = run->second;
    whole_.erase(run);
    if (end > page + 1) {
      whole_.emplace(page + 1, end);
    }
    size_ -= kPageSize;
    InsertInPage(page, PositionOf(seq), kPageSize - 1);
  } else if (auto found = partial_.find(page); found != partial_.end()) {
    Page& bits = *found->second;
    uint32_t dropped = 0;
    ForEachWord(0, PositionOf(seq) - 1, [&](uint32_t word, uint64_t mask) {
      dropped += static_cast<uint32_t>(std::popcount(bits.words[word] & mask));
      bits.words[word] &= ~mask;
    });
    bits.count -= dropped;
    size_ -= dropped;
    if (bits.count == 0) {
      partial_.erase(found);
    }
  }
}

void SequenceSet::Clear() {
  whole_.clear();
  partial_.clear();
  size_ = 0;
}

bool SequenceSet::Contains(StreamSeq seq) const {
  if (size_ == 0) {
    return false;
  }
  if (const Page* page = FindPage(PageOf(seq)); page != nullptr) {
    uint32_t position = PositionOf(seq);
    return (page->words[position / 64] >> (position % 64) & 1) != 0;
  }
  return WholeRunEnd(PageOf(seq)) != 0;
}

uint64_t SequenceSet::CountIn(StreamSeq first, StreamSeq last) const {
  if (size_ == 0 || first > last) {
    return 0;
  }
  uint64_t count = 0;
  for (auto at = partial_.lower_bound(PageOf(first));
       at != partial_.end() && at->first <= PageOf(last); ++at) {
    StreamSeq base = at->first * kPageSize;
    if (first <= base && last >= base + kPageSize - 1) {
      count += at->second->count;
      continue;
    }
    uint32_t from = first > base ? PositionOf(first) : 0;
    uint32_t to = last < base + kPageSize - 1 ? PositionOf(last) : kPageSize - 1;
    ForEachWord(from, to, [&](uint32_t word, uint64_t mask) {
      count += static_cast<uint64_t>(std::popcount(at->second->words[word] & mask));
    });
  }
  auto run = whole_.upper_bound(PageOf(first));
  if (run != whole_.begin()) {
    --run;
  }
  for (; run != whole_.end() && run->first <= PageOf(last); ++run) {
    StreamSeq from = std::max(first, run->first * kPageSize);
    StreamSeq to = std::min(last, run->second * kPageSize - 1);
    if (from <= to) {
      count += to - from + 1;
    }
  }
  return count;
}

StreamSeq SequenceSet::NextAbsent(StreamSeq from) const {
  if (size_ == 0) {
    return from;
  }
  while (true) {
    StreamSeq page = PageOf(from);
    if (const Page* bits = FindPage(page); bits != nullptr) {
      for (uint32_t word = PositionOf(from) / 64; word < kWords; ++word) {
        uint64_t absent = ~bits->words[word];
        if (word == PositionOf(from) / 64) {
          absent &= ~uint64_t{0} << (from % 64);
        }
        if (absent != 0) {
          return page * kPageSize + word * 64 + static_cast<uint32_t>(std::countr_zero(absent));
        }
      }
      from = (page + 1) * kPageSize;
    } else if (StreamSeq end = WholeRunEnd(page); end != 0) {
      from = end * kPageSize;
    } else {
      return from;
    }
  }
}

StreamSeq SequenceSet::Last() const {
  StreamSeq last = whole_.empty() ? 0 : whole_.rbegin()->second * kPageSize - 1;
  if (!partial_.empty() && partial_.rbegin()->first * kPageSize >= last) {
    const auto& [number, page] = *partial_.rbegin();
    for (uint32_t word = kWords; word-- > 0;) {
      if (page->words[word] != 0) {
        return number * kPageSize + word * 64 + 63 -
               static_cast<uint32_t>(std::countl_zero(page->words[word]));
      }
    }
  }
  return last;
}

StreamSeq SequenceSet::PreviousAbsent(StreamSeq from) const {
  while (from != 0 && Contains(from)) {
    StreamSeq page = PageOf(from);
    auto run = whole_.upper_bound(page);
    if (run != whole_.begin() && std::prev(run)->second > page) {
      StreamSeq base = std::prev(run)->first * kPageSize;
      from = base == 0 ? 0 : base - 1;
    } else {
      --from;
    }
  }
  return from;
}

StreamSeq SequenceSet::NthAbsent(StreamSeq from, uint64_t n) const {
  // Whole gaps of the set are skipped page by page: the answer is n - 1 absent ones further on.
  StreamSeq at = NextAbsent(from);
  while (n > 1) {
    StreamSeq page_end = (PageOf(at) + 1) * kPageSize - 1;
    uint64_t absent = page_end - at + 1 - CountIn(at, page_end);
    if (absent < n) {
      n -= absent;
      at = NextAbsent(page_end + 1);
      auto next = partial_.lower_bound(PageOf(at));
      auto next_whole = whole_.lower_bound(PageOf(at));
      StreamSeq clear_until = UINT64_MAX;
      if (next != partial_.end()) {
        clear_until = next->first * kPageSize;
      }
      if (next_whole != whole_.end()) {
        clear_until = std::min(clear_until, next_whole->first * kPageSize);
      }
      if (clear_until > at) {
        uint64_t step = std::min(n - 1, clear_until - at - 1);
        at += step;
        n -= step;
      }
    } else {
      at = NextAbsent(at + 1);
      --n;
    }
  }
  return at;
}

SequenceSet SequenceSet::Slice(StreamSeq first, StreamSeq last) const {
  SequenceSet out;
  if (size_ == 0 || first > last) {
    return out;
  }
  for (auto at = partial_.lower_bound(PageOf(first));
       at != partial_.end() && at->first <= PageOf(last); ++at) {
    auto page = std::make_unique<Page>(*at->second);
    if (at->first == PageOf(last) && PositionOf(last) + 1 < kPageSize) {
      ForEachWord(PositionOf(last) + 1, kPageSize - 1,
                  [&](uint32_t word, uint64_t mask) { page->words[word] &= ~mask; });
      page->count = 0;
      for (uint64_t word : page->words) {
        page->count += static_cast<uint32_t>(std::popcount(word));
      }
    }
    if (page->count > 0) {
      out.size_ += page->count;
      out.partial_.emplace_hint(out.partial_.end(), at->first, std::move(page));
    }
  }
  auto run = whole_.upper_bound(PageOf(first));
  if (run != whole_.begin()) {
    --run;
  }
  for (; run != whole_.end() && run->first <= PageOf(last); ++run) {
    StreamSeq from = std::max(first, run->first * kPageSize);
    StreamSeq to = std::min(last, run->second * kPageSize - 1);
    if (from <= to) {
      out.InsertRange(from, to);
    }
  }
  out.EraseBelow(first);
  return out;
}

std::vector<SequenceSet::Run> SequenceSet::Runs(size_t limit) const {
  std::vector<Run> runs;
  auto add = [&](StreamSeq first, StreamSeq last) {
    if (!runs.empty() && runs.back().second + 1 == first) {
      runs.back().second = last;
    } else {
      runs.emplace_back(first, last);
    }
  };
  auto page = partial_.begin();
  auto whole = whole_.begin();
  while (page != partial_.end() || whole != whole_.end()) {
    if (whole != whole_.end() && (page == partial_.end() || whole->first < page->first)) {
      add(whole->first * kPageSize, whole->second * kPageSize - 1);
      ++whole;
    } else {
      for (uint32_t word = 0; word < kWords; ++word) {
        for (uint64_t bits = page->second->words[word]; bits != 0;) {
          auto low = static_cast<uint32_t>(std::countr_zero(bits));
          auto length = static_cast<uint32_t>(std::countr_one(bits >> low));
          StreamSeq first = page->first * kPageSize + word * 64 + low;
          add(first, first + length - 1);
          bits &= ~Mask(low, low + length - 1);
        }
      }
      ++page;
    }
    if (runs.size() > limit) {
      break;
    }
  }
  if (runs.size() > limit) {
    runs.resize(limit);
  }
  return runs;
}

std::string SequenceSet::EncodePage(StreamSeq page) const {
  const Page* bits = FindPage(page);
  if (bits == nullptr) {
    return WholeRunEnd(page) != 0 ? std::string(1, kFormWhole) : std::string();
  }
  std::string out;
  if (bits->count <= 56) {
    out.push_back(kFormList);
    for (uint32_t word = 0; word < kWords; ++word) {
      for (uint64_t rest = bits->words[word]; rest != 0; rest &= rest - 1) {
        uint32_t position = word * 64 + static_cast<uint32_t>(std::countr_zero(rest));
        out.push_back(static_cast<char>(position & 0xff));
        out.push_back(static_cast<char>(position >> 8));
      }
    }
    return out;
  }
  out.push_back(kFormBitmap);
  for (uint64_t word : bits->words) {
    for (int shift = 0; shift < 64; shift += 8) {
      out.push_back(static_cast<char>(word >> shift & 0xff));
    }
  }
  return out;
}

bool SequenceSet::MergePage(StreamSeq page, std::string_view bytes) {
  if (bytes.empty()) {
    return false;
  }
  char form = bytes.front();
  bytes.remove_prefix(1);
  auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i]));
  };
  if (form == kFormWhole && bytes.empty()) {
    InsertInPage(page, 0, kPageSize - 1);
    return true;
  }
  if (form == kFormList && bytes.size() % 2 == 0) {
    for (size_t i = 0; i < bytes.size(); i += 2) {
      if ((byte(i) | byte(i + 1) << 8) >= kPageSize) {
        return false;
      }
    }
    for (size_t i = 0; i < bytes.size(); i += 2) {
      uint32_t position = byte(i) | byte(i + 1) << 8;
      InsertInPage(page, position, position);
    }
    return true;
  }
  if (form == kFormBitmap && bytes.size() == kPageSize / 8) {
    for (uint32_t i = 0; i < kPageSize; ++i) {
      if ((byte(i / 8) >> (i % 8) & 1) != 0) {
        InsertInPage(page, i, i);
      }
    }
    return true;
  }
  return false;
}

}  // namespace weir::storage

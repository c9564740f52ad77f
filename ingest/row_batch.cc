#include "ingest/row_batch.h"

#include <algorithm>
#include <cstring>

namespace weir::ingest {

std::string_view BadRowName(BadRow kind) {
  switch (kind) {
    case BadRow::kDecode:
      return "decode";
    case BadRow::kContract:
      return "contract";
    case BadRow::kUnrepresentable:
      return "unrepresentable";
    case BadRow::kSink:
      return "sink";
  }
  return "decode";
}

void RowBatch::Clear() {
  rows_.clear();
  for (auto& column : columns_) {
    column.clear();
  }
  output_.clear();
  rejected_.clear();
  excluded_.clear();
  excluded_count_ = 0;
  bytes_ = 0;
  first_ = 0;
  last_ = 0;
  pins_.clear();
  // One large value must not hold its memory for ever.
  std::erase_if(chunks_, [](const Chunk& chunk) { return chunk.size > kChunkSize; });
  chunk_ = 0;
  used_ = 0;
}

void RowBatch::Pin(const SharedBytes& bytes) {
  // The messages of one block come one after the other and share their bytes.
  if (!bytes.empty() && (pins_.empty() || pins_.back().view().data() != bytes.view().data())) {
    pins_.push_back(bytes);
  }
}

char* RowBatch::Reserve(size_t size) {
  while (chunk_ < chunks_.size() && chunks_[chunk_].size - used_ < size) {
    ++chunk_;
    used_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    size_t chunk_size = std::max(size, kChunkSize);
    chunks_.push_back(Chunk{std::make_unique_for_overwrite<char[]>(chunk_size), chunk_size});
    used_ = 0;
  }
  return chunks_[chunk_].data.get() + used_;
}

void RowBatch::CommitReserved(size_t used) {
  used_ += used;
}

std::string_view RowBatch::Keep(std::string_view bytes) {
  char* to = Reserve(bytes.size());
  if (!bytes.empty()) {
    std::memcpy(to, bytes.data(), bytes.size());
  }
  CommitReserved(bytes.size());
  return {to, bytes.size()};
}

bool RowBatch::Set(size_t field, const Cell& cell) {
  if (field >= columns_.size()) {
    columns_.resize(field + 1);
  }
  auto& column = columns_[field];
  size_t row = rows_.size() - 1;
  if (column.size() == row) [[likely]] {
    column.push_back(cell);
    return true;
  }
  if (column.size() > row) {
    column[row] = cell;
    return false;
  }
  column.resize(row);
  column.push_back(cell);
  return true;
}

void RowBatch::RejectRow(BadRow kind, std::string reason) {
  size_t row = rows_.size() - 1;
  for (auto& column : columns_) {
    if (column.size() > row) {
      column.resize(row);
    }
  }
  bytes_ += rows_.back().payload.size() + kRowOverhead;
  rejected_.push_back(RejectedRow{rows_.back(), kind, std::move(reason)});
  rows_.pop_back();
}

void RowBatch::Pad() {
  for (auto& column : columns_) {
    column.resize(rows_.size());
  }
}

void RowBatch::Exclude(size_t row, BadRow kind, std::string reason) {
  if (excluded_.empty()) {
    excluded_.resize(rows_.size());
  }
  if (excluded_[row] != 0) {
    return;
  }
  excluded_[row] = 1;
  ++excluded_count_;
  rejected_.push_back(RejectedRow{rows_[row], kind, std::move(reason)});
}

}  // namespace weir::ingest

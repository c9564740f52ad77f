#include "jetstream/stream_archive.h"

#include "protocol/base/strings.h"
#include "protocol/base/varint.h"

namespace weir::jetstream {

namespace {

Status Invalid() {
  return DataLoss("archive: invalid archive stream");
}

}  // namespace

void AppendArchiveEntry(std::string& out, const ArchiveEntry& entry) {
  AppendVarint(out, entry.name.size());
  AppendSignedVarint(out, entry.time_ns);
  AppendVarint(out, entry.seq);
  AppendVarint(out, entry.header_size);
  AppendVarint(out, entry.payload_size);
  out.append(entry.name);
}

StatusOr<ArchiveReader::Step> ArchiveReader::Next() {
  WEIR_RETURN_IF_ERROR(status_);
  if (!begun_) {
    if (input_.size() < kArchiveMagic.size()) {
      return Step::kNeedInput;
    }
    if (!input_.starts_with(kArchiveMagic)) {
      return status_ = Invalid();
    }
    begun_ = true;
    at_ = kArchiveMagic.size();
  }
  std::string_view rest = std::string_view(input_).substr(at_);
  VarintReader in(rest);
  uint64_t name_size = in.Next();
  ArchiveEntry entry;
  entry.time_ns = in.NextSigned();
  entry.seq = in.Next();
  entry.header_size = in.Next();
  entry.payload_size = in.Next();
  bool complete = in.ok();
  if (!complete && !in.ran_out()) {
    return status_ = Invalid();
  }
  if (complete) {
    if (name_size > kMaxArchiveName) {
      return status_ = Invalid();
    }
    uint64_t max = entry.seq == 0 ? kMaxArchiveDocument : max_message_;
    if (entry.header_size > max || entry.payload_size > max - entry.header_size) {
      return status_ = ResourceExhausted(entry.seq == 0 ? std::string("archive: entry is too large")
                                                        : Cat("message sequence ", entry.seq,
                                                              " exceeds maximum payload size"));
    }
    complete = in.rest().size() >= name_size + entry.header_size + entry.payload_size;
  }
  if (!complete) {
    input_.erase(0, at_);
    at_ = 0;
    return Step::kNeedInput;
  }
  entry.name = in.rest().substr(0, name_size);
  parts_ = in.rest().substr(name_size, entry.header_size + entry.payload_size);
  at_ = input_.size() - in.rest().size() + name_size + parts_.size();
  entry_ = entry;
  return Step::kEntry;
}

}  // namespace weir::jetstream

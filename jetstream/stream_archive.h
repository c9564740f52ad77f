#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/status.h"

namespace weir::jetstream {

// The archive that a backup is, inside its S2 stream (jetstream-api.md 8): kArchiveMagic, then
// entries. An entry is the length of its name, its time (signed), its sequence and the sizes of its
// two parts as variable-length numbers, then the name and the parts. Entries, in order:
//   "state.json"        the stream's state; says how many consumers follow
//   "consumers/<name>"  a consumer's configuration and state, as JSON
//   <subject>           a message with its sequence; the parts are headers and payload
//   ""                  with everything 0: the end. Without it the archive has been cut off.

inline constexpr std::string_view kArchiveMagic = "NATSARC1";
inline constexpr size_t kMaxArchiveName = 1 << 20;
// What an entry that is no message may have.
inline constexpr size_t kMaxArchiveDocument = 64 << 20;

struct ArchiveEntry {
  std::string_view name;
  int64_t time_ns = 0;
  uint64_t seq = 0;
  uint64_t header_size = 0;
  uint64_t payload_size = 0;
};

// Appends the entry; the bytes of its parts are to be appended behind it.
void AppendArchiveEntry(std::string& out, const ArchiveEntry& entry);

// Reads an archive that arrives in pieces. Holds what is unread and the bytes of one entry.
class ArchiveReader {
 public:
  // `max_message`: what headers and payload of a message may have together.
  explicit ArchiveReader(uint64_t max_message) : max_message_(max_message) {}

  // Decoded bytes are appended here.
  std::string& input() { return input_; }

  enum class Step : uint8_t { kEntry, kNeedInput };
  // Goes on to the next entry. Views into it live until the next call. Errors are final.
  StatusOr<Step> Next();
  const ArchiveEntry& entry() const { return entry_; }
  std::string_view headers() const { return parts_.substr(0, entry_.header_size); }
  std::string_view payload() const { return parts_.substr(entry_.header_size); }

  // Is nothing left that has not been handed out?
  bool at_boundary() const { return at_ == input_.size(); }

 private:
  std::string input_;
  size_t at_ = 0;  // in input_: what comes next
  bool begun_ = false;
  const uint64_t max_message_;
  ArchiveEntry entry_;
  std::string_view parts_;
  Status status_;
};

}  // namespace weir::jetstream

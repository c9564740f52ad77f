#pragma once

// What to export, from where, into what, and how: one ExportSpec per export, whether it comes from
// the server's configuration, a workflow file or a request (export.md 5.1). As JSON it has the
// same keys as a block of `exports { … }`.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "ingest/column_type.h"
#include "protocol/base/ids.h"
#include "protocol/base/status.h"

namespace weir::ingest {

enum class Layout : uint8_t { kColumns, kEnvelope, kRaw };
enum class Strategy : uint8_t { kAppend, kMerge };
enum class BadRowPolicy : uint8_t { kFail, kSkip, kDlq };
enum class Contract : uint8_t { kEvolve, kFreeze, kDiscardRow, kDiscardValue };
enum class TypeDrift : uint8_t { kWiden, kDlq };
enum class OnGap : uint8_t { kContinue, kFail };
enum class OnRecreate : uint8_t { kFail, kRestart };

std::string_view LayoutName(Layout layout);
std::string_view StrategyName(Strategy strategy);
std::string_view BadRowPolicyName(BadRowPolicy policy);

// Where an export without a saved position begins.
struct StartRule {
  enum class Kind : uint8_t { kEarliest, kNew, kSequence, kTime };
  Kind kind = Kind::kEarliest;
  StreamSeq sequence = 0;  // the first one wanted
  int64_t time_ns = 0;     // messages at or after it
};
// "earliest", "new", "sequence:N", "time:RFC3339".
StatusOr<StartRule> ParseStartRule(std::string_view text);
std::string ToString(const StartRule& rule);

// When an export is done.
struct StopRule {
  enum class Kind : uint8_t { kNever, kLatest, kSequence, kTime, kMessages, kIdle };
  Kind kind = Kind::kNever;
  StreamSeq sequence = 0;  // the last one wanted
  int64_t time_ns = 0;     // messages before it
  uint64_t messages = 0;   // matching messages, counted from the start of the run
  int64_t idle_ns = 0;     // without a new message
};
// "never", "latest" (the end of the stream as it is when the run starts), "sequence:N",
// "time:RFC3339", "messages:N", "idle:30s".
StatusOr<StopRule> ParseStopRule(std::string_view text);
std::string ToString(const StopRule& rule);

struct ExportSpec {
  std::string name;     // letters, digits, '-', '_'; also names the consumer and the position
  std::string account;  // empty: the account of whoever asks, or the global one
  std::string address;  // where the source is; empty: this server

  std::string stream;
  std::vector<std::string> subjects;  // filters, not overlapping; empty: everything
  StartRule start;
  StopRule stop;

  Layout layout = Layout::kColumns;
  std::string sink;   // address with secrets
  std::string table;  // "schema.table" or "table"
  Strategy strategy = Strategy::kAppend;
  std::vector<std::string> primary_key;  // merge only
  bool create_table = true;

  size_t batch_rows = 20'000;
  size_t batch_bytes = size_t{16} << 20;
  int64_t batch_interval_ns = 1'000'000'000;

  BadRowPolicy on_bad_row = BadRowPolicy::kDlq;
  uint64_t max_bad_rows = 0;  // per run; 0: no limit
  Contract contract = Contract::kEvolve;
  TypeDrift type_drift = TypeDrift::kWiden;
  std::vector<ColumnSpec> type_hints;
  size_t max_columns = 500;
  OnGap on_gap = OnGap::kContinue;
  OnRecreate on_recreate = OnRecreate::kFail;
};

// Reads and checks a spec. Unknown keys are errors with a did-you-mean; what this version cannot do
// yet (replace, other layouts) is refused by name. Placeholders are not resolved here.
StatusOr<ExportSpec> SpecFromJson(std::string_view name, const boost::json::object& object);

// The checks that need no file: names, subjects, keys that contradict each other.
Status CheckSpec(const ExportSpec& spec);

// The same keys again. With `masked`, secrets in addresses are shown as ***.
boost::json::object SpecToJson(const ExportSpec& spec, bool masked);

// Sizes with the units of the server's configuration: 16MB, 64k.
std::optional<uint64_t> ParseSize(std::string_view text);

// The known word closest to a mistyped one, "" when nothing is close.
std::string_view ClosestWord(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace weir::ingest

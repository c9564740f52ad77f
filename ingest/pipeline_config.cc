#include "ingest/pipeline_config.h"

#include <algorithm>
#include <array>

#include <boost/json/serialize.hpp>

#include "ingest/address.h"
#include "protocol/base/json.h"
#include "protocol/base/strings.h"
#include "protocol/subject.h"

namespace weir::ingest {
namespace {

namespace json = boost::json;

template <typename T>
struct Word {
  std::string_view name;
  T value;
};

constexpr auto kLayouts = std::to_array<Word<Layout>>(
    {{"columns", Layout::kColumns}, {"envelope", Layout::kEnvelope}, {"raw", Layout::kRaw}});
constexpr auto kStrategies =
    std::to_array<Word<Strategy>>({{"append", Strategy::kAppend}, {"merge", Strategy::kMerge}});
constexpr auto kBadRowPolicies = std::to_array<Word<BadRowPolicy>>(
    {{"fail", BadRowPolicy::kFail}, {"skip", BadRowPolicy::kSkip}, {"dlq", BadRowPolicy::kDlq}});
constexpr auto kContracts =
    std::to_array<Word<Contract>>({{"evolve", Contract::kEvolve},
                                   {"freeze", Contract::kFreeze},
                                   {"discard_row", Contract::kDiscardRow},
                                   {"discard_value", Contract::kDiscardValue}});
constexpr auto kTypeDrifts =
    std::to_array<Word<TypeDrift>>({{"widen", TypeDrift::kWiden}, {"dlq", TypeDrift::kDlq}});
constexpr auto kOnGaps =
    std::to_array<Word<OnGap>>({{"continue", OnGap::kContinue}, {"fail", OnGap::kFail}});
constexpr auto kOnRecreates = std::to_array<Word<OnRecreate>>(
    {{"fail", OnRecreate::kFail}, {"restart", OnRecreate::kRestart}});

// Words that the design names and this version does not do.
bool IsPlanned(std::string_view word) {
  constexpr auto kPlanned =
      std::to_array<std::string_view>({"flatten", "ingestr", "ingestr-stream", "replace",
                                       "delete+insert", "scd2", "variant", "last_per_subject"});
  return std::find(kPlanned.begin(), kPlanned.end(), word) != kPlanned.end();
}

template <typename T, size_t N>
std::string_view NameOf(T value, const std::array<Word<T>, N>& words) {
  for (const auto& word : words) {
    if (word.value == value) {
      return word.name;
    }
  }
  return {};
}

template <typename T, size_t N>
Status ParseWord(std::string_view key, std::string_view text, const std::array<Word<T>, N>& words,
                 T& out) {
  std::vector<std::string_view> known;
  for (const auto& word : words) {
    if (word.name == text) {
      out = word.value;
      return OkStatus();
    }
    known.push_back(word.name);
  }
  if (IsPlanned(text)) {
    return Unimplemented(Cat(key, ": ", Quoted(text), " is not supported yet"));
  }
  std::string message = Cat(key, ": ", Quoted(text), " is not one of");
  for (std::string_view name : known) {
    message.append(" ").append(name);
  }
  if (std::string_view closest = ClosestWord(text, known); !closest.empty()) {
    message.append(Cat(" (did you mean ", Quoted(closest), "?)"));
  }
  return InvalidArgument(message);
}

// Reads the members of one JSON object; remembers the first error and which keys exist.
class Reader {
 public:
  explicit Reader(const json::object& object, std::string_view prefix = {})
      : object_(object), prefix_(prefix) {}

  const json::value* Find(std::string_view key) {
    known_.push_back(key);
    auto at = object_.find({key.data(), key.size()});
    return at == object_.end() || at->value().is_null() ? nullptr : &at->value();
  }

  void Text(std::string_view key, std::string& out) {
    if (const json::value* value = Find(key)) {
      if (value->is_string()) {
        out.assign(value->get_string().data(), value->get_string().size());
      } else {
        Fail(key, "must be a string");
      }
    }
  }
  void Flag(std::string_view key, bool& out) {
    if (const json::value* value = Find(key)) {
      if (value->is_bool()) {
        out = value->get_bool();
      } else {
        Fail(key, "must be true or false");
      }
    }
  }
  template <typename T>
  void Number(std::string_view key, T& out, uint64_t least) {
    const json::value* value = Find(key);
    if (value == nullptr) {
      return;
    }
    std::optional<uint64_t> number;
    if (value->is_int64() && value->get_int64() >= 0) {
      number = static_cast<uint64_t>(value->get_int64());
    } else if (value->is_uint64()) {
      number = value->get_uint64();
    } else if (value->is_string()) {
      number = ParseSize({value->get_string().data(), value->get_string().size()});
    }
    if (!number || *number < least) {
      Fail(key, Cat("must be a number of at least ", least));
      return;
    }
    out = static_cast<T>(*number);
  }
  void Duration(std::string_view key, int64_t& out_ns) {
    std::string text;
    const json::value* value = Find(key);
    if (value == nullptr) {
      return;
    }
    if (value->is_string()) {
      text.assign(value->get_string().data(), value->get_string().size());
    }
    auto parsed = ParseDuration(text);
    if (!parsed || *parsed <= 0) {
      Fail(key, "must be a duration with its unit, such as 500ms or 10s");
      return;
    }
    out_ns = *parsed;
  }
  // An array of strings, or one string (with commas between the parts).
  void List(std::string_view key, std::vector<std::string>& out) {
    const json::value* value = Find(key);
    if (value == nullptr) {
      return;
    }
    out.clear();
    if (value->is_string()) {
      std::string_view text(value->get_string().data(), value->get_string().size());
      for (std::string_view part : Split(text, ',')) {
        if (!TrimSpace(part).empty()) {
          out.emplace_back(TrimSpace(part));
        }
      }
      return;
    }
    if (!value->is_array()) {
      Fail(key, "must be a list of strings");
      return;
    }
    for (const json::value& item : value->get_array()) {
      if (!item.is_string()) {
        Fail(key, "must be a list of strings");
        return;
      }
      out.emplace_back(item.get_string().data(), item.get_string().size());
    }
  }
  template <typename T, size_t N>
  void Choice(std::string_view key, const std::array<Word<T>, N>& words, T& out) {
    std::string text;
    Text(key, text);
    if (!text.empty()) {
      Keep(ParseWord(Cat(prefix_, key), text, words, out));
    }
  }
  template <typename Rule, typename Parse>
  void Parsed(std::string_view key, Parse parse, Rule& out) {
    std::string text;
    Text(key, text);
    if (text.empty()) {
      return;
    }
    auto rule = parse(text);
    if (rule.ok()) {
      out = *rule;
    } else {
      Keep(rule.status());
    }
  }
  const json::object* Object(std::string_view key) {
    const json::value* value = Find(key);
    if (value != nullptr && !value->is_object()) {
      Fail(key, "must be a block");
      return nullptr;
    }
    return value == nullptr ? nullptr : &value->get_object();
  }

  void Fail(std::string_view key, std::string_view what) {
    Keep(InvalidArgument(Cat(prefix_, key, " ", what)));
  }
  void Keep(const Status& status) {
    if (status_.ok()) {
      status_ = status;
    }
  }

  Status Finish() {
    for (const auto& member : object_) {
      std::string_view key(member.key().data(), member.key().size());
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) {
        continue;
      }
      std::string message = Cat("unknown key ", Quoted(Cat(prefix_, key)));
      if (std::string_view closest = ClosestWord(key, known_); !closest.empty()) {
        message.append(Cat(", did you mean ", Quoted(closest), "?"));
      }
      Keep(InvalidArgument(message));
    }
    return status_;
  }

 private:
  const json::object& object_;
  const std::string_view prefix_;
  std::vector<std::string_view> known_;
  Status status_;
};

// What follows "sequence:", "time:" …; nullopt when the rule is another one.
std::optional<std::string_view> Argument(std::string_view text, std::string_view name) {
  if (text.size() > name.size() && text.starts_with(name) && text[name.size()] == ':') {
    return text.substr(name.size() + 1);
  }
  return std::nullopt;
}

template <typename T>
Status ReadArgument(std::string_view text, std::optional<T> value, std::string_view wanted,
                    T& out) {
  if (!value) {
    return InvalidArgument(Cat(Quoted(text), " needs ", wanted));
  }
  out = *value;
  return OkStatus();
}

Status ReadHints(const json::object& object, std::vector<ColumnSpec>& out) {
  for (const auto& member : object) {
    std::string_view column(member.key().data(), member.key().size());
    if (!member.value().is_string()) {
      return InvalidArgument(Cat("type_hints.", column, " must be a type name"));
    }
    std::string_view text(member.value().get_string().data(), member.value().get_string().size());
    auto type = ParseColumnType(text);
    if (!type) {
      return InvalidArgument(Cat("type_hints.", column, ": unknown type ", Quoted(text)));
    }
    out.push_back(ColumnSpec{std::string(column), *type});
  }
  return OkStatus();
}

Status CheckSubjects(const ExportSpec& spec) {
  for (size_t i = 0; i < spec.subjects.size(); ++i) {
    if (!protocol::IsValidConfigPattern(spec.subjects[i])) {
      return InvalidArgument(Cat(Quoted(spec.subjects[i]), " is not a valid subject filter"));
    }
    for (size_t j = 0; j < i; ++j) {
      if (protocol::Overlap(spec.subjects[i], spec.subjects[j])) {
        return InvalidArgument(Cat("the subject filters ", Quoted(spec.subjects[j]), " and ",
                                   Quoted(spec.subjects[i]), " overlap"));
      }
    }
  }
  return OkStatus();
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({row[j - 1] + 1, above + 1, change});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view LayoutName(Layout layout) {
  return NameOf(layout, kLayouts);
}
std::string_view StrategyName(Strategy strategy) {
  return NameOf(strategy, kStrategies);
}
std::string_view BadRowPolicyName(BadRowPolicy policy) {
  return NameOf(policy, kBadRowPolicies);
}

std::string_view ClosestWord(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (std::string_view candidate : known) {
    size_t distance = EditDistance(ToLower(word), candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::optional<uint64_t> ParseSize(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    ++digits;
  }
  auto number = ParseNumber<uint64_t>(text.substr(0, digits));
  if (!number) {
    return std::nullopt;
  }
  std::string unit = ToLower(text.substr(digits));
  // As in the server's configuration: "k" is a thousand, "kb" and "kib" are 1,024.
  constexpr std::string_view kUnits = "kmgt";
  if (unit.empty()) {
    return number;
  }
  size_t power = kUnits.find(unit[0]);
  std::string_view rest = std::string_view(unit).substr(1);
  if (power == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib")) {
    return std::nullopt;
  }
  uint64_t value = *number;
  for (size_t i = 0; i <= power; ++i) {
    uint64_t factor = rest.empty() ? 1000 : 1024;
    if (value > UINT64_MAX / factor) {
      return std::nullopt;
    }
    value *= factor;
  }
  return value;
}

StatusOr<StartRule> ParseStartRule(std::string_view text) {
  StartRule rule;
  if (text == "earliest") {
    return rule;
  }
  if (text == "new") {
    rule.kind = StartRule::Kind::kNew;
    return rule;
  }
  if (auto argument = Argument(text, "sequence")) {
    rule.kind = StartRule::Kind::kSequence;
    WEIR_RETURN_IF_ERROR(
        ReadArgument(text, ParseNumber<uint64_t>(*argument), "a number", rule.sequence));
    return rule;
  }
  if (auto argument = Argument(text, "time")) {
    rule.kind = StartRule::Kind::kTime;
    WEIR_RETURN_IF_ERROR(ReadArgument(text, ParseTime(*argument),
                                      "a time such as 2026-01-31T00:00:00Z", rule.time_ns));
    return rule;
  }
  if (IsPlanned(text)) {
    return Unimplemented(Cat("start: ", Quoted(text), " is not supported yet"));
  }
  return InvalidArgument(
      Cat("start: ", Quoted(text), " is not one of earliest new sequence:N time:T"));
}

std::string ToString(const StartRule& rule) {
  switch (rule.kind) {
    case StartRule::Kind::kEarliest:
      return "earliest";
    case StartRule::Kind::kNew:
      return "new";
    case StartRule::Kind::kSequence:
      return Cat("sequence:", rule.sequence);
    case StartRule::Kind::kTime:
      return Cat("time:", FormatTime(rule.time_ns));
  }
  return {};
}

StatusOr<StopRule> ParseStopRule(std::string_view text) {
  StopRule rule;
  if (text == "never") {
    return rule;
  }
  if (text == "latest") {
    rule.kind = StopRule::Kind::kLatest;
    return rule;
  }
  if (auto argument = Argument(text, "sequence")) {
    rule.kind = StopRule::Kind::kSequence;
    WEIR_RETURN_IF_ERROR(
        ReadArgument(text, ParseNumber<uint64_t>(*argument), "a number", rule.sequence));
    return rule;
  }
  if (auto argument = Argument(text, "messages")) {
    rule.kind = StopRule::Kind::kMessages;
    WEIR_RETURN_IF_ERROR(
        ReadArgument(text, ParseNumber<uint64_t>(*argument), "a number", rule.messages));
    return rule;
  }
  if (auto argument = Argument(text, "time")) {
    rule.kind = StopRule::Kind::kTime;
    WEIR_RETURN_IF_ERROR(ReadArgument(text, ParseTime(*argument),
                                      "a time such as 2026-01-31T00:00:00Z", rule.time_ns));
    return rule;
  }
  if (auto argument = Argument(text, "idle")) {
    rule.kind = StopRule::Kind::kIdle;
    WEIR_RETURN_IF_ERROR(
        ReadArgument(text, ParseDuration(*argument), "a duration such as 30s", rule.idle_ns));
    return rule;
  }
  return InvalidArgument(Cat("stop: ", Quoted(text),
                             " is not one of never latest sequence:N messages:N time:T idle:D"));
}

std::string ToString(const StopRule& rule) {
  switch (rule.kind) {
    case StopRule::Kind::kNever:
      return "never";
    case StopRule::Kind::kLatest:
      return "latest";
    case StopRule::Kind::kSequence:
      return Cat("sequence:", rule.sequence);
    case StopRule::Kind::kTime:
      return Cat("time:", FormatTime(rule.time_ns));
    case StopRule::Kind::kMessages:
      return Cat("messages:", rule.messages);
    case StopRule::Kind::kIdle:
      return Cat("idle:", FormatDuration(rule.idle_ns));
  }
  return {};
}

Status CheckSpec(const ExportSpec& spec) {
  if (spec.name.empty()) {
    return InvalidArgument("the export has no name");
  }
  for (char c : spec.name) {
    bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '-' || c == '_';
    if (!allowed) {
      return InvalidArgument(Cat("the export's name ", Quoted(spec.name),
                                 " may hold letters, digits, '-' and '_' only"));
    }
  }
  for (auto [key, value] : {std::pair{"stream", &spec.stream}, std::pair{"sink", &spec.sink},
                            std::pair{"table", &spec.table}}) {
    if (value->empty()) {
      return InvalidArgument(Cat("export ", spec.name, ": ", key, " is missing"));
    }
  }
  WEIR_RETURN_IF_ERROR(Annotate(CheckSubjects(spec), Cat("export ", spec.name)));
  if (spec.strategy == Strategy::kMerge && spec.primary_key.empty()) {
    return InvalidArgument(Cat("export ", spec.name, ": strategy merge needs a primary_key"));
  }
  if (spec.strategy == Strategy::kMerge && spec.layout != Layout::kColumns) {
    return InvalidArgument(Cat("export ", spec.name, ": strategy merge needs layout columns"));
  }
  return OkStatus();
}

StatusOr<ExportSpec> SpecFromJson(std::string_view name, const json::object& object) {
  ExportSpec spec;
  spec.name = std::string(name);
  Reader in(object);
  in.Text("name", spec.name);
  in.Text("account", spec.account);
  in.Text("address", spec.address);
  in.Text("stream", spec.stream);
  in.List("subjects", spec.subjects);
  in.Parsed("start", ParseStartRule, spec.start);
  in.Parsed("stop", ParseStopRule, spec.stop);
  in.Choice("layout", kLayouts, spec.layout);
  in.Text("sink", spec.sink);
  in.Text("table", spec.table);
  in.Choice("strategy", kStrategies, spec.strategy);
  in.List("primary_key", spec.primary_key);
  in.Flag("create_table", spec.create_table);
  in.Choice("contract", kContracts, spec.contract);
  in.Choice("type_drift", kTypeDrifts, spec.type_drift);
  in.Number("max_columns", spec.max_columns, 1);
  in.Choice("on_gap", kOnGaps, spec.on_gap);
  in.Choice("on_recreate", kOnRecreates, spec.on_recreate);
  if (const json::object* batch = in.Object("batch")) {
    Reader inner(*batch, "batch.");
    inner.Number("rows", spec.batch_rows, 1);
    inner.Number("bytes", spec.batch_bytes, 1);
    inner.Duration("interval", spec.batch_interval_ns);
    in.Keep(inner.Finish());
  }
  if (const json::object* errors = in.Object("errors")) {
    Reader inner(*errors, "errors.");
    inner.Choice("on_bad_row", kBadRowPolicies, spec.on_bad_row);
    inner.Number("max_bad_rows", spec.max_bad_rows, 0);
    in.Keep(inner.Finish());
  }
  if (const json::object* hints = in.Object("type_hints")) {
    in.Keep(ReadHints(*hints, spec.type_hints));
  }
  if (Status status = in.Finish(); !status.ok()) {
    return Annotate(status, Cat("export ", spec.name));
  }
  WEIR_RETURN_IF_ERROR(CheckSpec(spec));
  return spec;
}

json::object SpecToJson(const ExportSpec& spec, bool masked) {
  auto text = [](std::string_view view) {
    return json::string(view.data(), view.size());
  };
  auto address = [&](const std::string& value) {
    return masked ? MaskAddress(value) : value;
  };
  auto list = [](const std::vector<std::string>& values) {
    json::array out;
    for (const std::string& value : values) {
      out.emplace_back(value);
    }
    return out;
  };
  json::object out;
  out["name"] = spec.name;
  if (!spec.account.empty()) {
    out["account"] = spec.account;
  }
  if (!spec.address.empty()) {
    out["address"] = address(spec.address);
  }
  out["stream"] = spec.stream;
  out["subjects"] = list(spec.subjects);
  out["start"] = ToString(spec.start);
  out["stop"] = ToString(spec.stop);
  out["layout"] = text(LayoutName(spec.layout));
  out["sink"] = address(spec.sink);
  out["table"] = spec.table;
  out["strategy"] = text(StrategyName(spec.strategy));
  out["primary_key"] = list(spec.primary_key);
  out["create_table"] = spec.create_table;
  out["contract"] = text(NameOf(spec.contract, kContracts));
  out["type_drift"] = text(NameOf(spec.type_drift, kTypeDrifts));
  out["max_columns"] = spec.max_columns;
  out["on_gap"] = text(NameOf(spec.on_gap, kOnGaps));
  out["on_recreate"] = text(NameOf(spec.on_recreate, kOnRecreates));
  out["batch"] = json::object{{"rows", spec.batch_rows},
                              {"bytes", spec.batch_bytes},
                              {"interval", FormatDuration(spec.batch_interval_ns)}};
  out["errors"] = json::object{{"on_bad_row", text(BadRowPolicyName(spec.on_bad_row))},
                               {"max_bad_rows", spec.max_bad_rows}};
  if (!spec.type_hints.empty()) {
    json::object hints;
    for (const ColumnSpec& hint : spec.type_hints) {
      hints[hint.name] = text(ColumnTypeName(hint.type));
    }
    out["type_hints"] = std::move(hints);
  }
  return out;
}

}  // namespace weir::ingest

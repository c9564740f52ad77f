#include "ingest/decoder.h"

#include <cstring>
#include <optional>
#include <string>

#include <simdjson.h>

#include "ingest/json_text.h"
#include "protocol/base/json.h"
#include "protocol/headers.h"

namespace weir::ingest {
namespace {

namespace ondemand = simdjson::ondemand;

// Fields of the fixed layouts, in the order of FixedColumns().
constexpr size_t kData = 0;
constexpr size_t kEncoding = 1;
constexpr size_t kEnvelopeHeaders = 2;
constexpr size_t kRawHeaders = 1;

std::string_view TrimBlanks(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                            token.back() == '\t')) {
    token.remove_suffix(1);
  }
  return token;
}

// {"key":["value", …], …}, keys in the order of their first line. A block that is not UTF-8 becomes
// {"base64":"…"}: JSON cannot hold it otherwise.
std::string HeadersAsJson(std::string_view headers) {
  if (!IsUtf8(headers)) {
    return Cat("{\"base64\":\"", Base64Encode(headers), "\"}");
  }
  std::vector<std::pair<std::string_view, std::vector<std::string>>> lines;
  for (protocol::HeaderCursor cursor(headers); cursor.Next();) {
    auto at = lines.begin();
    while (at != lines.end() && at->first != cursor.key()) {
      ++at;
    }
    if (at == lines.end()) {
      at = lines.emplace(at, cursor.key(), std::vector<std::string>{});
    }
    at->second.emplace_back(cursor.value());
  }
  JsonWriter out;
  out.OpenObject();
  for (const auto& [key, values] : lines) {
    out.Strings(key, values);
  }
  out.CloseObject();
  return out.Take();
}

}  // namespace

// The layout `columns`: a walk over the object with simdjson On-Demand. Its index of the document's
// structure and its check of UTF-8 are what it is used for; scalars are judged here, since a token
// must be exact JSON and a number must not pass through a float.
class Decoder::Json {
 public:
  Json(FieldTable& fields, size_t max_fields) : fields_(fields), max_fields_(max_fields) {}

  void Decode(const storage::StoredMessage& message, RowBatch& batch) {
    expected_ = 0;
    had_duplicate_ = false;
    reason_ = nullptr;
    const char* error = Walk(Padded(message, batch), batch);
    if (error != nullptr) {
      batch.RejectRow(kind_, error);
      return;
    }
    batch.FinishRow();
    duplicate_keys_ += had_duplicate_ ? 1 : 0;
  }

  uint64_t duplicate_keys() const { return duplicate_keys_; }

 private:
  // simdjson reads up to SIMDJSON_PADDING bytes behind the text. Where the message's own buffer
  // goes on that far the text stays where it is; otherwise it is copied.
  simdjson::padded_string_view Padded(const storage::StoredMessage& message, RowBatch& batch) {
    std::string_view payload = message.view.payload;
    std::string_view keep = message.keep.view();
    const char* end = payload.data() + payload.size();
    bool inside = !keep.empty() && payload.data() >= keep.data() &&
                  end + simdjson::SIMDJSON_PADDING <= keep.data() + keep.size();
    if (inside) {
      return simdjson::padded_string_view(payload.data(), payload.size(),
                                          payload.size() + simdjson::SIMDJSON_PADDING);
    }
    size_t size = payload.size() + simdjson::SIMDJSON_PADDING;
    char* copy = batch.Reserve(size);
    std::memcpy(copy, payload.data(), payload.size());
    std::memset(copy + payload.size(), ' ', simdjson::SIMDJSON_PADDING);
    batch.CommitReserved(size);
    return simdjson::padded_string_view(copy, payload.size(), size);
  }

  // nullptr when the row is complete, else what is wrong (and kind_).
  const char* Walk(simdjson::padded_string_view text, RowBatch& batch) {
    kind_ = BadRow::kDecode;
    std::string_view start = TrimSpace(std::string_view(text.data(), text.size()));
    if (start.empty()) {
      return "empty payload";
    }
    if (start.front() != '{') {
      return IsJsonValue(start) && IsUtf8(start)
                 ? "layout columns needs a JSON object, and the payload is another JSON value"
                 : "not JSON";
    }
    ondemand::document document;
    simdjson::error_code code = parser_.iterate(text).get(document);
    if (code != simdjson::SUCCESS) {
      return code == simdjson::UTF8_ERROR ? "invalid UTF-8" : simdjson::error_message(code);
    }
    ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) {
      return "not one complete JSON object";
    }
    for (auto entry : object) {
      ondemand::field field;
      if (std::move(entry).get(field) != simdjson::SUCCESS || !Field(field, batch)) {
        return reason_ != nullptr ? reason_ : "not valid JSON";
      }
    }
    // Anything but the end here is a second document or garbage behind the object.
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      return "bytes behind the JSON object";
    }
    return nullptr;
  }

  bool Field(ondemand::field& field, RowBatch& batch) {
    size_t index = FieldIndex(field);
    if (index == FieldTable::kNone) {
      return false;
    }
    Cell cell;
    if (!Value(field.value(), batch, cell)) {
      return false;
    }
    if (!batch.Set(index, cell)) {
      had_duplicate_ = true;
    }
    return true;
  }

  // Publishers write their fields in the same order every time, so the next field of the table is
  // tried before the hash.
  size_t FieldIndex(ondemand::field& field) {
    const char* raw = field.key().raw();
    if (expected_ < fields_.size()) {
      const std::string& name = fields_.name(expected_);
      if (plain_[expected_] && std::memcmp(raw, name.data(), name.size()) == 0 &&
          raw[name.size()] == '"') {
        return expected_++;
      }
    }
    std::string_view name;
    if (field.unescaped_key().get(name) != simdjson::SUCCESS) {
      reason_ = "a key with an invalid escape";
      return FieldTable::kNone;
    }
    size_t index = fields_.Find(name);
    if (index == FieldTable::kNone) {
      if (fields_.size() >= max_fields_) {
        kind_ = BadRow::kContract;
        reason_ = "more distinct fields than max_columns allows";
        return FieldTable::kNone;
      }
      index = fields_.Add(name);
      // A name that needs escapes is found by its unescaped form only.
      bool plain = name.find_first_of("\\\"") == std::string_view::npos &&
                   name.size() < simdjson::SIMDJSON_PADDING;
      plain_.push_back(plain);
    }
    expected_ = index + 1;
    return index;
  }

  bool Value(ondemand::value value, RowBatch& batch, Cell& cell) {
    std::string_view token = TrimBlanks(value.raw_json_token());
    if (token.empty()) {
      return false;
    }
    switch (token.front()) {
      case '"':
        return String(value, token, batch, cell);
      case '{':
      case '[':
        return Nested(value, cell);
      case 't':
        cell = Cell::Integer(1, CellKind::kBool);
        return token == "true";
      case 'f':
        cell = Cell::Integer(0, CellKind::kBool);
        return token == "false";
      case 'n':
        return token == "null";
      default:
        cell = ParseJsonNumber(token);
        return cell.kind != CellKind::kNull;
    }
  }

  bool String(ondemand::value& value, std::string_view token, RowBatch& batch, Cell& cell) {
    if (token.size() < 2 || token.back() != '"') {
      return false;
    }
    std::string_view inner = token.substr(1, token.size() - 2);
    if (inner.find('\\') == std::string_view::npos) {
      cell = Cell::Bytes(inner, CellKind::kText);
      return true;
    }
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) {
      kind_ = BadRow::kUnrepresentable;
      reason_ = "a string with an invalid escape or half a surrogate pair";
      return false;
    }
    // The parser's own buffer is gone with the next document.
    cell = Cell::Bytes(batch.Keep(text), CellKind::kText);
    return true;
  }

  bool Nested(ondemand::value& value, Cell& cell) {
    std::string_view raw;
    ondemand::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) {
      return false;
    }
    simdjson::error_code code = type == ondemand::json_type::array
                                    ? NestedText<ondemand::array>(value.get_array(), raw)
                                    : NestedText<ondemand::object>(value.get_object(), raw);
    // On-Demand only skips over what is inside.
    if (code != simdjson::SUCCESS || !IsJsonValue(raw)) {
      return false;
    }
    cell = Cell::Bytes(TrimBlanks(raw), CellKind::kJson);
    return true;
  }
  template <typename Container>
  static simdjson::error_code NestedText(simdjson::simdjson_result<Container> found,
                                         std::string_view& out) {
    Container container;
    if (simdjson::error_code code = std::move(found).get(container); code != simdjson::SUCCESS) {
      return code;
    }
    return container.raw_json().get(out);
  }

  FieldTable& fields_;
  const size_t max_fields_;
  ondemand::parser parser_;
  std::vector<bool> plain_;  // by field: the raw key can be compared
  size_t expected_ = 0;
  bool had_duplicate_ = false;
  uint64_t duplicate_keys_ = 0;
  BadRow kind_ = BadRow::kDecode;
  const char* reason_ = nullptr;
};

Decoder::Decoder(Layout layout, FieldTable& fields, size_t max_fields) : layout_(layout) {
  if (layout == Layout::kColumns) {
    json_ = std::make_unique<Json>(fields, max_fields);
    return;
  }
  for (const ColumnSpec& column : FixedColumns(layout)) {
    fields.Add(column.name);
  }
}

Decoder::~Decoder() = default;

std::vector<ColumnSpec> Decoder::FixedColumns(Layout layout) {
  switch (layout) {
    case Layout::kColumns:
      return {};
    case Layout::kEnvelope:
      return {{"data", ColumnType::kText},
              {"encoding", ColumnType::kText},
              {"headers", ColumnType::kJson}};
    case Layout::kRaw:
      return {{"payload", ColumnType::kBinary}, {"headers", ColumnType::kBinary}};
  }
  return {};
}

uint64_t Decoder::duplicate_keys() const {
  return json_ == nullptr ? 0 : json_->duplicate_keys();
}

void Decoder::Decode(const storage::StoredMessage& message, RowBatch& batch) {
  batch.Pin(message.keep);
  batch.BeginRow(message.view);
  switch (layout_) {
    case Layout::kColumns:
      json_->Decode(message, batch);
      return;
    case Layout::kEnvelope:
      DecodeEnvelope(message.view, batch);
      return;
    case Layout::kRaw:
      DecodeRaw(message.view, batch);
      return;
  }
}

void Decoder::DecodeEnvelope(const storage::MessageView& message, RowBatch& batch) {
  std::string_view payload = message.payload;
  bool utf8 = IsUtf8(payload);
  if (!utf8) {
    batch.Set(kData, Cell::Bytes(batch.Keep(Base64Encode(payload)), CellKind::kText));
    batch.Set(kEncoding, Cell::Bytes("base64", CellKind::kText));
  } else {
    batch.Set(kData, Cell::Bytes(payload, CellKind::kText));
    batch.Set(kEncoding, Cell::Bytes(IsJsonValue(payload) ? "json" : "text", CellKind::kText));
  }
  if (!message.headers.empty()) {
    batch.Set(kEnvelopeHeaders,
              Cell::Bytes(batch.Keep(HeadersAsJson(message.headers)), CellKind::kJson));
  }
  batch.FinishRow();
}

void Decoder::DecodeRaw(const storage::MessageView& message, RowBatch& batch) {
  batch.Set(kData, Cell::Bytes(message.payload, CellKind::kBinary));
  if (!message.headers.empty()) {
    batch.Set(kRawHeaders, Cell::Bytes(message.headers, CellKind::kBinary));
  }
  batch.FinishRow();
}

}  // namespace weir::ingest

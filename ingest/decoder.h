#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "ingest/pipeline_config.h"
#include "ingest/row_batch.h"
#include "storage/stream_store.h"

namespace weir::ingest {

// Turns messages into rows of a batch, one layout each (export.md 5.1):
//
//   columns   the payload is one JSON object, its fields become columns; nested values stay JSON
//             text. Anything else, trailing bytes included, is a bad row.
//   envelope  `data`, `encoding` ("json", "text" or "base64"), `headers`; every payload fits.
//   raw       `payload` and `headers`, byte for byte.
//
// Integers beyond int64 become decimals, never floats; of duplicate keys the last wins and the
// event is counted; a lone surrogate or invalid UTF-8 is a bad row in `columns`. Fields are
// assigned in `fields` as they appear; a message that would take them beyond `max_fields` is bad.
//
// One thread at a time. `fields` must outlive the decoder.
class Decoder {
 public:
  Decoder(Layout layout, FieldTable& fields, size_t max_fields);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Adds one row, or one rejected row. The batch keeps the message's bytes.
  void Decode(const storage::StoredMessage& message, RowBatch& batch);

  // Messages that named a field twice.
  uint64_t duplicate_keys() const;

  // The columns of a layout whose columns do not depend on the payload; empty for `columns`.
  static std::vector<ColumnSpec> FixedColumns(Layout layout);

 private:
  class Json;

  void DecodeEnvelope(const storage::MessageView& message, RowBatch& batch);
  void DecodeRaw(const storage::MessageView& message, RowBatch& batch);

  const Layout layout_;
  std::unique_ptr<Json> json_;  // layout columns only
};

}  // namespace weir::ingest

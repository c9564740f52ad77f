#include "ingest/local_source.h"

#include "ingest/log_source.h"
#include "jetstream/log_cursor.h"

namespace weir::ingest {

StatusOr<std::unique_ptr<Source>> OpenLocalSource(jetstream::Catalog& catalog, AccountId account,
                                                  const ExportSpec& spec) {
  jetstream::LogCursor::Options options;
  options.account = account;
  options.stream = spec.stream;
  options.name = spec.name;
  options.filters = spec.subjects;
  options.start = spec.start.sequence;
  WEIR_ASSIGN_OR_RETURN(auto cursor, jetstream::LogCursor::Open(catalog, options));
  return std::make_unique<LogSource>(std::move(cursor), spec.subjects);
}

}  // namespace weir::ingest

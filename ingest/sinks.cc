#include <filesystem>

#include "ingest/address.h"
#include "ingest/sink.h"
#include "ingest/sqlite_sink.h"
#include "protocol/base/strings.h"

namespace weir::ingest {

const std::vector<SinkKind>& AvailableSinks() {
  static const std::vector<SinkKind> kSinks = {
      {"sqlite", "a SQLite file; append and merge; exactly-once"},
  };
  return kSinks;
}

StatusOr<std::unique_ptr<Sink>> MakeSink(const ExportSpec& spec, Clock& clock) {
  std::string_view address = spec.sink;
  std::string_view scheme = address.substr(0, address.find(':'));
  if (scheme == "sqlite") {
    std::error_code error;
    std::string here = std::filesystem::current_path(error).string();
    WEIR_ASSIGN_OR_RETURN(std::string path, SqlitePath(address, here));
    return std::make_unique<SqliteSink>(std::move(path), spec, clock);
  }
  std::string have;
  for (const SinkKind& kind : AvailableSinks()) {
    CatTo(have, have.empty() ? "" : ", ", kind.scheme);
  }
  return InvalidArgument(Cat("the sink ", Quoted(MaskAddress(address)),
                             " is of a kind that this binary does not have; it has: ", have));
}

}  // namespace weir::ingest

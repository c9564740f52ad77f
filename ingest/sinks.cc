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

Status CheckSinkKind(std::string_view address) {
  std::string_view scheme = address.substr(0, address.find(':'));
  std::string have;
  for (const SinkKind& kind : AvailableSinks()) {
    if (kind.scheme == scheme) {
      return OkStatus();
    }
    CatTo(have, have.empty() ? "" : ", ", kind.scheme);
  }
  return InvalidArgument(Cat("the sink ", Quoted(MaskAddress(address)),
                             " is of a kind that this binary does not have; it has: ", have));
}

StatusOr<std::unique_ptr<Sink>> MakeSink(const ExportSpec& spec, Clock& clock) {
  WEIR_RETURN_IF_ERROR(CheckSinkKind(spec.sink));
  std::error_code error;
  std::string here = std::filesystem::current_path(error).string();
  WEIR_ASSIGN_OR_RETURN(std::string path, SqlitePath(spec.sink, here));
  return std::make_unique<SqliteSink>(std::move(path), spec, clock);
}

}  // namespace weir::ingest

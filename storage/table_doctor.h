#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "storage/log_doctor.h"
#include "storage/store_files.h"
#include "storage/table_file.h"

namespace weir::storage {

// Looks after the tables and blob files of one store: finds and mends what is damaged in them, and
// takes a table that RocksDB could not open out of the store, since one such table would make
// everything unreadable.
//
// Blocks. Check() may run while the store is open; the rest may not.
class TableDoctor {
 public:
  // `directory`: the store's.
  TableDoctor(StoreFiles files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}

  // Everything in "db/", remains of a crash included.
  std::vector<std::string> All() const { return files_.List(directory_ + "/db"); }
  // Those of `names` that are tables or blob files; returns the tables that cannot be opened.
  std::vector<std::string> Check(const std::vector<std::string>& names, TableFile::Depth depth,
                                 bool repair, Findings& findings,
                                 const TableFile::Throttle& throttle = {});

  struct Live {
    std::string name;     // "000012.sst"
    uint32_t family = 0;  // its number
    uint32_t level = 0;
    uint64_t number = 0;
  };
  struct Rescued {
    uint32_t family = 0;
    std::string key;
    std::string value;
  };
  // Takes the tables out of the manifest and puts them into "damaged/". Returns what could be read
  // out of them.
  StatusOr<std::vector<Rescued>> TakeOut(const std::vector<Live>& tables, Findings& findings);

 private:
  Status AppendToManifest(const std::vector<Live>& tables);

  const StoreFiles files_;
  const std::string directory_;
};

}  // namespace weir::storage

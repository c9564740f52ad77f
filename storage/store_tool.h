#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"

namespace weir::storage {

// `weir store …`: work on a store whose server is stopped. The store's lock is taken, so a running
// server refuses it by name. An encrypted store wants its key in WEIR_ENCRYPTION_KEY.
//
//   check DIR           reads every byte and changes nothing; 1 when something is damaged
//   salvage DIR         mends what can be mended and says what is lost
//   backup DIR TARGET   a consistent copy in a new directory; hard links where that is possible
//   restore COPY DIR    puts a copy where there is no store yet
//
// DIR is the server's store_dir. `print` gets lines without an end. Returns the exit code.
int RunStoreCommand(const std::vector<std::string>& arguments,
                    const std::function<void(std::string_view line)>& print);

}  // namespace weir::storage

#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <unistd.h>

#include "protocol/base/status.h"

namespace weir::testing_support {

// A fresh directory that goes with the object; in memory where that is possible, for speed.
class TempDir {
 public:
  TempDir() {
    bool in_memory = ::access("/dev/shm", W_OK) == 0;
    std::filesystem::path parent =
        in_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
    std::string name = (parent / "weir-test-XXXXXX").string();
    WEIR_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace weir::testing_support

#include "server/log_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

constexpr int kMode = 0640;
constexpr std::string_view kLineEnd = "\r\n";  // the reference ends its rotation lines so

std::string ErrorText(std::string_view what, const std::string& path) {
  std::string reason = std::strerror(errno);
  reason[0] = ToLower(reason.substr(0, 1))[0];
  return Cat(what, " ", path, ": ", reason);
}

// "2026.11.21.14.00.00.000000000", local time.
std::string Stamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  localtime_r(&now.tv_sec, &parts);
  char text[64];
  size_t n = std::strftime(text, sizeof text, "%Y.%m.%d.%H.%M.%S", &parts);
  std::snprintf(text + n, sizeof text - n, ".%09ld", now.tv_nsec);
  return text;
}

// Does the text have the form of a stamp? Other files that share the name's beginning are left
// alone.
bool IsStamp(std::string_view text) {
  constexpr std::string_view kForm = "0000.00.00.00.00.00.";
  if (text.size() <= kForm.size()) {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    bool dot = i < kForm.size() && kForm[i] == '.';
    if (dot ? text[i] != '.' : text[i] < '0' || text[i] > '9') {
      return false;
    }
  }
  return true;
}

}  // namespace

StatusOr<std::unique_ptr<LogFile>> LogFile::Open(const std::string& path, Limits limits) {
  auto file = std::unique_ptr<LogFile>(new LogFile(path, limits));
  WEIR_RETURN_IF_ERROR(file->Reopen());
  return file;
}

LogFile::~LogFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Status LogFile::Reopen() {
  int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kMode);
  if (fd < 0) {
    return Unavailable(ErrorText("open", path_));
  }
  struct stat state{};
  size_ = ::fstat(fd, &state) == 0 ? state.st_size : 0;
  rotate_above_ = limits_.size;
  if (fd_ >= 0) {
    ::close(fd_);
  }
  fd_ = fd;
  return OkStatus();
}

void LogFile::Append(std::string_view line) {
  ssize_t written = ::write(fd_, line.data(), line.size());
  size_ += std::max<ssize_t>(written, 0);
}

void LogFile::Write(std::string_view line) {
  Append(line);
  if (rotate_above_ > 0 && size_ > rotate_above_) {
    size_t label = line.find('[', 1);
    Rotate(line.substr(0, label == std::string_view::npos ? 0 : label));
  }
}

void LogFile::Rotate(std::string_view prefix) {
  auto backup = Cat(path_, ".", Stamp());
  bool renamed = ::rename(path_.c_str(), backup.c_str()) == 0;
  if (!renamed || !Reopen().ok()) {
    rotate_above_ *= 2;
    Append(Cat(prefix, "[ERR] Unable to rotate logfile (", std::strerror(errno),
               "), will attempt next rotation at size ", rotate_above_, kLineEnd));
    return;
  }
  Append(Cat(prefix, "[INF] Rotated log, backup saved as ", Quoted(backup), kLineEnd));
  if (limits_.max_files > 0) {
    Purge(prefix);
  }
}

void LogFile::Purge(std::string_view prefix) {
  std::filesystem::path path(path_);
  auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  auto base = path.filename().string() + ".";
  std::vector<std::string> backups;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    auto name = entry->path().filename().string();
    if (name.starts_with(base) && IsStamp(std::string_view(name).substr(base.size()))) {
      backups.push_back(std::move(name));
    }
  }
  if (error) {
    Append(Cat(prefix, "[ERR] Unable to read directory ", Quoted(folder.string()),
               " for log purge (", error.message(), "), will attempt next rotation", kLineEnd));
    return;
  }
  std::sort(backups.begin(), backups.end());
  auto keep = static_cast<size_t>(limits_.max_files - 1);
  for (size_t i = 0; i + keep < backups.size(); ++i) {
    if (!std::filesystem::remove(folder / backups[i], error)) {
      Append(Cat(prefix, "[ERR] Unable to remove backup log file ", Quoted(backups[i]), " (",
                 error.message(), "), will attempt next rotation", kLineEnd));
      return;
    }
    Append(Cat(prefix, "[INF] Purged log file ", Quoted(backups[i]), kLineEnd));
  }
}

}  // namespace weir::server

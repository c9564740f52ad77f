#include "server/signals_command.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

std::optional<int> SignalOf(std::string_view word) {
  constexpr std::pair<std::string_view, int> kSignals[] = {
      {"stop", SIGKILL},  {"quit", SIGINT}, {"reopen", SIGUSR1},
      {"reload", SIGHUP}, {"ldm", SIGUSR2}, {"term", SIGTERM},
  };
  for (const auto& [name, number] : kSignals) {
    if (name == word) {
      return number;
    }
  }
  return std::nullopt;
}

// The content of a pid file, or the text itself.
std::string PidText(std::string_view text) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(std::string(text), error)) {
    return std::string(text);
  }
  std::ifstream file{std::string(text)};
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return std::string(TrimSpace(content));
}

std::string LowerFirst(std::string text) {
  return text.empty() ? text : ToLower(text.substr(0, 1)) + text.substr(1);
}

// The processes that `text` ("", "12", "12*") stands for.
StatusOr<std::vector<int>> ChoosePids(std::string_view text, const SignalSystem& system) {
  bool glob = text.ends_with('*');
  auto prefix = glob ? text.substr(0, text.size() - 1) : text;
  auto exact = ParseNumber<int>(prefix);
  if (!prefix.empty() && !exact) {
    return InvalidArgument(Cat("invalid pid: ", prefix));
  }
  if (!prefix.empty() && !glob) {
    return std::vector<int>{*exact};
  }
  WEIR_ASSIGN_OR_RETURN(std::vector<int> pids, system.find_servers());
  if (pids.size() > 1 && !glob) {
    std::string error = "multiple nats-server processes running:";
    for (int pid : pids) {
      CatTo(error, "\n", pid);
    }
    return FailedPrecondition(error);
  }
  if (pids.empty()) {
    return NotFound("no nats-server processes running");
  }
  std::erase_if(pids, [prefix](int pid) { return !Cat(pid).starts_with(prefix); });
  return pids;
}

StatusOr<std::vector<int>> FindServers() {
  std::vector<int> pids;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator("/proc", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    auto pid = ParseNumber<int>(entry->path().filename().string());
    if (!pid || *pid == ::getpid()) {
      continue;
    }
    std::ifstream file(entry->path() / "comm");
    std::string name;
    std::getline(file, name);
    if (name == "nats-server" || name == "weir") {
      pids.push_back(*pid);
    }
  }
  if (error) {
    return Unavailable("unable to resolve pid, try providing one");
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

}  // namespace

SignalSystem SignalSystem::Real() {
  return {.find_servers = FindServers, .send = [](int pid, int number) {
            return ::kill(pid, number) == 0 ? 0 : errno;
          }};
}

Status SendSignalCommand(std::string_view command, const SignalSystem& system) {
  auto parts = Split(command, '=');
  if (parts.size() > 2) {
    std::string extra;
    for (size_t i = 2; i < parts.size(); ++i) {
      CatTo(extra, i > 2 ? " " : "", parts[i]);
    }
    return InvalidArgument(Cat("invalid signal parameters: [", extra, "]"));
  }
  WEIR_ASSIGN_OR_RETURN(std::vector<int> pids,
                        ChoosePids(parts.size() == 2 ? PidText(parts[1]) : "", system));
  auto number = SignalOf(parts[0]);
  if (!number) {
    return InvalidArgument(Cat("unknown signal ", Quoted(parts[0])));
  }
  std::string errors;
  for (int pid : pids) {
    if (int error = system.send(pid, *number); error != 0) {
      CatTo(errors, "\nsignal ", Quoted(parts[0]), " ", pid, ": ",
            LowerFirst(std::strerror(error)));
    }
  }
  return errors.empty() ? OkStatus() : Unavailable(errors);
}

}  // namespace weir::server

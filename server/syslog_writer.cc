#include "server/syslog_writer.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

constexpr int kDaemonFacility = 3 << 3;
constexpr const char* kLocalSockets[] = {"/dev/log", "/var/run/syslog", "/var/run/log"};

int Severity(LogLevel level) {
  switch (level) {
    case LogLevel::kFatal:
      return 2;
    case LogLevel::kError:
      return 3;
    case LogLevel::kWarning:
      return 4;
    case LogLevel::kInfo:
    case LogLevel::kTrace:
      return 5;
    case LogLevel::kDebug:
      return 7;
  }
  return 5;
}

int ConnectUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return -1;
  }
  path.copy(address.sun_path, path.size());
  for (int type : {SOCK_DGRAM, SOCK_STREAM}) {
    int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return fd;
    }
    if (fd >= 0) {
      ::close(fd);
    }
  }
  return -1;
}

int ConnectInternet(const std::string& address, int type) {
  size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  std::string port = colon == std::string::npos ? "514" : address.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = type;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) {
    return -1;
  }
  int fd = -1;
  for (const addrinfo* one = found; one != nullptr && fd < 0; one = one->ai_next) {
    fd = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (fd >= 0 && ::connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
      ::close(fd);
      fd = -1;
    }
  }
  ::freeaddrinfo(found);
  return fd;
}

}  // namespace

std::string_view TextOfLogLine(std::string_view line) {
  constexpr size_t kLabel = 6;  // "[INF] "
  size_t label = line.find('[', 1);
  if (label != std::string_view::npos && label + kLabel <= line.size()) {
    line.remove_prefix(label + kLabel);
  }
  return line.ends_with('\n') ? line.substr(0, line.size() - 1) : line;
}

SyslogWriter::SyslogWriter(Network network, std::string address, std::string program)
    : network_(network), address_(std::move(address)), program_(std::move(program)) {
  char name[256] = "";
  host_name_ = ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

SyslogWriter::~SyslogWriter() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

StatusOr<std::unique_ptr<SyslogWriter>> SyslogWriter::Local(std::string program) {
  auto writer =
      std::unique_ptr<SyslogWriter>(new SyslogWriter(Network::kLocal, "", std::move(program)));
  WEIR_RETURN_IF_ERROR(writer->Connect());
  return writer;
}

StatusOr<std::unique_ptr<SyslogWriter>> SyslogWriter::Remote(std::string_view url,
                                                             std::string program) {
  size_t colon = url.find("://");
  auto scheme = url.substr(0, colon == std::string_view::npos ? 0 : colon);
  auto address = colon == std::string_view::npos ? url : url.substr(colon + 3);
  Network network = Network::kUdp;
  if (scheme == "tcp") {
    network = Network::kTcp;
  } else if (scheme == "unix") {
    network = Network::kUnix;
  } else if (scheme != "udp") {
    return InvalidArgument(Cat("error invalid network type: ", Quoted(scheme)));
  }
  auto writer = std::unique_ptr<SyslogWriter>(
      new SyslogWriter(network, std::string(address), std::move(program)));
  WEIR_RETURN_IF_ERROR(writer->Connect());
  return writer;
}

Status SyslogWriter::Connect() {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
  switch (network_) {
    case Network::kLocal:
      for (const char* path : kLocalSockets) {
        fd_ = fd_ < 0 ? ConnectUnix(path) : fd_;
      }
      break;
    case Network::kUnix:
      fd_ = ConnectUnix(address_);
      break;
    case Network::kUdp:
      fd_ = ConnectInternet(address_, SOCK_DGRAM);
      break;
    case Network::kTcp:
      fd_ = ConnectInternet(address_, SOCK_STREAM);
      break;
  }
  if (fd_ < 0) {
    return Unavailable(
        Cat("error connecting to syslog: ", address_.empty() ? "no local daemon" : address_));
  }
  return OkStatus();
}

bool SyslogWriter::Send(std::string_view message) const {
  return fd_ >= 0 && ::send(fd_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
                         static_cast<ssize_t>(message.size());
}

void SyslogWriter::Write(LogLevel level, std::string_view line) {
  std::time_t now = std::time(nullptr);
  tm parts{};
  localtime_r(&now, &parts);
  char stamp[64];
  bool local = network_ == Network::kLocal || network_ == Network::kUnix;
  std::strftime(stamp, sizeof stamp, local ? "%b %e %H:%M:%S" : "%Y-%m-%dT%H:%M:%S%z", &parts);
  std::string time = stamp;
  if (!local && time.ends_with("+0000")) {
    time.replace(time.size() - 5, 5, "Z");
  } else if (!local) {
    time.insert(time.size() - 2, ":");
  }
  // As the reference: only the local daemon is told that this is one.
  int facility = network_ == Network::kLocal ? kDaemonFacility : 0;
  auto message =
      Cat("<", facility | Severity(level), ">", time, " ", local ? "" : Cat(host_name_, " "),
          program_, "[", ::getpid(), "]: ", TextOfLogLine(line), "\n");
  if (!Send(message) && Connect().ok()) {
    Send(message);
  }
}

}  // namespace weir::server

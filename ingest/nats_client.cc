#include "ingest/nats_client.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/base/json.h"
#include "protocol/base/strings.h"
#include "protocol/headers.h"

namespace weir::ingest {
namespace {

constexpr size_t kMaxLine = 64 * 1024;
constexpr size_t kMaxMessage = 64 * 1024 * 1024;

Status Late(std::string_view what) {
  return MakeStatus(StatusCode::kDeadlineExceeded, what);
}

int MillisecondsUntil(std::chrono::steady_clock::time_point deadline) {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
}

std::string ErrnoText(int code) {
  char buffer[128];
  return strerror_r(code, buffer, sizeof buffer);
}

}  // namespace

StatusOr<std::unique_ptr<NatsClient>> NatsClient::Connect(const Address& address,
                                                          std::string_view client_name,
                                                          Milliseconds timeout) {
  if (address.Find("nkeys_seed") != nullptr) {
    return Unimplemented("nkeys_seed: this command cannot sign with nkeys yet");
  }
  std::unique_ptr<NatsClient> client(new NatsClient);
  Deadline deadline = std::chrono::steady_clock::now() + timeout;
  std::string where = Cat(address.host, ":", address.port);
  if (Status status = client->Dial(address.host, address.port, deadline); !status.ok()) {
    return Annotate(status, Cat("cannot connect to ", where));
  }
  if (Status status = client->Handshake(address, client_name, deadline); !status.ok()) {
    return Annotate(status, where);
  }
  client->inbox_prefix_ = Cat("_INBOX.", Nuid(client->random_), ".");
  WEIR_RETURN_IF_ERROR(client->Subscribe(Cat(client->inbox_prefix_, "*")));
  return client;
}

NatsClient::~NatsClient() {
  if (socket_ >= 0) {
    close(socket_);
  }
}

Status NatsClient::Dial(const std::string& host, uint16_t port, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int code = getaddrinfo(host.c_str(), Cat(port).c_str(), &hints, &found);
  if (code != 0) {
    return Unavailable(gai_strerror(code));
  }
  Status status = Unavailable("no address");
  for (addrinfo* at = found; at != nullptr; at = at->ai_next) {
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
      status = Unavailable(ErrnoText(errno));
      continue;
    }
    int error = connect(fd, at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd poller{fd, POLLOUT, 0};
      socklen_t size = sizeof error;
      if (poll(&poller, 1, MillisecondsUntil(deadline)) <= 0) {
        error = ETIMEDOUT;
      } else {
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      }
    }
    if (error == 0) {
      int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      socket_ = fd;
      status = OkStatus();
      break;
    }
    status = Unavailable(ErrnoText(error));
    close(fd);
  }
  freeaddrinfo(found);
  return status;
}

Status NatsClient::Handshake(const Address& address, std::string_view client_name,
                             Deadline deadline) {
  auto line = ReadLine(deadline);
  if (!line.ok() || !line->starts_with("INFO ")) {
    return InvalidArgument("does not speak the NATS protocol");
  }
  bool tls_required = false;
  WEIR_RETURN_IF_ERROR(ReadInfo(std::string_view(*line).substr(5), tls_required));
  if (tls_required) {
    return Unimplemented("the server requires TLS, which this command cannot do yet");
  }
  const std::string* query_token = address.Find("token");
  std::string token = query_token != nullptr ? *query_token : std::string();
  if (!address.user.empty() && !address.has_password) {
    token = address.user;  // user info without a colon is a token
  }
  JsonWriter connect;
  connect.OpenObject();
  connect.Field("verbose", false).Field("pedantic", false).Field("lang", "weir");
  connect.Field("version", WEIR_OWN_VERSION).Field("protocol", 1).Field("name", client_name);
  connect.Field("headers", true).Field("no_responders", true).Field("echo", true);
  if (address.has_password) {
    connect.Field("user", address.user).Field("pass", address.password);
  } else if (!token.empty()) {
    connect.Field("auth_token", token);
  }
  connect.CloseObject();
  WEIR_RETURN_IF_ERROR(Write(Cat("CONNECT ", connect.text(), "\r\nPING\r\n")));
  while (!pong_seen_) {
    WEIR_RETURN_IF_ERROR(ReadOperation(deadline).status());
  }
  return OkStatus();
}

Status NatsClient::ReadInfo(std::string_view text, bool& tls_required) {
  WEIR_ASSIGN_OR_RETURN(boost::json::value info, ParseJson(text));
  if (!info.is_object()) {
    return InvalidArgument("sent a damaged INFO");
  }
  JsonReader in(info.get_object());
  in.Read("server_name", server_name_);
  in.Read("version", server_version_);
  in.Read("tls_required", tls_required);
  return in.Finish(false);
}

Status NatsClient::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) {
      return Unavailable(Cat("the connection is lost: ", ErrnoText(errno)));
    }
    pollfd poller{socket_, POLLOUT, 0};
    poll(&poller, 1, 1000);
  }
  return OkStatus();
}

Status NatsClient::Fill(Deadline deadline) {
  for (;;) {
    char chunk[16 * 1024];
    ssize_t size = recv(socket_, chunk, sizeof chunk, 0);
    if (size > 0) {
      buffer_.append(chunk, static_cast<size_t>(size));
      return OkStatus();
    }
    if (size == 0) {
      return Unavailable("the server closed the connection");
    }
    if (errno != EAGAIN && errno != EINTR) {
      return Unavailable(Cat("the connection is lost: ", ErrnoText(errno)));
    }
    int left = MillisecondsUntil(deadline);
    if (left == 0) {
      return Late("nothing came in time");
    }
    pollfd poller{socket_, POLLIN, 0};
    // A signal ends the wait early, so that the caller can look at its flags.
    if (poll(&poller, 1, left) < 0 && errno == EINTR) {
      return Late("interrupted");
    }
  }
}

StatusOr<std::string> NatsClient::ReadLine(Deadline deadline) {
  size_t end = buffer_.find("\r\n");
  while (end == std::string::npos) {
    if (buffer_.size() > kMaxLine) {
      return Unavailable("the server sent a line without end");
    }
    WEIR_RETURN_IF_ERROR(Fill(deadline));
    end = buffer_.find("\r\n");
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

StatusOr<std::string> NatsClient::ReadBytes(size_t size, Deadline deadline) {
  while (buffer_.size() < size) {
    // In the middle of a message the wait goes on: a part cannot be given back.
    Status status = Fill(std::max(deadline, std::chrono::steady_clock::now() + Milliseconds(5000)));
    if (!status.ok()) {
      return status.code() == StatusCode::kUnavailable ? status
                                                       : Unavailable("half a message came");
    }
  }
  std::string bytes = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return bytes;
}

StatusOr<std::optional<NatsClient::Message>> NatsClient::ReadOperation(Deadline deadline) {
  WEIR_ASSIGN_OR_RETURN(std::string line, ReadLine(deadline));
  if (line.starts_with("MSG ") || line.starts_with("HMSG ")) {
    bool with_headers = line[0] == 'H';
    WEIR_ASSIGN_OR_RETURN(
        Message message,
        ReadMessage(std::string_view(line).substr(with_headers ? 5 : 4), with_headers, deadline));
    return std::optional<Message>(std::move(message));
  }
  if (line == "PING") {
    WEIR_RETURN_IF_ERROR(Write("PONG\r\n"));
  } else if (line == "PONG") {
    pong_seen_ = true;
  } else if (line.starts_with("-ERR")) {
    std::string_view text = TrimSpace(std::string_view(line).substr(4));
    return InvalidArgument(Cat("the server refuses: ", text));
  }
  return std::optional<Message>();
}

// "subject sid [reply] size", or with headers "subject sid [reply] header-size total-size".
StatusOr<NatsClient::Message> NatsClient::ReadMessage(std::string_view line, bool with_headers,
                                                      Deadline deadline) {
  std::vector<std::string_view> parts;
  for (std::string_view part : Split(line, ' ')) {
    if (!part.empty()) {
      parts.push_back(part);
    }
  }
  size_t sizes = with_headers ? 2 : 1;
  Message message;
  if (parts.size() != 2 + sizes && parts.size() != 3 + sizes) {
    return Unavailable("the server sent a damaged message line");
  }
  auto total = ParseNumber<size_t>(parts.back());
  auto header_size =
      with_headers ? ParseNumber<size_t>(parts[parts.size() - 2]) : std::optional<size_t>(0);
  if (!total || !header_size || *header_size > *total || *total > kMaxMessage) {
    return Unavailable("the server sent a damaged message line");
  }
  message.subject = std::string(parts[0]);
  if (parts.size() == 3 + sizes) {
    message.reply = std::string(parts[2]);
  }
  WEIR_ASSIGN_OR_RETURN(message.payload, ReadBytes(*total + 2, deadline));
  message.payload.resize(*total);
  message.headers = message.payload.substr(0, *header_size);
  message.payload.erase(0, *header_size);
  return message;
}

Status NatsClient::Publish(std::string_view subject, std::string_view reply,
                           std::string_view payload) {
  std::string_view blank = reply.empty() ? "" : " ";
  return Write(Cat("PUB ", subject, blank, reply, " ", payload.size(), "\r\n", payload, "\r\n"));
}

Status NatsClient::Subscribe(std::string_view subject) {
  return Write(Cat("SUB ", subject, " ", ++last_sid_, "\r\n"));
}

StatusOr<std::optional<NatsClient::Message>> NatsClient::Next(Milliseconds timeout) {
  Deadline deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    auto message = ReadOperation(deadline);
    if (message.status().code() == StatusCode::kDeadlineExceeded) {
      return std::optional<Message>();
    }
    if (!message.ok() || message->has_value()) {
      return message;
    }
  }
}

StatusOr<std::string> NatsClient::Request(std::string_view subject, std::string_view payload,
                                          Milliseconds timeout) {
  std::string inbox = Cat(inbox_prefix_, ++last_request_);
  WEIR_RETURN_IF_ERROR(Publish(subject, inbox, payload));
  Deadline deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    auto left = Milliseconds(MillisecondsUntil(deadline));
    WEIR_ASSIGN_OR_RETURN(std::optional<Message> message, Next(left));
    if (!message) {
      if (std::chrono::steady_clock::now() < deadline) {
        continue;
      }
      return Late(Cat("no answer to ", subject, " in time"));
    }
    if (message->subject != inbox) {
      continue;  // an answer that came too late for an earlier request
    }
    auto status = protocol::StatusOf(message->headers);
    if (status && status->code == 503) {
      return NotFound(Cat("nobody answers ", subject));
    }
    return std::move(message->payload);
  }
}

}  // namespace weir::ingest

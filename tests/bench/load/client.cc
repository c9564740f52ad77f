#include "tests/bench/load/client.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weir::load {
namespace {

constexpr size_t kReadSize = 256 * 1024;

size_t ToNumber(std::string_view text) {
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    Fail("not a number from the server: " + std::string(text));
  }
  return value;
}

// Splits at blanks; MSG and HMSG have at most six words.
size_t Split(std::string_view line, std::array<std::string_view, 6>& words) {
  size_t count = 0;
  size_t at = 0;
  while (at < line.size() && count < words.size()) {
    size_t end = line.find(' ', at);
    if (end == std::string_view::npos) {
      end = line.size();
    }
    if (end > at) {
      words[count++] = line.substr(at, end - at);
    }
    at = end + 1;
  }
  return count;
}

}  // namespace

void Fail(std::string_view what) {
  std::fprintf(stderr, "weir_load: %.*s\n", static_cast<int>(what.size()), what.data());
  std::_Exit(1);
}

Client::Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr generic = {};
  static_assert(sizeof(generic) == sizeof(address));
  std::memcpy(&generic, &address, sizeof(address));
  if (fd_ < 0 || ::connect(fd_, &generic, sizeof(generic)) != 0) {
    Fail(std::string("connect: ") + std::strerror(errno));
  }
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  BlockingHandshake();
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

Client::~Client() {
  ::close(fd_);
}

void Client::BlockingHandshake() {
  static constexpr std::string_view kHello =
      "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,"
      "\"protocol\":1,\"lang\":\"load\",\"version\":\"1\"}\r\nPING\r\n";
  if (::send(fd_, kHello.data(), kHello.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kHello.size())) {
    Fail("cannot send CONNECT");
  }
  std::array<char, 4096> buffer;
  while (pongs_ == 0) {
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      Fail("closed during CONNECT");
    }
    in_.append(buffer.data(), static_cast<size_t>(got));
    in_used_ = in_.size();
    Parse();
  }
  // An idle connection must cost little here too: 10,000 of them are held by one generator.
  in_.shrink_to_fit();
  pongs_ = 0;
}

void Client::Flush() {
  while (written_ < out_.size()) {
    const ssize_t sent = ::send(fd_, out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return;
      }
      if (errno == EINTR) {
        continue;
      }
      Fail(std::string("send: ") + std::strerror(errno));
    }
    written_ += static_cast<size_t>(sent);
  }
  out_.clear();
  written_ = 0;
}

void Client::Read() {
  if (in_.size() < in_used_ + kReadSize) {
    in_.resize(in_used_ + kReadSize);
  }
  const ssize_t got = ::recv(fd_, in_.data() + in_used_, in_.size() - in_used_, 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    return;
  }
  if (got <= 0) {
    if (!on_closed) {
      Fail("the server closed the connection");
    }
    closed_ = true;
    on_closed();
    return;
  }
  in_used_ += static_cast<size_t>(got);
  Parse();
}

void Client::Parse() {
  size_t at = 0;
  while (at < in_used_ && ParseOne(at)) {
  }
  std::memmove(in_.data(), in_.data() + at, in_used_ - at);
  in_used_ -= at;
}

bool Client::ParseOne(size_t& at) {
  const std::string_view rest(in_.data() + at, in_used_ - at);
  const size_t end = rest.find("\r\n");
  if (end == std::string_view::npos) {
    return false;
  }
  const std::string_view line = rest.substr(0, end);
  const bool with_headers = line.starts_with("HMSG ");
  if (!with_headers && !line.starts_with("MSG ")) {
    OnOther(line);
    at += end + 2;
    return true;
  }
  std::array<std::string_view, 6> words;
  const size_t count = Split(line, words);
  const size_t total = ToNumber(words[count - 1]);
  if (rest.size() < end + 2 + total + 2) {
    return false;
  }
  const size_t header_size = with_headers ? ToNumber(words[count - 2]) : 0;
  Message message;
  message.subject = words[1];
  message.reply = count == (with_headers ? 6U : 5U) ? words[3] : std::string_view();
  message.headers = rest.substr(end + 2, header_size);
  message.payload = rest.substr(end + 2 + header_size, total - header_size);
  if (rest.substr(end + 2 + total, 2) != "\r\n") {
    Fail("a message without its end");
  }
  at += end + 2 + total + 2;
  if (on_message) {
    on_message(message);
  }
  return true;
}

void Client::OnOther(std::string_view line) {
  if (line == "PING") {
    out_ += "PONG\r\n";
    Flush();
  } else if (line == "PONG") {
    ++pongs_;
  } else if (line.starts_with("-ERR")) {
    Fail(line);
  }
}

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

Loop::~Loop() {
  ::close(epoll_);
}

Client& Loop::Add(std::unique_ptr<Client> client) {
  entries_.push_back(std::make_unique<Entry>());
  Entry& entry = *entries_.back();
  entry.client = std::move(client);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = &entry;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, entry.client->fd(), &event) != 0) {
    Fail(std::string("epoll_ctl: ") + std::strerror(errno));
  }
  return *entry.client;
}

void Loop::Settle(Entry& entry) {
  entry.client->Flush();
  if (entry.writing && !entry.client->wants_write() && entry.client->on_writable) {
    entry.client->on_writable();
  }
  const bool writing = entry.client->wants_write();
  if (writing == entry.writing) {
    return;
  }
  entry.writing = writing;
  epoll_event event = {};
  event.events = writing ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = &entry;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, entry.client->fd(), &event);
}

void Loop::Run(const std::function<bool()>& done, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::array<epoll_event, 128> events;
  for (const auto& entry : entries_) {
    Settle(*entry);
  }
  while (!done()) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      Entry& entry = *static_cast<Entry*>(event.data.ptr);
      if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        entry.client->Read();
        if (entry.client->closed()) {
          Ignore(*entry.client);
          continue;
        }
      }
      Settle(entry);
    }
    // A callback of one client may have written to another.
    for (const auto& entry : entries_) {
      if (entry->client->wants_write() || entry->writing) {
        Settle(*entry);
      }
    }
    if (std::chrono::steady_clock::now() > deadline) {
      Fail("not done within the time limit");
    }
  }
}

void Loop::Ignore(const Client& client) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, client.fd(), nullptr);
}

void Loop::Listen(Client& client) {
  for (const auto& entry : entries_) {
    if (entry->client.get() == &client) {
      epoll_event event = {};
      event.events = EPOLLIN;
      event.data.ptr = entry.get();
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd(), &event);
    }
  }
}

void Loop::Barrier(std::chrono::seconds limit) {
  std::vector<uint64_t> wanted;
  for (const auto& entry : entries_) {
    wanted.push_back(entry->client->pongs() + 1);
    entry->client->out() += "PING\r\n";
  }
  Run(
      [&] {
        for (size_t i = 0; i < wanted.size(); ++i) {
          if (entries_[i]->client->pongs() < wanted[i]) {
            return false;
          }
        }
        return true;
      },
      limit);
}

std::string Loop::Request(std::string_view subject, std::string_view payload) {
  Client& client = *entries_.front()->client;
  const std::string inbox = "_INBOX.load.api." + std::to_string(++requests_);
  std::string answer;
  const auto outer = std::move(client.on_message);
  client.on_message = [&](const Message& message) {
    if (message.subject == inbox) {
      answer = message.headers.empty() ? std::string(message.payload) : "\"error\": no responders";
    } else if (outer) {
      outer(message);
    }
  };
  std::string& out = client.out();
  out += "SUB " + inbox + " 1\r\nUNSUB 1 1\r\nPUB ";
  out.append(subject).append(" ").append(inbox).append(" ").append(std::to_string(payload.size()));
  out.append("\r\n").append(payload).append("\r\n");
  Run([&] { return !answer.empty(); }, std::chrono::seconds(30));
  client.on_message = outer;
  if (answer.find("\"error\"") != std::string::npos) {
    Fail(std::string(subject) + ": " + answer);
  }
  return answer;
}

}  // namespace weir::load

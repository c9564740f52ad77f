#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::load {

// A message as views into the connection's read buffer; valid during the callback.
struct Message {
  std::string_view subject;
  std::string_view reply;
  std::string_view headers;
  std::string_view payload;
};

// Prints the reason and ends the program: a load that is not exactly as planned measures nothing.
[[noreturn]] void Fail(std::string_view what);

// One connection to a server on loopback. Confined to the loop's thread.
//
// The constructor blocks until the server has answered CONNECT and PING; from then on the socket
// is non-blocking and a Loop drives it. Write into out(), then Flush().
class Client {
 public:
  explicit Client(uint16_t port);
  ~Client();

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int fd() const { return fd_; }
  bool wants_write() const { return written_ < out_.size(); }
  size_t unsent() const { return out_.size() - written_; }
  uint64_t pongs() const { return pongs_; }

  std::string& out() { return out_; }
  void Flush();

  // Reads once and calls `on_message` for each message that is complete.
  void Read();

  std::function<void(const Message&)> on_message;
  std::function<void()> on_writable;  // everything that had to wait has left
  // The server has closed the connection; unset, that ends the program. Nothing is read any more.
  std::function<void()> on_closed;
  bool closed() const { return closed_; }

 private:
  void BlockingHandshake();
  void Parse();
  // Consumes one operation at `at`; false when it is not complete yet.
  bool ParseOne(size_t& at);
  void OnOther(std::string_view line);

  int fd_ = -1;
  std::string out_;
  size_t written_ = 0;
  std::string in_;
  size_t in_used_ = 0;
  uint64_t pongs_ = 0;
  bool closed_ = false;
};

// epoll over the clients of one load.
class Loop {
 public:
  Loop();
  ~Loop();

  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Client& Add(std::unique_ptr<Client> client);

  // Runs until `done` says so; fails the program when that takes longer than `limit`.
  void Run(const std::function<bool()>& done, std::chrono::seconds limit);

  // Reads no more from this client, and again.
  void Ignore(const Client& client);
  void Listen(Client& client);

  // Sends PING on every client and waits for all PONGs.
  void Barrier(std::chrono::seconds limit);

  // A request to the JetStream API over the first client; fails the program on an error answer.
  // Other messages of that client go on to its on_message.
  std::string Request(std::string_view subject, std::string_view payload);

 private:
  struct Entry {
    std::unique_ptr<Client> client;
    bool writing = false;
  };
  // Writes what it can, tells the client when everything has left, waits for room otherwise.
  void Settle(Entry& entry);

  int epoll_ = -1;
  std::vector<std::unique_ptr<Entry>> entries_;
  uint64_t requests_ = 0;
};

}  // namespace weir::load

#pragma once

// What the loads of streams and consumers share.

#include <cstdint>
#include <string_view>

#include "tests/bench/load/client.h"
#include "tests/bench/load/loads.h"

namespace weir::load {

// The number behind `key` (with its quotes) in a flat JSON text; fails the program when there is
// none.
uint64_t NumberOf(std::string_view json, std::string_view key);
uint64_t MessagesOf(Loop& loop, const Settings& settings);
// The sequence of its last message.
uint64_t LastOf(Loop& loop, const Settings& settings);
void CreateStream(Loop& loop, const Settings& settings);

// Counts the messages of a consumer and checks that their stream sequences have no gap, or only go
// up where the consumer leaves messages out.
class Reader {
 public:
  explicit Reader(uint64_t wanted, bool gaps = false) : wanted_(wanted), gaps_(gaps) {}

  bool done() const { return received_ >= wanted_; }
  uint64_t received() const { return received_; }

  void OnMessage(const Message& message);

 private:
  const uint64_t wanted_;
  const bool gaps_;
  uint64_t received_ = 0;
  uint64_t last_ = 0;
};

}  // namespace weir::load

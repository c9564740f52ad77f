#pragma once

#include <cstdint>

namespace weir::protocol {

// Where a message is written otherwise than in the shortest form (protocol.md 3).
struct WireForm {
  uint8_t header_zeros = 0;  // in front of the size of the headers, as the publisher wrote it ...
  uint8_t size_zeros = 0;    // ... and of the whole size
  bool empty_reply = false;  // there is a reply, and it is empty: two blanks
};

}  // namespace weir::protocol

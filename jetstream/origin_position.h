#pragma once

#include <string>

#include "protocol/base/ids.h"

namespace weir::jetstream {

// How far a stream has read one of its origins.
struct OriginPosition {
  StreamSeq seq = 0;  // the last one that was taken; 0: none yet
  // Of the stream that was read, so that another one of the same name is noticed; may be empty.
  std::string identity;
};

}  // namespace weir::jetstream

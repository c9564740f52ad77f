#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "server/context.h"
#include "server/worker.h"

namespace weir::server {

// Lame duck mode (protocol.md 13): clients are told, get a grace period to leave by themselves, and
// are then closed one at a time over the rest of the duration, so that they do not all reconnect
// elsewhere at once. Runs on worker 0; `done` is called there when nobody is left.
class LameDuck {
 public:
  LameDuck(ServerContext& context, const std::vector<std::unique_ptr<Worker>>& workers,
           std::function<void()> done);

  // Once. The listeners are closed already.
  void Start();

 private:
  int64_t Connected() const;
  void CloseNext(int64_t interval_ns);

  ServerContext& context_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  std::function<void()> done_;
};

}  // namespace weir::server

#include "server/connection_recorder.h"

#include <utility>

namespace weir::server {

namespace {

// Of a client that has gone; enough to see what it was.
constexpr size_t kMaxSubscriptions = 128;

}  // namespace

void ConnectionRecorder::OnConnect(Worker& /*worker*/, Connection& /*connection*/) {}

void ConnectionRecorder::OnClose(Worker& worker, Connection& connection) {
  ConnectionInfo info = connection.Describe(kMaxSubscriptions);
  info.stop_ns = sources_.context.clock.wall_ns();
  if (&worker == &sources_.home()) {
    sources_.closed.Add(std::move(info));
    return;
  }
  sources_.home().Post([&sources = sources_, info = std::move(info)]() mutable {
    sources.closed.Add(std::move(info));
  });
}

void ConnectionRecorder::OnAuthError(Worker& /*worker*/, Connection& /*connection*/) {}

}  // namespace weir::server

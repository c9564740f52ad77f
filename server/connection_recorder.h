#pragma once

#include "server/connection_observer.h"
#include "server/pages.h"
#include "server/system_events.h"

namespace weir::server {

// Keeps what the pages show of clients that have gone, and publishes the events of clients. Called
// on any worker; what it keeps lives on the first.
class ConnectionRecorder : public ConnectionObserver {
 public:
  ConnectionRecorder(PageSources& sources, SystemEvents& events)
      : sources_(sources), events_(events) {}

  // ConnectionObserver
  void OnConnect(Worker& worker, Connection& connection) override;
  void OnClose(Worker& worker, Connection& connection) override;
  void OnAuthError(Worker& worker, Connection& connection) override;
  void OnUserInfo(Worker& worker, Connection& connection, std::string_view reply) override;
  void OnLameDuck() override { events_.ServerEnds("LAMEDUCK"); }

 private:
  PageSources& sources_;
  SystemEvents& events_;
};

}  // namespace weir::server

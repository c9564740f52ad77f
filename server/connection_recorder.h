#pragma once

#include "server/connection_observer.h"
#include "server/pages.h"

namespace weir::server {

// Keeps what the pages show of clients that have gone. Called on any worker; what it keeps lives on
// the first.
class ConnectionRecorder : public ConnectionObserver {
 public:
  explicit ConnectionRecorder(PageSources& sources) : sources_(sources) {}

  // ConnectionObserver
  void OnConnect(Worker& worker, Connection& connection) override;
  void OnClose(Worker& worker, Connection& connection) override;
  void OnAuthError(Worker& worker, Connection& connection) override;

 private:
  PageSources& sources_;
};

}  // namespace weir::server

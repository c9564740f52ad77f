#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jetstream/stream_archive.h"
#include "storage/s2_stream.h"
#include "tests/support/js_home.h"

namespace weir::testing {

// A home with a client that makes and restores backups as the wire has it.
class BackupWorld : public JsHome {
 public:
  BackupWorld() {
    Boot();
    router.interest.push_back("bk");
  }

  struct Snapshot {
    std::string answer;
    std::string bytes;
    std::vector<std::string> replies;  // of the chunks, the last message's included
    std::string end_headers;
    bool ended = false;
  };

  // Acknowledges every chunk when `ack` is set.
  Snapshot Back(std::string_view stream, std::string_view more = {}, bool ack = true) {
    Snapshot out;
    Send(Cat("$JS.API.STREAM.SNAPSHOT.", stream), "_R_",
         Cat(R"({"deliver_subject":"bk")", more, "}"));
    RunTurns();
    for (bool busy = true; busy;) {
      busy = false;
      for (const auto& sent : router.Take()) {
        if (sent.subject == "_R_") {
          out.answer = sent.payload;
        } else if (sent.subject == "bk") {
          out.bytes += sent.payload;
          out.replies.push_back(sent.reply);
          out.end_headers = sent.headers;
          out.ended = sent.payload.empty();
          if (ack && !sent.reply.empty()) {
            Send(sent.reply, {});
          }
          busy = true;
        }
      }
      RunTurns();
    }
    return out;
  }

  // Where the chunks are to go; the answer itself when it is none.
  std::string BeginRestore(std::string_view config, std::string_view name = "S") {
    std::string answer = Ask(Cat("$JS.API.STREAM.RESTORE.", name),
                             Cat(R"({"config":)", config, R"(,"state":{"messages":0,"bytes":0}})"));
    auto at = answer.find("$JS.SNAPSHOT.RESTORE.");
    return at == std::string::npos ? answer : answer.substr(at, answer.size() - at - 2);
  }

  // The answers to the chunks, then the one to the end.
  std::vector<std::string> Upload(std::string_view subject, std::string_view bytes,
                                  size_t chunk = 1000) {
    std::vector<std::string> out;
    while (!bytes.empty()) {
      std::string_view next = bytes.substr(0, chunk);
      out.push_back(Ask(subject, next));
      bytes.remove_prefix(next.size());
    }
    out.push_back(Ask(subject));
    return out;
  }
  std::string Restore(std::string_view config, std::string_view bytes, size_t chunk = 1000,
                      std::string_view name = "S") {
    return Upload(BeginRestore(config, name), bytes, chunk).back();
  }

  // An archive of these entries, as a stream of chunks.
  static std::string Pack(std::string_view state,
                          const std::vector<std::pair<std::string, std::string>>& consumers,
                          const std::vector<storage::MessageView>& messages, bool end = true) {
    std::string archive(jetstream::kArchiveMagic);
    jetstream::AppendArchiveEntry(archive, {"state.json", 1, 0, 0, state.size()});
    archive += state;
    for (const auto& [name, json] : consumers) {
      jetstream::AppendArchiveEntry(archive, {name, 1, 0, 0, json.size()});
      archive += json;
    }
    for (const auto& message : messages) {
      jetstream::AppendArchiveEntry(archive, {message.subject, message.time_ns, message.seq,
                                              message.headers.size(), message.payload.size()});
      archive.append(message.headers).append(message.payload);
    }
    if (end) {
      jetstream::AppendArchiveEntry(archive, {});
    }
    std::string out(storage::kS2Start);
    storage::AppendS2Chunk(out, archive);
    return out;
  }
};

}  // namespace weir::testing

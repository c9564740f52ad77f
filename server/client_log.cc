#include "server/client_log.h"

#include <algorithm>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

constexpr std::string_view kHidden = "[REDACTED]";

// What the client said of who it is, for people to read; empty when it said nothing.
std::string UserLabel(const protocol::ConnectOptions& options) {
  if (!options.nkey.empty()) {
    return Cat("nkey:", options.nkey);
  }
  if (!options.user.empty()) {
    return Cat("user:", options.user);
  }
  if (!options.jwt.empty()) {
    return "jwt:";
  }
  return options.auth_token.empty() ? "" : "token";
}

// Replaces the text value of a member in CONNECT's JSON.
void Hide(std::string_view member, std::string& json) {
  size_t at = json.find(Quoted(member));
  if (at == std::string::npos) {
    return;
  }
  size_t colon = json.find_first_not_of(" \t", at + member.size() + 2);
  size_t begin = colon == std::string::npos ? colon : json.find_first_not_of(" \t", colon + 1);
  if (begin == std::string::npos || json[colon] != ':' || json[begin] != '"') {
    return;
  }
  size_t end = begin + 1;
  while (end < json.size() && json[end] != '"') {
    end += json[end] == '\\' ? 2 : 1;
  }
  json.replace(begin + 1, std::min(end, json.size()) - begin - 1, kHidden);
}

void AddPayload(std::string_view arrow, std::string_view headers, std::string_view payload,
                const LogOptions& options, std::vector<std::string>& lines) {
  std::string all(headers);
  if (options.trace_headers) {
    all = all.substr(0, all.ends_with("\r\n\r\n") ? all.size() - 2 : all.size());
  } else {
    all += payload;
  }
  if (all.empty()) {
    return;
  }
  auto most = static_cast<size_t>(options.max_traced_msg_len);
  if (most > 0 && all.size() > most) {
    std::string start = Quoted(std::string_view(all).substr(0, most));
    lines.push_back(Cat(arrow, " MSG_PAYLOAD: [", start.substr(0, start.size() - 1), "...\"]"));
  } else {
    lines.push_back(Cat(arrow, " MSG_PAYLOAD: [", Quoted(all), "]"));
  }
}

}  // namespace

std::string ClientLabel(const protocol::ConnectOptions& options, std::string_view account) {
  std::string program = options.version.empty() ? "" : Cat("v", options.version);
  for (const std::string* part : {&options.lang, &options.name}) {
    if (!part->empty()) {
      CatTo(program, program.empty() ? "" : ":", *part);
    }
  }
  std::string user = UserLabel(options);
  std::string label = program.empty() ? "" : Cat(Quoted(program), " - ");
  if (!user.empty()) {
    CatTo(label, Quoted(Cat(account, "/", user)), " - ");
  }
  return label;
}

std::string AuthenticationErrorText(const protocol::ConnectOptions& options) {
  constexpr std::string_view kText = "authentication error";
  if (!options.nkey.empty()) {
    return Cat(kText, " - Nkey ", Quoted(options.nkey));
  }
  if (!options.user.empty()) {
    return Cat(kText, " - User ", Quoted(options.user));
  }
  if (!options.jwt.empty()) {
    return Cat(kText, " - JWT User ", Quoted(""));
  }
  return options.auth_token.empty() ? std::string(kText) : Cat(kText, " - Token ", Quoted(kHidden));
}

std::vector<std::string> TraceOperation(std::string_view bytes, const LogOptions& options) {
  std::vector<std::string> lines;
  size_t end = bytes.find('\n');
  std::string_view line = TrimSpace(bytes.substr(0, end));
  size_t blank = line.find_first_of(" \t");
  std::string verb(line.substr(0, blank));
  for (char& letter : verb) {
    letter = static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter);
  }
  std::string arguments(blank == std::string_view::npos ? std::string_view{}
                                                        : TrimSpace(line.substr(blank)));
  if (verb == "CONNECT") {
    Hide("pass", arguments);
    Hide("auth_token", arguments);
  }
  lines.push_back(Cat("<<- [", verb, arguments.empty() ? "" : " ", arguments, "]"));
  if ((verb == "PUB" || verb == "HPUB") && end != std::string_view::npos) {
    std::string_view payload = bytes.substr(end + 1);
    payload.remove_suffix(payload.ends_with("\r\n") ? 2 : payload.ends_with("\n") ? 1 : 0);
    size_t headers = 0;
    if (verb == "HPUB") {
      size_t blank_line = payload.find("\r\n\r\n");
      headers = blank_line == std::string_view::npos ? 0 : blank_line + 4;
    }
    AddPayload("<<-", payload.substr(0, headers), payload.substr(headers), options, lines);
  }
  return lines;
}

std::vector<std::string> TraceMessage(const protocol::WireMessage& message,
                                      const LogOptions& options) {
  std::string line = Cat("->> [", message.headers.empty() ? "MSG " : "HMSG ", message.subject, " ",
                         message.sid, " ");
  if (!message.reply.empty()) {
    CatTo(line, message.reply, " ");
  }
  if (!message.headers.empty()) {
    CatTo(line, message.headers.size(), " ");
  }
  CatTo(line, message.headers.size() + message.payload.size(), "]");
  std::vector<std::string> lines = {std::move(line)};
  AddPayload("->>", message.headers, message.payload, options, lines);
  return lines;
}

}  // namespace weir::server

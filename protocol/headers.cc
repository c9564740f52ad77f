#include "protocol/headers.h"

#include "protocol/base/strings.h"

namespace weir::protocol {

namespace {

constexpr std::string_view kVersion = "NATS/1.0";

// Everything behind the first line, or nothing when the block is not one.
std::string_view Lines(std::string_view headers) {
  size_t end = headers.find("\r\n");
  return end == std::string_view::npos ? std::string_view{} : headers.substr(end + 2);
}

std::string_view TrimFront(std::string_view text) {
  size_t start = text.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

}  // namespace

std::optional<std::string_view> FindHeader(std::string_view headers, std::string_view key) {
  size_t from = 0;
  while (true) {
    size_t at = headers.find(key, from);
    if (at == std::string_view::npos) {
      return std::nullopt;
    }
    from = at + 1;
    size_t colon = at + key.size();
    if (at < 2 || headers[at - 1] != '\n' || headers[at - 2] != '\r' || colon >= headers.size() ||
        headers[colon] != ':') {
      continue;
    }
    size_t end = headers.find("\r\n", colon);
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    return TrimFront(headers.substr(colon + 1, end - colon - 1));
  }
}

HeaderCursor::HeaderCursor(std::string_view headers) : rest_(Lines(headers)) {}

bool HeaderCursor::Next() {
  while (true) {
    size_t end = rest_.find("\r\n");
    if (end == std::string_view::npos || end == 0) {
      return false;
    }
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      continue;
    }
    key_ = line.substr(0, colon);
    value_ = TrimFront(line.substr(colon + 1));
    return true;
  }
}

std::optional<HeaderStatus> StatusOf(std::string_view headers) {
  if (!headers.starts_with(kVersion)) {
    return std::nullopt;
  }
  std::string_view line = headers.substr(0, headers.find("\r\n"));
  line = TrimFront(line.substr(kVersion.size()));
  auto code = ParseNumber<int>(line.substr(0, 3));
  if (line.size() < 3 || !code) {
    return std::nullopt;
  }
  return HeaderStatus{*code, TrimFront(line.substr(3))};
}

std::string WithHeader(std::string_view headers, std::string_view key, std::string_view value) {
  std::string out = WithoutHeader(headers, key);
  if (out.empty()) {
    out = Cat(kVersion, "\r\n\r\n");
  }
  out.resize(out.size() - 2);
  CatTo(out, key, ": ", value, "\r\n\r\n");
  return out;
}

std::string WithoutHeader(std::string_view headers, std::string_view key) {
  std::string_view lines = Lines(headers);
  std::string out(headers.substr(0, headers.size() - lines.size()));
  size_t first_line = out.size();
  while (true) {
    size_t end = lines.find("\r\n");
    if (end == std::string_view::npos || end == 0) {
      break;
    }
    std::string_view line = lines.substr(0, end + 2);
    bool drop = line.size() > key.size() && line.starts_with(key) && line[key.size()] == ':';
    if (!drop) {
      out.append(line);
    }
    lines.remove_prefix(end + 2);
  }
  bool has_status = first_line > kVersion.size() + 2;
  if (out.size() == first_line && !has_status) {
    return {};
  }
  out.append("\r\n");
  return out;
}

std::string WithoutStatus(std::string_view headers) {
  std::string_view lines = Lines(headers);
  if (lines.empty() || lines == "\r\n") {
    return {};
  }
  return Cat(kVersion, "\r\n", lines);
}

HeaderBuilder::HeaderBuilder(int status, std::string_view text) {
  out_ = text.empty() ? Cat(kVersion, ' ', status, "\r\n")
                      : Cat(kVersion, ' ', status, ' ', text, "\r\n");
}

HeaderBuilder& HeaderBuilder::Add(std::string_view key, std::string_view value) {
  CatTo(out_, key, ": ", value, "\r\n");
  return *this;
}

std::string HeaderBuilder::Take() {
  out_.append("\r\n");
  return std::move(out_);
}

}  // namespace weir::protocol

#include "server/json_indent.h"

namespace weir::server {

namespace {

void NewLine(std::string& out, size_t blanks) {
  out.push_back('\n');
  out.append(blanks, ' ');
}

}  // namespace

std::string IndentJson(std::string_view compact, size_t width) {
  std::string out;
  out.reserve(compact.size() * 2);
  size_t depth = 0;
  bool in_text = false;
  bool opened = false;  // the last character was '{' or '['
  for (size_t i = 0; i < compact.size(); ++i) {
    char c = compact[i];
    if (in_text) {
      out.push_back(c);
      if (c == '\\' && i + 1 < compact.size()) {
        out.push_back(compact[++i]);
      } else if (c == '"') {
        in_text = false;
      }
      continue;
    }
    bool closes = c == '}' || c == ']';
    if (closes) {
      --depth;
    }
    if (opened != closes) {
      if (opened || closes) {
        NewLine(out, depth * width);
      }
    }
    opened = c == '{' || c == '[';
    in_text = c == '"';
    out.push_back(c);
    if (opened) {
      ++depth;
    } else if (c == ',') {
      NewLine(out, depth * width);
    } else if (c == ':') {
      out.push_back(' ');
    }
  }
  return out;
}

}  // namespace weir::server

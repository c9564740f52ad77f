#include "server/prometheus_text.h"

#include <charconv>
#include <cmath>

namespace weir::server {

namespace {

std::string_view TypeText(PrometheusText::Type type) {
  switch (type) {
    case PrometheusText::Type::kGauge:
      return "gauge";
    case PrometheusText::Type::kCounter:
      return "counter";
    case PrometheusText::Type::kHistogram:
      return "histogram";
    case PrometheusText::Type::kSummary:
      return "summary";
  }
  return "untyped";
}

void AppendEscaped(std::string& out, std::string_view text) {
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
}

void AppendNumber(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    return;
  }
  char text[32];
  auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, end);
}

}  // namespace

void PrometheusText::Add(std::string_view name, Type type, std::string_view help,
                         const Labels& labels, double value, std::string_view suffix) {
  auto at = families_.find(name);
  if (at == families_.end()) {
    at = families_.emplace(std::string(name), Family{}).first;
    order_.emplace_back(name);
    std::string& head = at->second.head;
    CatTo(head, "# HELP ", name, " ");
    for (char c : help) {
      head += c == '\n' ? "\\n" : c == '\\' ? "\\\\" : std::string(1, c);
    }
    CatTo(head, "\n# TYPE ", name, " ", TypeText(type), "\n");
  }
  std::string& out = at->second.samples;
  CatTo(out, name, suffix);
  char separator = '{';
  for (const auto& [key, text] : labels) {
    CatTo(out, separator, key, "=\"");
    AppendEscaped(out, text);
    out.push_back('"');
    separator = ',';
  }
  out += labels.empty() ? " " : "} ";
  AppendNumber(out, value);
  out.push_back('\n');
}

std::string PrometheusText::Take() && {
  std::string out;
  for (const std::string& name : order_) {
    const Family& family = families_.at(name);
    out += family.head;
    out += family.samples;
  }
  return out;
}

}  // namespace weir::server

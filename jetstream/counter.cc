#include "jetstream/counter.h"

#include <algorithm>
#include <utility>

#include "protocol/base/json.h"
#include "protocol/base/strings.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

struct Signed {
  bool negative;
  std::string_view digits;
};

Signed Cut(std::string_view number) {
  bool negative = number.starts_with('-');
  return {negative, number.substr(negative ? 1 : 0)};
}

bool Less(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::string Join(bool negative, std::string digits) {
  size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos) {
    return "0";
  }
  return Cat(negative ? "-" : "", std::string_view(digits).substr(first));
}

std::string AddDigits(std::string_view a, std::string_view b) {
  std::string out;
  int carry = 0;
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    int sum = carry + (i < a.size() ? a[a.size() - 1 - i] - '0' : 0) +
              (i < b.size() ? b[b.size() - 1 - i] - '0' : 0);
    out.push_back(static_cast<char>('0' + sum % 10));
    carry = sum / 10;
  }
  if (carry > 0) {
    out.push_back('1');
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// Of a number that is not smaller.
std::string SubtractDigits(std::string_view a, std::string_view b) {
  std::string out;
  int borrow = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    int rest = a[a.size() - 1 - i] - '0' - borrow - (i < b.size() ? b[b.size() - 1 - i] - '0' : 0);
    borrow = rest < 0 ? 1 : 0;
    out.push_back(static_cast<char>('0' + rest + 10 * borrow));
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// The number in {"val":"..."}; "0" for text that is none, nullopt for what is not such an object.
std::optional<std::string> ValueOf(std::string_view payload) {
  auto json = ParseJson(payload);
  if (!json.ok() || !json->is_object()) {
    return std::nullopt;
  }
  std::string text;
  JsonReader in(json->get_object());
  in.Read("val", text);
  if (!in.Finish(/*strict=*/false).ok()) {
    return std::nullopt;
  }
  return NormalInteger(text).value_or("0");
}

bool ReadSources(std::string_view text, CounterTotal& total) {
  auto json = ParseJson(text);
  if (!json.ok() || !json->is_object()) {
    return false;
  }
  for (const auto& [stream, subjects] : json->get_object()) {
    const auto* object = subjects.if_object();
    if (object == nullptr) {
      return false;
    }
    for (const auto& [subject, value] : *object) {
      const auto* number = value.if_string();
      if (number == nullptr) {
        return false;
      }
      total
          .sources[std::string(stream.data(), stream.size())]
                  [std::string(subject.data(), subject.size())]
          .assign(number->data(), number->size());
    }
  }
  return true;
}

std::string SourcesJson(const CounterTotal& total) {
  JsonWriter out;
  out.OpenObject();
  for (const auto& [stream, subjects] : total.sources) {
    out.Key(stream).OpenObject();
    for (const auto& [subject, value] : subjects) {
      out.Field(subject, value);
    }
    out.CloseObject();
  }
  out.CloseObject();
  return out.Take();
}

}  // namespace

std::optional<std::string> NormalInteger(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  bool digits = !text.empty() &&
                std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? std::optional(Join(negative, std::string(text))) : std::nullopt;
}

std::string AddIntegers(std::string_view a, std::string_view b) {
  Signed left = Cut(a);
  Signed right = Cut(b);
  if (left.negative == right.negative) {
    return Join(left.negative, AddDigits(left.digits, right.digits));
  }
  if (Less(left.digits, right.digits)) {
    std::swap(left, right);
  }
  return Join(left.negative, SubtractDigits(left.digits, right.digits));
}

std::string SubtractIntegers(std::string_view a, std::string_view b) {
  Signed right = Cut(b);
  return AddIntegers(a, right.negative ? std::string(right.digits) : Cat("-", right.digits));
}

std::optional<CounterTotal> ReadCounter(std::string_view headers, std::string_view payload) {
  CounterTotal total;
  auto value = ValueOf(payload);
  if (!value) {
    return std::nullopt;
  }
  total.value = *std::move(value);
  auto sources = protocol::FindHeader(headers, "Nats-Counter-Sources");
  if (sources && !sources->empty() && !ReadSources(*sources, total)) {
    return std::nullopt;
  }
  return total;
}

std::optional<std::string> ApplyIncrement(CounterTotal& total, std::string_view subject,
                                          std::string_view increment, std::string_view source,
                                          std::string_view headers, std::string_view payload) {
  std::string out(headers);
  auto change = NormalInteger(increment);
  if (!change) {
    return std::nullopt;
  }
  if (!source.empty()) {
    auto there = ValueOf(payload);
    if (!there) {
      return std::nullopt;
    }
    auto fields = Split(source, ' ');
    std::string origin_subject(fields.size() >= 5 ? fields[4] : subject);
    std::string& known = total.sources[std::string(fields[0])][origin_subject];
    change = SubtractIntegers(*there, NormalInteger(known).value_or("0"));
    known = *there;
    out = protocol::WithHeader(out, "Nats-Incr", *change);
  }
  total.value = AddIntegers(total.value, *change);
  if (!total.sources.empty()) {
    out = protocol::WithHeader(out, "Nats-Counter-Sources", SourcesJson(total));
  }
  return out;
}

std::string CounterPayload(const CounterTotal& total) {
  return Cat(R"({"val":")", total.value, R"("})");
}

}  // namespace weir::jetstream

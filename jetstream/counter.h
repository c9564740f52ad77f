#pragma once

// Message counters (jetstream-api.md 5.9): a message's Nats-Incr is added to the total of its
// subject, and the total is what is stored. Numbers are decimal and of any size.

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace weir::jetstream {

// Digits with an optional sign, as "-12"; nullopt when `text` is no such thing.
std::optional<std::string> NormalInteger(std::string_view text);
// Of what NormalInteger() gave.
std::string AddIntegers(std::string_view a, std::string_view b);
std::string SubtractIntegers(std::string_view a, std::string_view b);

// The total of a subject, and what each origin has contributed: by stream, then subject.
struct CounterTotal {
  std::string value = "0";
  std::map<std::string, std::map<std::string, std::string>> sources;
};

// From a stored message; nullopt when it is none of a counter.
std::optional<CounterTotal> ReadCounter(std::string_view headers, std::string_view payload);

// Adds the increment of a message to `total` and returns the headers to store. A message that comes
// from an origin (`source` is its Nats-Stream-Source, `payload` the total there) counts by what the
// origin has gained since the last one of it. nullopt: not a counter's message.
std::optional<std::string> ApplyIncrement(CounterTotal& total, std::string_view subject,
                                          std::string_view increment, std::string_view source,
                                          std::string_view headers, std::string_view payload);

// The payload that is stored.
std::string CounterPayload(const CounterTotal& total);

}  // namespace weir::jetstream

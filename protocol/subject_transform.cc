#include "protocol/subject_transform.h"

#include <algorithm>
#include <optional>

#include "protocol/base/strings.h"
#include "protocol/subject.h"

namespace weir::protocol {

namespace {

Status Bad(std::string_view what, std::string_view token) {
  return InvalidArgument(Cat("invalid mapping destination: ", what, " in ", token));
}

std::vector<std::string_view> Tokens(std::string_view subject) {
  std::vector<std::string_view> out;
  for (TokenCursor cursor(subject); cursor.Next();) {
    out.push_back(cursor.token());
  }
  return out;
}

std::optional<int64_t> Argument(const std::vector<std::string_view>& arguments, size_t index) {
  return ParseNumber<int64_t>(TrimSpace(arguments[index]));
}

// A token cut into dotted pieces of `size` characters, the odd one at the far end.
std::string Sliced(std::string_view token, size_t size, bool from_left) {
  if (size == 0 || size >= token.size()) {
    return std::string(token);
  }
  std::string out;
  size_t first = from_left ? size : token.size() % size;
  size_t at = 0;
  if (!from_left && first == 0) {
    first = size;
  }
  for (size_t piece = first; at < token.size(); piece = size) {
    if (!out.empty()) {
      out.push_back('.');
    }
    out.append(token.substr(at, piece));
    at += piece;
  }
  return out;
}

}  // namespace

uint32_t Fnv1a(std::string_view bytes, uint32_t hash) {
  for (char c : bytes) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 16777619U;
  }
  return hash;
}

StatusOr<SubjectTransform> SubjectTransform::Make(std::string_view source,
                                                  std::string_view destination, bool strict) {
  SubjectTransform out;
  out.source_ = source.empty() ? ">" : source;
  out.destination_ = destination;
  if (!IsValidPattern(out.source_)) {
    return InvalidArgument("invalid subject");
  }
  std::vector<size_t> wildcards;
  auto tokens = Tokens(out.source_);
  bool source_tail = tokens.back() == ">";
  out.tail_at_ = tokens.size() - 1;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == "*") {
      wildcards.push_back(i);
    }
  }
  auto destination_tokens = Tokens(destination);
  bool destination_tail = !destination.empty() && destination_tokens.back() == ">";
  if (source_tail != destination_tail || !IsValidPattern(destination)) {
    return Bad("invalid transform", destination);
  }
  if (std::find(destination_tokens.begin(), destination_tokens.end(), "*") !=
      destination_tokens.end()) {
    return InvalidArgument("invalid subject");
  }
  std::vector<bool> used(tokens.size(), false);
  for (std::string_view token : destination_tokens) {
    WEIR_ASSIGN_OR_RETURN(Part part, ReadPart(token, wildcards));
    if (strict && part.kind != Kind::kLiteral && part.kind != Kind::kWildcard &&
        part.kind != Kind::kTail) {
      return Bad("the only mapping function allowed for import transforms is {{Wildcard()}}",
                 token);
    }
    for (size_t position : part.sources) {
      used[position] = true;
    }
    out.parts_.push_back(std::move(part));
  }
  if (strict && std::any_of(wildcards.begin(), wildcards.end(),
                            [&used](size_t position) { return !used[position]; })) {
    return Bad("not using all of the token wildcard(s)", destination);
  }
  return out;
}

StatusOr<SubjectTransform::Part> SubjectTransform::ReadPart(std::string_view token,
                                                            const std::vector<size_t>& wildcards) {
  Part part;
  if (token == ">") {
    part.kind = Kind::kTail;
    return part;
  }
  if (token.size() > 1 && token.front() == '$') {
    auto index = ParseNumber<size_t>(token.substr(1));
    if (index) {
      if (*index == 0 || *index > wildcards.size()) {
        return Bad("wildcard index out of range", token);
      }
      part.kind = Kind::kWildcard;
      part.sources = {wildcards[*index - 1]};
      return part;
    }
  }
  if (token.starts_with("{{") && token.ends_with("}}") && token.size() > 4) {
    return ReadFunction(token, TrimSpace(token.substr(2, token.size() - 4)), wildcards);
  }
  part.text = token;
  return part;
}

StatusOr<SubjectTransform::Part> SubjectTransform::ReadFunction(
    std::string_view token, std::string_view call, const std::vector<size_t>& wildcards) {
  struct Function {
    std::string_view name;  // compared without regard to case
    Kind kind;
    size_t arguments;
  };
  static constexpr Function kFunctions[] = {
      {"wildcard", Kind::kWildcard, 1},
      {"partition", Kind::kPartition, 0},  // one or more
      {"split", Kind::kSplit, 2},
      {"splitfromleft", Kind::kSplitFromLeft, 2},
      {"splitfromright", Kind::kSplitFromRight, 2},
      {"slicefromleft", Kind::kSliceFromLeft, 2},
      {"slicefromright", Kind::kSliceFromRight, 2},
      {"left", Kind::kLeft, 2},
      {"right", Kind::kRight, 2},
      {"random", Kind::kRandom, 1},
  };
  size_t open = call.find('(');
  if (open == std::string_view::npos || call.back() != ')') {
    return Bad("unknown function", token);
  }
  std::string_view name = TrimSpace(call.substr(0, open));
  const auto* function =
      std::find_if(std::begin(kFunctions), std::end(kFunctions),
                   [name](const Function& f) { return EqualsIgnoreCase(f.name, name); });
  if (function == std::end(kFunctions)) {
    return Bad("unknown function", token);
  }
  std::string_view inside = call.substr(open + 1, call.size() - open - 2);
  auto arguments = Split(inside, ',');
  if (TrimSpace(inside).empty() || arguments.size() < function->arguments) {
    return Bad("not enough arguments passed to the function", token);
  }
  if (function->arguments > 0 && arguments.size() > function->arguments) {
    return Bad("too many arguments passed to the function", token);
  }
  Part part;
  part.kind = function->kind;
  auto bad_argument = Bad("function argument is invalid or in the wrong format", token);
  auto first = Argument(arguments, 0);
  if (!first || *first < 0) {
    return bad_argument;
  }
  if (part.kind == Kind::kPartition || part.kind == Kind::kRandom) {
    if (*first > INT32_MAX) {
      return bad_argument;
    }
    part.number = *first;
  }
  // For partition the token list follows the number of buckets, else the token comes first.
  bool is_partition = part.kind == Kind::kPartition;
  size_t from = is_partition ? 1 : 0;
  size_t to = is_partition ? arguments.size() : part.kind == Kind::kRandom ? 0 : 1;
  for (size_t i = from; i < to; ++i) {
    auto index = Argument(arguments, i);
    if (!index) {
      return bad_argument;
    }
    if (*index < 1 || static_cast<size_t>(*index) > wildcards.size()) {
      return Bad("wildcard index out of range", Cat(token, ": [", *index, "]"));
    }
    part.sources.push_back(wildcards[static_cast<size_t>(*index) - 1]);
  }
  if (part.kind == Kind::kSplit) {
    part.text = TrimSpace(arguments[1]);
    if (part.text.empty() || part.text.find_first_of(" .") != std::string::npos) {
      return bad_argument;
    }
  } else if (function->arguments == 2) {
    auto number = Argument(arguments, 1);
    if (!number || *number < 0) {
      return bad_argument;
    }
    part.number = *number;
  }
  return part;
}

bool SubjectTransform::Covers(std::string_view subject) const {
  return Matches(subject, source_);
}

std::string SubjectTransform::Apply(std::string_view subject, Random& random) const {
  auto tokens = Tokens(subject);
  std::string out;
  for (const Part& part : parts_) {
    if (&part != &parts_.front()) {
      out.push_back('.');
    }
    AppendPart(part, subject, tokens, random, out);
  }
  return out;
}

void SubjectTransform::AppendPart(const Part& part, std::string_view subject,
                                  const std::vector<std::string_view>& tokens, Random& random,
                                  std::string& out) const {
  std::string_view token = part.sources.empty() ? std::string_view{} : tokens[part.sources[0]];
  auto number = static_cast<size_t>(part.number);
  switch (part.kind) {
    case Kind::kLiteral:
      out.append(part.text);
      return;
    case Kind::kTail:
      for (size_t i = tail_at_; i < tokens.size(); ++i) {
        out.append(i == tail_at_ ? "" : ".").append(tokens[i]);
      }
      return;
    case Kind::kWildcard:
      out.append(token);
      return;
    case Kind::kPartition: {
      uint32_t hash = Fnv1a({});
      for (size_t source : part.sources) {
        hash = Fnv1a(tokens[source], hash);
      }
      if (part.sources.empty()) {
        hash = Fnv1a(subject);
      }
      CatTo(out, part.number == 0 ? 0 : hash % static_cast<uint32_t>(part.number));
      return;
    }
    case Kind::kSplit: {
      bool first = true;
      for (size_t at = 0; at <= token.size();) {
        size_t end = std::min(token.find(part.text, at), token.size());
        if (end > at) {
          out.append(first ? "" : ".").append(token.substr(at, end - at));
          first = false;
        }
        at = end + part.text.size();
      }
      return;
    }
    case Kind::kSplitFromLeft:
    case Kind::kSplitFromRight: {
      if (number == 0 || number >= token.size()) {
        out.append(token);  // one side would be empty
        return;
      }
      size_t at = part.kind == Kind::kSplitFromLeft ? number : token.size() - number;
      out.append(token.substr(0, at)).append(".").append(token.substr(at));
      return;
    }
    case Kind::kSliceFromLeft:
    case Kind::kSliceFromRight:
      out.append(Sliced(token, number, part.kind == Kind::kSliceFromLeft));
      return;
    case Kind::kLeft:
      out.append(number == 0 ? token : token.substr(0, number));
      return;
    case Kind::kRight:
      out.append(number == 0 || number >= token.size() ? token
                                                       : token.substr(token.size() - number));
      return;
    case Kind::kRandom:
      CatTo(out, part.number == 0 ? 0 : random.Below(static_cast<uint64_t>(part.number)));
      return;
  }
}

}  // namespace weir::protocol

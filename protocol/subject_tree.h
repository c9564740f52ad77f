#pragma once

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/strings.h"
#include "protocol/subject.h"

namespace weir::protocol {

// Values by subject pattern: insert under literals and wildcards, find what matches a literal
// subject. A tree of tokens; each node has its literal children, one "*" child, and the values of
// the patterns that end here or end here with ">". V needs ==. Not thread-safe.
template <typename V>
class SubjectTree {
 public:
  void Insert(std::string_view pattern, V value) {
    Node* node = &root_;
    bool tail = false;
    for (TokenCursor cursor(pattern); cursor.Next();) {
      if (cursor.token() == ">" && cursor.last()) {
        tail = true;
        break;
      }
      node = node->Child(cursor.token());
    }
    (tail ? node->tail : node->values).push_back(std::move(value));
    ++size_;
  }

  // Removes one value equal to `value` under exactly this pattern; false when there is none.
  bool Remove(std::string_view pattern, const V& value) {
    bool removed = RemoveFrom(root_, TokenCursor(pattern), value);
    size_ -= removed ? 1 : 0;
    return removed;
  }

  // Calls visit(value) for every value whose pattern covers the literal `subject`. A subject with
  // an empty token matches nothing. Tokens that look like wildcards are taken literally
  // (protocol.md 8).
  template <typename F>
  void Match(std::string_view subject, F&& visit) const {
    if (subject.empty() || subject.front() == '.' || subject.back() == '.' ||
        subject.find("..") != std::string_view::npos) {
      return;
    }
    MatchFrom(root_, TokenCursor(subject), visit);
  }

  // Is there a value under exactly this literal subject? Patterns that cover it do not count.
  bool ContainsLiteral(std::string_view subject) const {
    return ContainsLiteral(subject, [](const V&) { return true; });
  }
  // The same for values that `is_one` accepts.
  template <typename F>
  bool ContainsLiteral(std::string_view subject, F&& is_one) const {
    const Node* node = &root_;
    for (TokenCursor cursor(subject); cursor.Next();) {
      auto at = node->children.find(cursor.token());
      if (at == node->children.end()) {
        return false;
      }
      node = at->second.get();
    }
    return std::any_of(node->values.begin(), node->values.end(), is_one);
  }

  // Calls visit(value) for every value.
  template <typename F>
  void ForEach(F&& visit) const {
    VisitAll(root_, visit);
  }

  size_t size() const { return size_; }

 private:
  struct Node {
    StringMap<std::unique_ptr<Node>> children;
    std::unique_ptr<Node> star;
    std::vector<V> values;
    std::vector<V> tail;  // of "<here>.>"

    Node* Child(std::string_view token) {
      if (token == "*") {
        if (!star) {
          star = std::make_unique<Node>();
        }
        return star.get();
      }
      auto at = children.find(token);
      if (at == children.end()) {
        at = children.emplace(std::string(token), std::make_unique<Node>()).first;
      }
      return at->second.get();
    }
    bool empty() const { return children.empty() && !star && values.empty() && tail.empty(); }
  };

  static bool Erase(std::vector<V>& values, const V& value) {
    auto at = std::find(values.begin(), values.end(), value);
    if (at == values.end()) {
      return false;
    }
    *at = std::move(values.back());
    values.pop_back();
    if (values.empty()) {
      values.shrink_to_fit();
    }
    return true;
  }

  static bool RemoveFrom(Node& node, TokenCursor cursor, const V& value) {
    if (!cursor.Next()) {
      return Erase(node.values, value);
    }
    if (cursor.token() == ">" && cursor.last()) {
      return Erase(node.tail, value);
    }
    if (cursor.token() == "*") {
      bool removed = node.star && RemoveFrom(*node.star, cursor, value);
      if (removed && node.star->empty()) {
        node.star.reset();
      }
      return removed;
    }
    auto at = node.children.find(cursor.token());
    if (at == node.children.end() || !RemoveFrom(*at->second, cursor, value)) {
      return false;
    }
    if (at->second->empty()) {
      node.children.erase(at);
    }
    return true;
  }

  template <typename F>
  static void MatchFrom(const Node& start, TokenCursor cursor, F&& visit) {
    const Node* node = &start;
    while (true) {
      if (!cursor.Next()) {
        for (const V& value : node->values) {
          visit(value);
        }
        return;
      }
      for (const V& value : node->tail) {
        visit(value);
      }
      if (node->star) {
        MatchFrom(*node->star, cursor, visit);
      }
      if (node->children.empty()) {
        return;
      }
      auto at = node->children.find(cursor.token());
      if (at == node->children.end()) {
        return;
      }
      node = at->second.get();
    }
  }

  template <typename F>
  static void VisitAll(const Node& node, F&& visit) {
    for (const V& value : node.values) {
      visit(value);
    }
    for (const V& value : node.tail) {
      visit(value);
    }
    if (node.star) {
      VisitAll(*node.star, visit);
    }
    for (const auto& [token, child] : node.children) {
      VisitAll(*child, visit);
    }
  }

  Node root_;
  size_t size_ = 0;
};

}  // namespace weir::protocol

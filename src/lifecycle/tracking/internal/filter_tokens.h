// The first half of reading a filter: text into the elements that MLflow's parser decides on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace caisson::tracking::internal {

enum class ElementKind {
  kIdentifier,  // name, a.b, `quoted`, "quoted", and an identifier with ASC or DESC behind it
  kBuiltin,     // the word timestamp
  kInteger,
  kFloat,
  kString,      // '...'
  kComparator,  // = != < LIKE ... where it could not be joined with its neighbours
  kKeyword,
  kOrder,        // ASC, DESC
  kParenthesis,  // ( ... ) as one piece
  kComparison,   // left comparator right
  kOther,        // anything else: operations, functions, lists, stray characters
};

// A piece of the filter. `text` is what the client wrote, spaces included.
struct Element {
  ElementKind kind = ElementKind::kOther;
  std::string text;
  std::vector<Element> parts;  // of a comparison: left, comparator, right
};

// The elements of one statement without the spaces between them, grouped as sqlparse groups them.
// `statements` is how many statements (separated by ';') the text has; only the first one's
// elements are returned.
struct ElementList {
  std::vector<Element> elements;
  int statements = 0;
};
ElementList ReadElements(std::string_view text);

// Whether the keyword is `word`, in any case.
bool IsKeyword(const Element& element, std::string_view word);

}  // namespace caisson::tracking::internal

#include "lifecycle/tracking/internal/filter_tokens.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"

namespace caisson::tracking::internal {
namespace {

enum class TokenKind {
  kSpace,
  kName,
  kSymbol,  // "..."
  kBuiltin,
  kInteger,
  kFloat,
  kHexadecimal,
  kString,
  kComparator,
  kKeyword,
  kOrder,
  kPunctuation,
  kOperator,
  kComment,
  kPlaceholder,
  kOther,
};

struct Token {
  TokenKind kind = TokenKind::kOther;
  std::string_view text;
};

// The SQL words that cannot be bare identifiers. sqlparse knows some eight hundred; these are the
// ones that people write in filters or that could be taken for keys. Any of them is a name when a
// dot stands before or behind it.
constexpr std::string_view kKeywords[] = {
    "ALL",    "AND",     "ANY",   "AS",     "BETWEEN",  "BY",      "CASE",   "CHECK",  "CREATE",
    "CROSS",  "CURRENT", "DATE",  "DELETE", "DISTINCT", "DROP",    "ELSE",   "END",    "EXISTS",
    "FALSE",  "FROM",    "FULL",  "GROUP",  "HAVING",   "IN",      "INNER",  "INSERT", "INTO",
    "IS",     "JOIN",    "KEY",   "LEFT",   "LIMIT",    "NATURAL", "NOT",    "NULL",   "OFFSET",
    "ON",     "OR",      "ORDER", "OUTER",  "PRIMARY",  "RIGHT",   "SELECT", "SET",    "SOURCE",
    "TABLE",  "THEN",    "TRUE",  "TYPE",   "UNION",    "UPDATE",  "USER",   "USING",  "VALUE",
    "VALUES", "VERSION", "WHEN",  "WHERE",  "WITH",
};

bool IsWordStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
}
bool IsWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsSpace(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

// Cuts a filter into tokens. Rules are tried in the order in which sqlparse tries them.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> Run() {
    std::vector<Token> tokens;
    while (position_ < text_.size()) {
      Token token = Next();
      token.text = text_.substr(position_, length_);
      position_ += length_;
      tokens.push_back(token);
    }
    return tokens;
  }

 private:
  char At(size_t offset) const {
    return position_ + offset < text_.size() ? text_[position_ + offset] : '\0';
  }

  Token Take(TokenKind kind, size_t length) {
    length_ = length;
    return {kind, {}};
  }

  Token Next() {
    const char c = At(0);
    if ((c == '-' && At(1) == '-') || (c == '#' && At(1) == ' '))
      return Take(TokenKind::kComment, LineLength());
    if (c == '/' && At(1) == '*') {
      const size_t end = text_.find("*/", position_ + 2);
      if (end != std::string_view::npos) return Take(TokenKind::kComment, end + 2 - position_);
    }
    if (IsSpace(c)) return Take(TokenKind::kSpace, 1);
    if (c == '*') return Take(TokenKind::kOperator, 1);
    if (c == '`') {
      if (const size_t length = QuotedLength('`', false)) return Take(TokenKind::kName, length);
    }
    if (c == '?') return Take(TokenKind::kPlaceholder, 1);
    if (const size_t length = NumberLength(); length > 0) return Take(number_kind_, length);
    if (c == '\'') {
      if (const size_t length = QuotedLength('\'', true)) return Take(TokenKind::kString, length);
    }
    if (c == '"') {
      if (const size_t length = QuotedLength('"', true)) return Take(TokenKind::kSymbol, length);
    }
    if (IsWordStart(c) || c == '_' || IsDigit(c)) return Word();
    if (std::string_view(";:()[],.").find(c) != std::string_view::npos)
      return Take(TokenKind::kPunctuation, 1);
    if (const size_t length = RunLength("<>=~!"); length > 0)
      return Take(TokenKind::kComparator, length);
    if (const size_t length = RunLength("+/@#%^&|-"); length > 0)
      return Take(TokenKind::kOperator, length);
    return Take(TokenKind::kOther, 1);
  }

  size_t LineLength() const {
    const size_t end = text_.find_first_of("\r\n", position_);
    return (end == std::string_view::npos ? text_.size() : end + 1) - position_;
  }

  size_t RunLength(std::string_view characters) const {
    size_t length = 0;
    while (position_ + length < text_.size() &&
           characters.find(text_[position_ + length]) != std::string_view::npos) {
      ++length;
    }
    return length;
  }

  // The length of a quoted piece; 0 when it never ends. The quote is doubled inside, or escaped
  // where `backslash` says so.
  size_t QuotedLength(char quote, bool backslash) const {
    size_t last_end = 0;
    for (size_t i = 1; position_ + i < text_.size(); ++i) {
      const char c = At(i);
      if (backslash && c == '\\' && At(i + 1) == quote) {
        last_end = i + 2;  // taken as the end when no other quote follows
        ++i;
      } else if (c == quote) {
        if (At(i + 1) != quote) return i + 1;
        ++i;
      }
    }
    return last_end;
  }

  size_t Digits(size_t offset) const {
    size_t count = 0;
    while (IsDigit(At(offset + count))) ++count;
    return count;
  }

  size_t NumberLength() {
    const size_t sign = At(0) == '-' ? 1 : 0;
    if (At(sign) == '0' && (At(sign + 1) == 'x' || At(sign + 1) == 'X') &&
        std::isxdigit(At(sign + 2)) != 0) {
      size_t length = sign + 2;
      while (std::isxdigit(static_cast<unsigned char>(At(length))) != 0) ++length;
      number_kind_ = TokenKind::kHexadecimal;
      return length;
    }
    const size_t whole = Digits(sign);
    size_t end = sign + whole;
    const bool point = At(end) == '.';
    const size_t fraction = point ? Digits(end + 1) : 0;
    number_kind_ = TokenKind::kFloat;
    if (whole > 0) {
      const size_t mantissa_end = point && fraction > 0 ? end + 1 + fraction : end;
      if (At(mantissa_end) == 'e' || At(mantissa_end) == 'E') {
        const size_t exponent_sign = At(mantissa_end + 1) == '-' ? 1 : 0;
        const size_t exponent = Digits(mantissa_end + 1 + exponent_sign);
        if (exponent > 0) return mantissa_end + 1 + exponent_sign + exponent;
      }
    }
    const auto may_follow = [&](size_t at) { return !IsWordStart(At(at)) && At(at) != '_'; };
    if (point && (whole > 0 || fraction > 0) && may_follow(end + 1 + fraction))
      return end + 1 + fraction;
    if (whole > 0 && may_follow(end)) {
      number_kind_ = TokenKind::kInteger;
      return end;
    }
    return 0;
  }

  size_t WordLength(size_t offset) const {
    size_t length = 0;
    while (IsWord(At(offset + length)) ||
           (length > 0 && (At(offset + length) == '$' || At(offset + length) == '#'))) {
      ++length;
    }
    return length;
  }

  // The length of `first` spaces `second` at this place, or 0.
  size_t TwoWords(std::string_view first, std::string_view second) const {
    if (Upper(text_.substr(position_, first.size())) != first) return 0;
    size_t at = first.size();
    while (IsSpace(At(at))) ++at;
    if (at == first.size() ||
        Upper(text_.substr(std::min(position_ + at, text_.size()), second.size())) != second)
      return 0;
    return IsWord(At(at + second.size())) ? 0 : at + second.size();
  }

  Token Word() {
    const size_t length = WordLength(0);
    const std::string word = Upper(text_.substr(position_, length));
    const bool after_dot = position_ > 0 && text_[position_ - 1] == '.';
    size_t next = length;
    while (IsSpace(At(next))) ++next;
    const bool before_dot = At(next) == '.' && !IsDigit(At(next + 1));
    const bool letter = IsWordStart(At(0));
    if (word == "IN" || word == "CASE" || word == "VALUES" || word == "USING" || word == "FROM" ||
        word == "AS") {
      return Take(TokenKind::kKeyword, length);
    }
    if (letter && (before_dot || after_dot || At(length) == '('))
      return Take(TokenKind::kName, length);
    if (const size_t two = TwoWords("NOT", "NULL")) return Take(TokenKind::kKeyword, two);
    for (const std::string_view comparator : {"LIKE", "ILIKE", "RLIKE"}) {
      if (word == comparator) return Take(TokenKind::kComparator, length);
      if (const size_t two = TwoWords("NOT", comparator)) return Take(TokenKind::kComparator, two);
    }
    if (word == "ASC" || word == "DESC") return Take(TokenKind::kOrder, length);
    if (word == "TIMESTAMP") return Take(TokenKind::kBuiltin, length);
    const bool keyword =
        std::find(std::begin(kKeywords), std::end(kKeywords), word) != std::end(kKeywords);
    return Take(keyword ? TokenKind::kKeyword : TokenKind::kName, length);
  }

  std::string_view text_;
  size_t position_ = 0;
  size_t length_ = 0;
  TokenKind number_kind_ = TokenKind::kInteger;
};

// Joins tokens into elements. Each pass is one of sqlparse's groupings, on a list that keeps the
// spaces, since an element's text has them.
class Grouper {
 public:
  explicit Grouper(const std::vector<Token>& tokens) {
    for (const Token& token : tokens)
      items_.push_back({KindOf(token), token.kind, std::string(token.text), {}});
  }

  std::vector<Element> Run() {
    GroupParentheses();
    GroupIdentifiers();
    GroupOrder();
    GroupOperations();
    GroupComparisons();
    GroupAliases();
    GroupLists();
    std::vector<Element> elements;
    for (Item& item : items_) {
      if (item.token != TokenKind::kSpace)
        elements.push_back({item.kind, std::move(item.text), std::move(item.parts)});
    }
    return elements;
  }

 private:
  struct Item {
    ElementKind kind;
    TokenKind token;  // kOther once it was grouped
    std::string text;
    std::vector<Element> parts;
  };

  static ElementKind KindOf(const Token& token) {
    switch (token.kind) {
      case TokenKind::kBuiltin:
        return ElementKind::kBuiltin;
      case TokenKind::kInteger:
        return ElementKind::kInteger;
      case TokenKind::kFloat:
        return ElementKind::kFloat;
      case TokenKind::kString:
        return ElementKind::kString;
      case TokenKind::kComparator:
        return ElementKind::kComparator;
      case TokenKind::kKeyword:
        return ElementKind::kKeyword;
      case TokenKind::kOrder:
        return ElementKind::kOrder;
      default:
        return ElementKind::kOther;
    }
  }

  // Replaces [from, to] by one item with the text of all of them.
  void Merge(size_t from, size_t to, ElementKind kind, std::vector<Element> parts = {}) {
    for (size_t i = from + 1; i <= to; ++i) items_[from].text += items_[i].text;
    items_[from].kind = kind;
    items_[from].token = TokenKind::kOther;
    items_[from].parts = std::move(parts);
    items_.erase(items_.begin() + static_cast<ptrdiff_t>(from) + 1,
                 items_.begin() + static_cast<ptrdiff_t>(to) + 1);
  }

  static constexpr size_t kNone = static_cast<size_t>(-1);
  size_t Next(size_t index) const {
    for (size_t i = index + 1; i < items_.size(); ++i) {
      if (items_[i].token != TokenKind::kSpace) return i;
    }
    return kNone;
  }
  size_t Previous(size_t index) const {
    for (size_t i = index; i-- > 0;) {
      if (items_[i].token != TokenKind::kSpace) return i;
    }
    return kNone;
  }
  bool IsPunctuation(size_t index, std::string_view text) const {
    return items_[index].token == TokenKind::kPunctuation && items_[index].text == text;
  }

  void GroupParentheses() {
    std::vector<size_t> open;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (IsPunctuation(i, "(")) {
        open.push_back(i);
      } else if (IsPunctuation(i, ")") && !open.empty()) {
        Merge(open.back(), i, ElementKind::kParenthesis);
        i = open.back();
        open.pop_back();
      }
    }
  }

  static bool IsName(const Item& item) {
    return item.token == TokenKind::kName || item.token == TokenKind::kSymbol;
  }

  void GroupIdentifiers() {
    for (size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].token == TokenKind::kName) {
        const size_t next = Next(i);
        if (next != kNone && items_[next].kind == ElementKind::kParenthesis) {
          Merge(i, next, ElementKind::kOther);  // a function
          items_[i].token = TokenKind::kOther;
          continue;
        }
      }
      if (!IsName(items_[i])) continue;
      for (size_t dot = Next(i); dot != kNone && IsPunctuation(dot, "."); dot = Next(i)) {
        const size_t next = Next(dot);
        const bool valid =
            next != kNone && (IsName(items_[next]) || items_[next].token == TokenKind::kString ||
                              items_[next].text == "*");
        Merge(i, valid ? next : dot, ElementKind::kIdentifier);
      }
      items_[i].kind = ElementKind::kIdentifier;
      items_[i].token = TokenKind::kOther;
    }
  }

  void GroupOrder() {
    for (size_t i = 1; i < items_.size(); ++i) {
      if (items_[i].kind != ElementKind::kOrder) continue;
      const size_t previous = Previous(i);
      if (previous != kNone && items_[previous].kind == ElementKind::kIdentifier) {
        Merge(previous, i, ElementKind::kIdentifier);
        i = previous;
      }
    }
  }

  static bool IsOperand(const Item& item) {
    return item.kind == ElementKind::kIdentifier || item.kind == ElementKind::kInteger ||
           item.kind == ElementKind::kFloat || item.kind == ElementKind::kString ||
           item.kind == ElementKind::kParenthesis ||
           (item.kind == ElementKind::kOther && item.token == TokenKind::kOther &&
            item.text.size() > 1);
  }

  void GroupOperations() {
    for (size_t i = 1; i + 1 < items_.size(); ++i) {
      if (items_[i].token != TokenKind::kOperator) continue;
      const size_t previous = Previous(i);
      const size_t next = Next(i);
      if (previous == kNone || next == kNone || !IsOperand(items_[previous]) ||
          !IsOperand(items_[next]))
        continue;
      Merge(previous, next, ElementKind::kOther);
      i = previous;
    }
  }

  void GroupComparisons() {
    for (size_t i = 1; i + 1 < items_.size(); ++i) {
      if (items_[i].kind != ElementKind::kComparator) continue;
      const size_t left = Previous(i);
      const size_t right = Next(i);
      const auto valid = [&](size_t index) {
        return index != kNone &&
               (IsOperand(items_[index]) || (items_[index].kind == ElementKind::kKeyword &&
                                             Upper(items_[index].text) == "NULL"));
      };
      if (!valid(left) || !valid(right)) continue;
      std::vector<Element> parts;
      for (const size_t index : {left, i, right})
        parts.push_back({items_[index].kind, items_[index].text, {}});
      Merge(left, right, ElementKind::kComparison, std::move(parts));
      i = left;
    }
  }

  // "a b" is "a AS b" in SQL: whatever stands before a lone identifier swallows it.
  void GroupAliases() {
    for (size_t i = 0; i < items_.size(); ++i) {
      const ElementKind kind = items_[i].kind;
      const bool takes_alias = kind == ElementKind::kIdentifier ||
                               kind == ElementKind::kParenthesis ||
                               kind == ElementKind::kComparison || kind == ElementKind::kInteger ||
                               kind == ElementKind::kFloat;
      const size_t next = Next(i);
      if (!takes_alias || next == kNone || items_[next].kind != ElementKind::kIdentifier) continue;
      Merge(i, next, ElementKind::kIdentifier);
    }
  }

  void GroupLists() {
    for (size_t i = 1; i + 1 < items_.size(); ++i) {
      if (!IsPunctuation(i, ",")) continue;
      const size_t previous = Previous(i);
      const size_t next = Next(i);
      if (previous == kNone || next == kNone) continue;
      Merge(previous, next, ElementKind::kOther);
      i = previous;
    }
  }

  std::vector<Item> items_;
};

}  // namespace

bool IsKeyword(const Element& element, std::string_view word) {
  return element.kind == ElementKind::kKeyword && Upper(element.text) == word;
}

ElementList ReadElements(std::string_view text) {
  const std::vector<Token> tokens = Lexer(text).Run();
  ElementList list;
  std::vector<Token> first;
  bool in_statement = false;
  for (const Token& token : tokens) {
    if (token.kind != TokenKind::kSpace && !in_statement) {
      ++list.statements;
      in_statement = true;
    }
    if (list.statements == 1) first.push_back(token);
    if (token.kind == TokenKind::kPunctuation && token.text == ";") in_statement = false;
  }
  list.elements = Grouper(first).Run();
  return list;
}

}  // namespace caisson::tracking::internal

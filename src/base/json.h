// A JSON document as a value.
//
// For configuration, API bodies and everything that is not on a hot path. Hot bodies are read with
// simdjson and written by hand inside the module that owns them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"

namespace caisson {

// null, bool, int64, uint64 (only above int64's range), double, string, array or object. Objects
// keep the order of insertion; a repeated key on parsing keeps the last value. A value type,
// deep-copied. Not for concurrent writing.
class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(static_cast<int64_t>(value)) {}
  Json(unsigned value) : value_(static_cast<int64_t>(value)) {}
  Json(long value) : value_(static_cast<int64_t>(value)) {}
  Json(long long value) : value_(static_cast<int64_t>(value)) {}
  Json(unsigned long value) { SetUnsigned(value); }
  Json(unsigned long long value) { SetUnsigned(value); }
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  // Json::Of({{"name", "x"}, {"size", 3}})
  static Json Of(std::initializer_list<Member> members) { return Json(Object(members), 0); }
  static Json MakeObject() { return Json(Object(), 0); }
  static Json MakeArray() { return Json(Array()); }
  template <typename Range>
  static Json ArrayOf(const Range& range) {
    Array array;
    for (const auto& item : range) array.emplace_back(item);
    return Json(std::move(array));
  }

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<int64_t>(value_); }
  bool is_uint() const { return std::holds_alternative<uint64_t>(value_); }
  bool is_double() const { return std::holds_alternative<double>(value_); }
  bool is_number() const { return is_int() || is_uint() || is_double(); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  // "null", "boolean", "integer", "number", "string", "array" or "object", for error messages.
  std::string_view type_name() const;

  // Typed access with a fallback: never fails. A double becomes an integer only where that is
  // exact; an integer becomes the nearest double.
  bool AsBool(bool fallback = false) const;
  int64_t AsInt(int64_t fallback = 0) const;
  uint64_t AsUint(uint64_t fallback = 0) const;
  double AsDouble(double fallback = 0) const;
  const std::string& AsString() const;  // empty when it is not a string
  std::string AsString(std::string_view fallback) const;
  const Array& array() const;    // empty when it is not an array
  const Object& object() const;  // empty when it is not an object

  // The member, or null when this is not an object or has no such member.
  const Json* Find(std::string_view key) const;
  // The member, or a null value.
  const Json& operator[](std::string_view key) const;
  // The element, or a null value.
  const Json& operator[](size_t index) const;
  size_t size() const;  // of an array or an object, otherwise 0
  bool empty() const { return size() == 0; }

  // Sets or replaces a member; a null value becomes an object first, and so does a value of another
  // type. Looks through the members one by one: an object of many thousands is better built with
  // mutable_object().emplace_back().
  Json& Set(std::string_view key, Json value);
  // The member for writing, made when missing.
  Json& Mutable(std::string_view key);
  void Remove(std::string_view key);
  // Appends an element; a value that is not an array becomes one first.
  Json& Append(Json value);
  Array& mutable_array();
  Object& mutable_object();

  // "a.b[0].c", as in params.yaml; null when something on the way is missing.
  const Json* FindPath(std::string_view dotted_path) const;
  // Sets "a.b.c", making objects on the way; "[n]" must name an element that exists.
  // InvalidArgument when the way leads through something else.
  Status SetPath(std::string_view dotted_path, Json value);

  // Numbers compare by value; the order of an object's members does not matter.
  bool operator==(const Json& other) const;

 private:
  Json(Object value, int) : value_(std::move(value)) {}
  void SetUnsigned(uint64_t value) {
    if (value <= static_cast<uint64_t>(INT64_MAX)) {
      value_ = static_cast<int64_t>(value);
    } else {
      value_ = value;
    }
  }

  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> value_;
};

struct JsonParseOptions {
  int max_depth = 100;
  // Accept NaN, Infinity and -Infinity, and read a number too large for a double as infinity, as
  // Python's json does.
  bool allow_nan = false;
  // Read the escapes \udc80 to \udcff, where they are no half of a pair, as the bytes 0x80 to 0xff:
  // the inverse of JsonWriteOptions::ascii_only. The strings read are then not always UTF-8.
  bool surrogate_escape = false;
};

// Strict RFC 8259, UTF-8 checked. Integers that fit neither int64 nor uint64 become doubles.
// InvalidArgument names line and column, both from 1, columns in code points.
Result<Json> ParseJson(std::string_view text, const JsonParseOptions& options = {});

struct JsonWriteOptions {
  int indent = 0;          // spaces a level; 0 writes one line
  bool sort_keys = false;  // by code point
  // Escapes like Python's ensure_ascii; a byte that is not UTF-8 becomes a lone \udc80..\udcff.
  bool ascii_only = false;
  bool python_spacing = false;  // ", " and ": " on one line, like Python's json.dumps defaults
  bool allow_nan = false;       // NaN and Infinity as Python writes them; otherwise null
};

// Doubles are written as Python's repr writes them ("1.0", "1e-05"). With python_spacing,
// ascii_only and allow_nan the text is byte for byte what json.dumps(value) gives, with indent and
// sort_keys what its arguments of that name give.
std::string WriteJson(const Json& json, const JsonWriteOptions& options = {});

// Appends `text` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. For
// writers of hot answers.
void AppendJsonString(std::string& out, std::string_view text);
// Appends the shortest decimal that reads back as the same double, as FormatDouble does; NaN and
// infinities as null.
void AppendJsonDouble(std::string& out, double value);

// Reads an object field by field and reports what is wrong with it: the first wrong type, missing
// or unknown field wins. Lives on the stack beside the Json that it reads.
//
//   FieldReader fields(json, "endpoints.delay");
//   std::string model = fields.String("model");    // required
//   int64_t replicas = fields.Int("replicas", 1);  // with a default
//   CAISSON_TRY(fields.Finish());                  // an unknown field is an error
//
// A field that is null counts as missing, and a null in place of the object as an empty object (in
// YAML, a key with nothing behind it). All errors are InvalidArgument.
class FieldReader {
 public:
  // `where` is how the user would find the object, for example "caisson.yaml: endpoints.delay".
  FieldReader(const Json& json, std::string where);

  std::string String(std::string_view key);
  std::string String(std::string_view key, std::string_view fallback);
  int64_t Int(std::string_view key);
  int64_t Int(std::string_view key, int64_t fallback);
  double Double(std::string_view key);
  double Double(std::string_view key, double fallback);
  bool Bool(std::string_view key, bool fallback);
  // An array of strings; a lone string is one element; empty when missing.
  std::vector<std::string> Strings(std::string_view key);
  // Any value; null when missing. Marks the field as known.
  const Json& Raw(std::string_view key);
  bool Has(std::string_view key) const;

  // Records an error about a field, unless one was recorded before.
  void Fail(std::string_view key, std::string_view problem);
  const Status& status() const { return status_; }
  Status Finish();

 private:
  const Json* Take(std::string_view key, bool required);
  void WrongType(std::string_view key, const Json& value, std::string_view accepted);

  const Json& json_;
  std::string where_;
  std::vector<std::string> known_;
  Status status_;
};

}  // namespace caisson

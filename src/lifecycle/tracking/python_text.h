// Values as Python would print them.
//
// MLflow's error messages contain Python's repr() and json.dumps() of what the client sent; clients
// and their tests compare the texts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace caisson::tracking {

// repr() of a str: single quotes, or double quotes when the text holds a single one and no double
// one.
std::string PythonRepr(std::string_view text);
// repr() of a list of str.
std::string PythonReprList(const std::vector<std::string>& texts);
// str() of a float, which is also its repr().
std::string PythonFloat(double value);
// json.dumps(value, sort_keys=True, separators=(",", ":")).
std::string PythonCompactJson(const Json& value);
// The name of the type that json.loads would make of it: "int", "str", "dict", ...
std::string_view PythonTypeName(const Json& value);
// len() of a str: code points, not bytes.
size_t PythonLength(std::string_view text);
// text[:count] in code points.
std::string_view PythonPrefix(std::string_view text, size_t count);

}  // namespace caisson::tracking

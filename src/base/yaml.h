// YAML in and out, through the JSON value model.
//
// Plain scalars mean what they mean to ruamel.yaml, and so to DVC: the YAML 1.2 core schema, in
// which yes, no, on and off are strings and 0o17 is octal, and numbers with underscores (1_000)
// beside it. Dates stay strings, and so do numbers that fit neither 64 bits nor a double: nothing
// of a digest made of digits is lost.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace caisson {

struct YamlPosition {
  int line = 0;  // from 1
  int column = 0;
};

// A parsed document: the values, and where each one stood. Positions are keyed by path, for example
// "endpoints.delay.model" or "stages[2]"; the document itself has the empty path.
struct YamlDocument {
  Json value;
  std::map<std::string, YamlPosition> positions;
};

// Errors are InvalidArgument and start with "<source_name>:<line>:<column>: ". One document, in
// UTF-8; keys are scalars and become text. Anchors and merge keys are resolved; a repeated key is
// an error; nesting is limited to 100 and what aliases repeat to 1,000,000 nodes (100 bytes of text
// count as one more). Paths longer than 1,000 bytes have no position.
Result<YamlDocument> ParseYaml(std::string_view text, std::string_view source_name);

// Reads a file; the result of an empty file is null.
Result<YamlDocument> ReadYamlFile(const std::string& path);

// Block style, two spaces, lists not indented under their key, null as nothing at all, strings
// quoted only where ruamel.yaml or ParseYaml would read something else: the form that DVC writes,
// but long lines are never folded. Bytes that are not UTF-8 become U+FFFD.
std::string WriteYaml(const Json& value);

}  // namespace caisson

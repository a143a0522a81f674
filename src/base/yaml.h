// YAML in and out, through the JSON value model.
//
// Scalars resolve by the YAML 1.2 core schema, as ruamel.yaml (and so DVC) does: yes/no/on/off are strings, 0o17 is octal.
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

// Errors start with "<source_name>:<line>:<column>: ". Anchors and merge keys are resolved; a repeated key is an error;
// nesting is limited to 100 and the expanded size of aliases to 1,000,000 nodes.
Result<YamlDocument> ParseYaml(std::string_view text, std::string_view source_name);

// Reads a file; the result of an empty file is null.
Result<YamlDocument> ReadYamlFile(const std::string& path);

// Block style, two spaces, lists not indented under their key, strings quoted only where they would read back as something
// else: the form that DVC writes.
std::string WriteYaml(const Json& value);

}  // namespace caisson

#include <algorithm>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/files.h"
#include "base/internal/yaml_scalar.h"
#include "base/strings.h"
#include "base/yaml.h"

namespace caisson {
namespace {

constexpr size_t kMaxDepth = 100;
constexpr size_t kMaxRepeated = 1'000'000;
constexpr size_t kBytesPerNode = 100;
constexpr size_t kMaxPath = 1'000;

// Thrown through yaml-cpp out of the event handler, and caught in this file.
struct YamlError {
  YAML::Mark mark;
  std::string problem;
};

// Receives yaml-cpp's events and builds the value.
class DocumentBuilder : public YAML::EventHandler {
 public:
  YamlDocument Take() { return std::move(document_); }
  bool ends_quoted() const { return ends_quoted_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (TakeAsKey(mark, "null", false)) return;
    AddScalar(mark, anchor, Json());
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw YamlError{mark, "an alias stands inside the very value that it names"};
    const Anchored& anchored = found->second;
    CountRepeated(mark, anchored.weight);
    if (ExpectsKey()) {
      if (anchored.value.is_array() || anchored.value.is_object())
        throw YamlError{mark, kKeyMustBeScalar};
      TakeAsKey(mark,
                anchored.value.is_string() ? anchored.value.AsString() : WriteJson(anchored.value),
                false);
      return;
    }
    if (depth_ + anchored.height > kMaxDepth) throw YamlError{mark, TooDeep()};
    CopyPositions(anchored, NextPath());
    Add(mark, anchored.value, anchored.weight, anchored.height);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& raw) override {
    const bool plain = tag == "?";
    ends_quoted_ = !plain;
    const std::string text = plain ? raw : RepairEscapes(raw);
    if (ExpectsKey()) {
      if (anchor != 0) anchors_[anchor] = {Json(text), "", 1, 0};
      TakeAsKey(mark, text, plain && text == "<<");
      return;
    }
    AddScalar(mark, anchor,
              plain ? internal::ResolvePlainScalar(text) : ResolveTagged(mark, tag, text));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Begin(mark, tag, "tag:yaml.org,2002:seq", anchor, Json::MakeArray());
  }
  void OnSequenceEnd() override { End(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Begin(mark, tag, "tag:yaml.org,2002:map", anchor, Json::MakeObject());
  }
  void OnMapEnd() override { End(); }

 private:
  static constexpr const char* kKeyMustBeScalar = "a key must be a scalar, not a list or a map";

  // An array or object whose end has not come yet.
  struct Open {
    Json value;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    std::string path;
    size_t weight = 1;
    size_t height = 1;  // levels of nesting, its own included
    // Of an object: the key whose value comes next, and all keys.
    std::optional<std::string> key;
    bool key_is_merge = false;
    std::map<std::string, YAML::Mark> keys;
    // What merge keys bring in, and where each of its keys stands there.
    Json::Object merged;
    std::map<std::string, size_t> merged_places;
  };

  // A finished value that an alias can repeat.
  struct Anchored {
    Json value;
    std::string path;
    size_t weight = 1;
    size_t height = 0;
  };

  static std::string TooDeep() { return fmt::format("nested deeper than {} levels", kMaxDepth); }

  // Every value that is kept for aliases or repeated by one is a copy; a small text could ask for
  // endless ones.
  void CountRepeated(const YAML::Mark& mark, size_t weight) {
    repeated_ += weight;
    if (repeated_ > kMaxRepeated)
      throw YamlError{mark, fmt::format("aliases repeat more than {} nodes", kMaxRepeated)};
  }

  bool ExpectsKey() const {
    return !open_.empty() && open_.back().value.is_object() && !open_.back().key;
  }

  // The path of the value that comes next.
  std::string NextPath() const {
    if (open_.empty()) return "";
    const Open& parent = open_.back();
    if (parent.value.is_array()) return fmt::format("{}[{}]", parent.path, parent.value.size());
    // A merged map stands where the map does that it is merged into.
    if (parent.key_is_merge) return parent.path;
    return parent.path.empty() ? *parent.key : parent.path + "." + *parent.key;
  }

  bool TakeAsKey(const YAML::Mark& mark, const std::string& key, bool is_merge) {
    if (!ExpectsKey()) return false;
    Open& object = open_.back();
    const auto [first, added] = object.keys.emplace(key, mark);
    if (!added) {
      throw YamlError{mark, fmt::format("the key '{}' is given twice, first in line {}", key,
                                        first->second.line + 1)};
    }
    object.key = key;
    object.key_is_merge = is_merge;
    return true;
  }

  // yaml-cpp turns the escapes \N and \_ into the single bytes 0x85 and 0xA0 instead of U+0085 and
  // U+00A0 in UTF-8. The source is valid UTF-8, so that no other lone byte can come up.
  static std::string RepairEscapes(const std::string& text) {
    if (IsValidUtf8(text)) return text;
    std::string out;
    for (size_t i = 0; i < text.size();) {
      const size_t length = Utf8SequenceLength(text, i);
      if (length == 0) {
        AppendUtf8(out, static_cast<unsigned char>(text[i++]));
      } else {
        out.append(text, i, length);
        i += length;
      }
    }
    return out;
  }

  Json ResolveTagged(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    if (tag == "!" || tag == "tag:yaml.org,2002:str" || tag == "tag:yaml.org,2002:timestamp")
      return Json(text);
    Json value = internal::ResolvePlainScalar(text);
    const bool fits = (tag == "tag:yaml.org,2002:int" && (value.is_int() || value.is_uint())) ||
                      (tag == "tag:yaml.org,2002:float" && value.is_number()) ||
                      (tag == "tag:yaml.org,2002:bool" && value.is_bool()) ||
                      (tag == "tag:yaml.org,2002:null" && value.is_null());
    if (!fits) {
      throw YamlError{mark, fmt::format("the tag '{}' does not fit '{}'; accepted are !!str, "
                                        "!!int, !!float, !!bool and !!null",
                                        tag, text.substr(0, 60))};
    }
    return tag == "tag:yaml.org,2002:float" ? Json(value.AsDouble()) : value;
  }

  void AddScalar(const YAML::Mark& mark, YAML::anchor_t anchor, Json value) {
    const size_t weight = 1 + value.AsString().size() / kBytesPerNode;
    if (anchor != 0) anchors_[anchor] = {value, "", weight, 0};
    Add(mark, std::move(value), weight, 0);
  }

  void RecordPosition(const std::string& path, const YAML::Mark& mark) {
    if (path.size() <= kMaxPath) document_.positions[path] = {mark.line + 1, mark.column + 1};
  }

  // Gives the positions inside a repeated value also to its copy, so that an error there points to
  // where it is written.
  void CopyPositions(const Anchored& anchored, const std::string& to) {
    const std::string& from = anchored.path;
    if (from.empty() || from == to) return;
    std::vector<std::pair<std::string, YamlPosition>> copies;
    for (const char separator : {'.', '['}) {
      const std::string prefix = from + separator;
      auto at = document_.positions.lower_bound(prefix);
      for (; at != document_.positions.end() && at->first.starts_with(prefix); ++at) {
        const std::string_view rest = std::string_view(at->first).substr(from.size());
        if (copies.size() == anchored.weight) return;
        if (to.size() + rest.size() > kMaxPath) continue;
        copies.emplace_back(to.empty() && separator == '.' ? std::string(rest.substr(1))
                                                           : fmt::format("{}{}", to, rest),
                            at->second);
      }
    }
    // What is given explicitly beside a merge key keeps its own position.
    for (auto& [path, position] : copies) document_.positions.emplace(std::move(path), position);
  }

  void Begin(const YAML::Mark& mark, const std::string& tag, std::string_view own_tag,
             YAML::anchor_t anchor, Json empty) {
    if (ExpectsKey()) throw YamlError{mark, kKeyMustBeScalar};
    if (tag != "?" && tag != "!" && tag != own_tag) {
      throw YamlError{mark, fmt::format("the tag '{}' is not known here; leave it out", tag)};
    }
    if (++depth_ > kMaxDepth) throw YamlError{mark, TooDeep()};
    Open opened;
    opened.value = std::move(empty);
    opened.mark = mark;
    opened.anchor = anchor;
    opened.path = NextPath();
    open_.push_back(std::move(opened));
  }

  void End() {
    Open ended = std::move(open_.back());
    open_.pop_back();
    --depth_;
    if (!ended.merged.empty()) {
      // Merged members come first; what is given explicitly wins.
      for (auto& [key, value] : ended.value.mutable_object()) {
        const auto place = ended.merged_places.find(key);
        if (place != ended.merged_places.end()) {
          ended.merged[place->second].second = std::move(value);
        } else {
          ended.merged.emplace_back(key, std::move(value));
        }
      }
      ended.value.mutable_object() = std::move(ended.merged);
    }
    if (ended.anchor != 0) {
      CountRepeated(ended.mark, ended.weight);
      anchors_[ended.anchor] = {ended.value, ended.path, ended.weight, ended.height};
    }
    Add(ended.mark, std::move(ended.value), ended.weight, ended.height);
  }

  void Merge(const YAML::Mark& mark, Open& target, const Json& source) {
    if (source.is_array()) {
      for (const Json& element : source.array()) {
        if (!element.is_object())
          throw YamlError{mark, "the list behind a merge key '<<' may hold maps only"};
        Merge(mark, target, element);
      }
      return;
    }
    if (!source.is_object()) {
      throw YamlError{mark, fmt::format("a merge key '<<' takes a map or a list of maps, not {}",
                                        source.type_name())};
    }
    for (const auto& [key, value] : source.object()) {
      // The first of several merged maps wins.
      if (target.merged_places.emplace(key, target.merged.size()).second)
        target.merged.emplace_back(key, value);
    }
  }

  void Add(const YAML::Mark& mark, Json value, size_t weight, size_t height) {
    if (open_.empty()) {
      RecordPosition("", mark);
      document_.value = std::move(value);
      return;
    }
    Open& parent = open_.back();
    parent.weight += weight;
    parent.height = std::max(parent.height, height + 1);
    if (parent.value.is_array()) {
      RecordPosition(NextPath(), mark);
      parent.value.Append(std::move(value));
      return;
    }
    if (parent.key_is_merge) {
      Merge(mark, parent, value);
    } else {
      RecordPosition(NextPath(), mark);
      parent.value.mutable_object().emplace_back(std::move(*parent.key), std::move(value));
    }
    parent.key.reset();
    parent.key_is_merge = false;
  }

  YamlDocument document_;
  std::vector<Open> open_;
  bool ends_quoted_ = false;  // whether the last scalar was quoted, a block or tagged
  size_t depth_ = 0;
  size_t repeated_ = 0;
  std::map<YAML::anchor_t, Anchored> anchors_;
};

Status ErrorAt(std::string_view source_name, int line, int column, std::string_view problem) {
  return InvalidArgument("{}:{}:{}: {}", source_name, std::max(line, 1), std::max(column, 1),
                         problem);
}

// Refuses what YAML does not allow at all, and what yaml-cpp would take for the end of the text.
Status CheckCharacters(std::string_view text, std::string_view source_name) {
  int line = 1;
  int column = 1;
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const size_t length = Utf8SequenceLength(text, i);
    if (length == 0)
      return ErrorAt(source_name, line, column, fmt::format("the byte 0x{:02x} is not UTF-8", c));
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
      return ErrorAt(source_name, line, column,
                     fmt::format("the control character 0x{:02x} is not allowed in YAML", c));
    }
    if (c == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
    i += length;
  }
  return OkStatus();
}

// Says in other words what yaml-cpp finds wrong, where its own are hard to understand.
std::string Explain(const std::string& problem) {
  if (problem == "illegal map value") {
    return "a ':' where no key can stand; a text that holds ': ' needs quotes";
  }
  if (problem == "end of map not found")
    return "the map ends here without a '}', or this line is indented like none before";
  if (problem == "end of sequence not found")
    return "the list ends here without a ']', or this line is indented like none before";
  if (problem == "illegal document indicator in scalar")
    return "the text or the document ends before the closing quote";
  if (problem == "illegal tab when looking for indentation")
    return "a tab in the indentation; accepted are spaces";
  return problem;
}

}  // namespace

Result<YamlDocument> ParseYaml(std::string_view text, std::string_view source_name) {
  CAISSON_TRY(CheckCharacters(text, source_name));
  DocumentBuilder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    DocumentBuilder second;
    if (parser.HandleNextDocument(builder) && parser.HandleNextDocument(second)) {
      return InvalidArgument(
          "{}: holds more than one document; accepted is one (no '---' between values)",
          source_name);
    }
    // yaml-cpp takes the end of a text that was cut off inside quotes for the closing quote. It
    // does notice the end of the document there.
    if (builder.ends_quoted()) {
      std::istringstream marked{std::string(text) + "\n...\n"};
      DocumentBuilder ignored;
      YAML::Parser(marked).HandleNextDocument(ignored);
    }
  } catch (const YamlError& error) {
    return ErrorAt(source_name, error.mark.line + 1, error.mark.column + 1, error.problem);
  } catch (const YAML::Exception& error) {
    return ErrorAt(source_name, error.mark.line + 1, error.mark.column + 1, Explain(error.msg));
  }
  return builder.Take();
}

Result<YamlDocument> ReadYamlFile(const std::string& path) {
  CAISSON_ASSIGN(const std::string text, ReadFile(path));
  return ParseYaml(text, path);
}

}  // namespace caisson

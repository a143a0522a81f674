#include "lifecycle/tracking/validation.h"

#include <cwctype>
#include <memory>
#include <type_traits>

#include <locale.h>

#include "base/strings.h"
#include "lifecycle/tracking/python_text.h"

namespace caisson::tracking {
namespace {

constexpr std::string_view kBadCharacters =
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), "
    "colon(:) and slashes (/).";

// Whether a code point beyond ASCII is a letter or a digit, as Python's \w asks. The C library's
// tables for UTF-8 are used through a locale object of their own, since the process's locale stays
// "C".
bool IsWordCodePoint(wint_t code_point) {
  struct FreeLocale {
    void operator()(std::remove_pointer_t<locale_t>* locale) const { freelocale(locale); }
  };
  static const std::unique_ptr<std::remove_pointer_t<locale_t>, FreeLocale> locale(
      newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr));
  return locale == nullptr || iswalnum_l(code_point, locale.get()) != 0;
}

// Reads the code point at `offset` and moves behind it. Text from clients was checked to be UTF-8.
wint_t NextCodePoint(std::string_view text, size_t& offset) {
  const auto lead = static_cast<unsigned char>(text[offset++]);
  if (lead < 0x80) return lead;
  int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  wint_t code_point = lead & (0x3F >> more);
  while (more-- > 0 && offset < text.size()) {
    code_point = (code_point << 6) | (static_cast<unsigned char>(text[offset++]) & 0x3F);
  }
  return code_point;
}

// The regular expression ^[/\w.\- :]*$ of MLflow, whose $ also matches before a line feed at the
// end.
bool HasOnlyKeyCharacters(std::string_view key) {
  if (key.ends_with('\n')) key.remove_suffix(1);
  for (size_t offset = 0; offset < key.size();) {
    const wint_t c = NextCodePoint(key, offset);
    if (c < 0x80) {
      const bool word =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
      if (!word && c != '/' && c != '.' && c != '-' && c != ' ' && c != ':') return false;
    } else if (!IsWordCodePoint(c)) {
      return false;
    }
  }
  return true;
}

// posixpath.normpath: what a POSIX path means, with ".." kept at the start of a relative one.
std::string NormPath(std::string_view path) {
  if (path.empty()) return ".";
  size_t slashes = 0;
  while (slashes < path.size() && path[slashes] == '/') ++slashes;
  const std::string root = slashes == 0 ? "" : slashes == 2 ? "//" : "/";
  std::vector<std::string> parts;
  for (std::string& part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != ".." || (root.empty() && parts.empty()) ||
        (!parts.empty() && parts.back() == "..")) {
      parts.push_back(std::move(part));
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  const std::string text = root + Join(parts, "/");
  return text.empty() ? "." : text;
}

std::string ChildPath(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

Status ValidateBatchCount(std::string_view what, size_t limit, size_t count) {
  if (count <= limit) return OkStatus();
  return InvalidArgument(
      "A batch logging request can contain at most {} {}. Got {} {}. Please split up {} across "
      "multiple requests and try "
      "again.",
      limit, what, count, what, what);
}

}  // namespace

Status InvalidValue(std::string_view path, const Json& value, std::string_view problem) {
  if (problem.empty()) {
    return InvalidArgument("Invalid value {} for parameter '{}' supplied.",
                           PythonCompactJson(value), path);
  }
  return InvalidArgument("Invalid value {} for parameter '{}' supplied: {}",
                         PythonCompactJson(value), path, problem);
}

Status MissingValue(std::string_view path) {
  return InvalidArgument("Missing value for required parameter '{}'.", path);
}

Status TooLong(std::string_view what, size_t limit) {
  return InvalidArgument("'{}' exceeds the maximum length of {} characters", what, limit);
}

bool IsAmbiguousPath(std::string_view name) {
  // Most names are plain words, and batches have many of them.
  if (name.find('/') == std::string_view::npos)
    return name.empty() || name == "." || name.starts_with("..");
  const std::string normal = NormPath(name);
  return normal != name || normal == "." || normal.starts_with("..") || normal.starts_with("/");
}

std::string AmbiguousPathMessage(std::string_view name) {
  return fmt::format(
      "Names may be treated as files in certain cases, and must not resolve to other names when "
      "treated as such. This "
      "name would resolve to {}",
      PythonRepr(NormPath(name)));
}

Status ValidateKey(std::string_view key, std::string_view path) {
  if (!HasOnlyKeyCharacters(key)) return InvalidValue(path, Json(key), kBadCharacters);
  if (IsAmbiguousPath(key)) return InvalidValue(path, Json(key), AmbiguousPathMessage(key));
  return OkStatus();
}

Status ValidateRunId(std::string_view run_id) {
  bool valid = !run_id.empty() && PythonLength(run_id) <= 256;
  size_t offset = 0;
  std::string_view text = run_id;
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (bool first = true; valid && offset < text.size(); first = false) {
    const wint_t c = NextCodePoint(text, offset);
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    valid = alphanumeric || (!first && (c == '_' || c == '-' || (c >= 0x80 && IsWordCodePoint(c))));
  }
  if (text.empty()) valid = false;
  return valid ? OkStatus() : InvalidValue("run_id", Json(run_id));
}

Status ValidateExperimentName(const std::string& name) {
  if (name.empty()) return InvalidArgument("Invalid experiment name: ''");
  if (PythonLength(name) > kMaxExperimentNameLength)
    return TooLong("name", kMaxExperimentNameLength);
  return OkStatus();
}

Status ValidateExperimentTag(const Tag& tag) {
  CAISSON_TRY(ValidateKey(tag.key, "key"));
  if (PythonLength(tag.key) > kMaxKeyLength) return TooLong("key", kMaxKeyLength);
  if (PythonLength(tag.value) > kMaxExperimentTagLength)
    return TooLong("value", kMaxExperimentTagLength);
  return OkStatus();
}

Status ValidateMetric(const Metric& metric, std::string_view path) {
  CAISSON_TRY(ValidateKey(metric.key, ChildPath(path, "name")));
  if (metric.timestamp < 0) {
    return InvalidValue(
        ChildPath(path, "timestamp"), Json(metric.timestamp),
        fmt::format(
            "metric '{}' (value={}). Timestamp must be a nonnegative long (64-bit integer) ",
            metric.key, PythonFloat(metric.value)));
  }
  if (PythonLength(metric.key) > kMaxKeyLength) return TooLong("Metric name", kMaxKeyLength);
  return OkStatus();
}

Result<Param> ValidateParam(const Param& param, std::string_view path) {
  CAISSON_TRY(ValidateKey(param.key, ChildPath(path, "key")));
  if (PythonLength(param.key) > kMaxKeyLength) return TooLong("Param key", kMaxKeyLength);
  return Param{param.key, std::string(PythonPrefix(param.value, kMaxParamLength))};
}

Result<Tag> ValidateTag(const Tag& tag, std::string_view path) {
  const std::string key_path = ChildPath(path, "key");
  CAISSON_TRY(ValidateKey(tag.key, key_path));
  if (PythonLength(tag.key) > kMaxKeyLength) return TooLong(key_path, kMaxKeyLength);
  return Tag{tag.key, std::string(PythonPrefix(tag.value, kMaxTagLength))};
}

Status ValidateBatchLimits(const Batch& batch) {
  CAISSON_TRY(ValidateBatchCount("metrics", kMaxMetricsPerBatch, batch.metrics.size()));
  CAISSON_TRY(ValidateBatchCount("params", kMaxParamsOrTagsPerBatch, batch.params.size()));
  CAISSON_TRY(ValidateBatchCount("tags", kMaxParamsOrTagsPerBatch, batch.tags.size()));
  return ValidateBatchCount("metrics, params, and tags", kMaxEntitiesPerBatch,
                            batch.metrics.size() + batch.params.size() + batch.tags.size());
}

Status ValidateUniqueParams(const std::vector<Param>& params) {
  std::vector<std::string> duplicates;
  for (size_t i = 0; i < params.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (params[j].key == params[i].key) {
        duplicates.push_back(params[i].key);
        break;
      }
    }
  }
  if (duplicates.empty()) return OkStatus();
  return InvalidArgument(
      "Duplicate parameter keys have been submitted: {}. Please ensure the request contains only "
      "one param value per "
      "param key.",
      PythonReprList(duplicates));
}

Status ValidateDatasetInput(const DatasetInput& input) {
  struct Limit {
    std::string_view name;
    const std::string* value;
    size_t limit;
  };
  const Dataset& dataset = input.dataset;
  const Limit limits[] = {
      {"name", &dataset.name, 500},
      {"digest", &dataset.digest, 36},
      {"source", &dataset.source, 65'535},
      {"schema", dataset.schema ? &*dataset.schema : nullptr, 1'048'575},
      {"profile", dataset.profile ? &*dataset.profile : nullptr, 16'777'215},
  };
  for (const Limit& limit : limits) {
    if (limit.value != nullptr && PythonLength(*limit.value) > limit.limit)
      return TooLong(limit.name, limit.limit);
  }
  for (const Tag& tag : input.tags) {
    if (PythonLength(tag.key) > 255) return TooLong("key", 255);
    if (PythonLength(tag.value) > 500) return TooLong("value", 500);
  }
  return OkStatus();
}

Status ValidateLoggedModelName(std::string_view name) {
  if (name.find_first_of("/:.%\"'") == std::string_view::npos) return OkStatus();
  return InvalidArgument(
      "Invalid model name ({}) provided. Model name must be a non-empty string and cannot contain "
      "the following "
      "characters: ('/', ':', '.', '%', '\"', \"'\")",
      PythonRepr(name));
}

Status ValidateMaxResults(int64_t max_results) {
  if (max_results < 1) {
    return InvalidArgument(
        "Invalid value {} for parameter 'max_results' supplied. It must be a positive integer",
        max_results);
  }
  if (max_results > kMaxSearchResults) {
    return InvalidArgument(
        "Invalid value {} for parameter 'max_results' supplied. It must be at most {}", max_results,
        kMaxSearchResults);
  }
  return OkStatus();
}

Result<int64_t> ParseExperimentId(std::string_view id) {
  const std::optional<int64_t> number = ParseInt(Trim(id));
  if (!number.has_value()) {
    return InvalidArgument("Invalid experiment ID '{}'. Experiment ID must be a valid integer.",
                           id);
  }
  return *number;
}

}  // namespace caisson::tracking

// Checks of texts, row by row.
#include "lifecycle/data/internal/check_sql.h"

namespace caisson::data::internal {
namespace {

using enum ParameterType;

// Any type as text, so that codes which were read as numbers can be matched too.
std::string TextOf(const Subject& subject) {
  return fmt::format("CAST({} AS VARCHAR)", subject.column);
}

Plan Matches(const Subject& subject, std::string_view pattern, std::string expected) {
  return ColumnPlan(
      subject, fmt::format("regexp_full_match({}, {})", TextOf(subject), Literal(Json(pattern))),
      std::move(expected));
}

// RFC 5322 allows more; this is the form that HTML's own field for addresses accepts.
constexpr std::string_view kEmail =
    R"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)"
    R"((\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*)";
constexpr std::string_view kUuid = "[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}";
constexpr std::string_view kIpV4 =
    R"(((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9]))";
// RFC 4291, section 2.2, without the mixed form.
constexpr std::string_view kIpV6 =
    "(([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){1,7}:|"
    "([0-9A-Fa-f]{1,4}:){1,6}:[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){1,5}(:[0-9A-Fa-f]{1,4}){1,2}|"
    "([0-9A-Fa-f]{1,4}:){1,4}(:[0-9A-Fa-f]{1,4}){1,3}|([0-9A-Fa-f]{1,4}:){1,3}(:[0-9A-Fa-f]{1,4}){"
    "1,4}|"
    "([0-9A-Fa-f]{1,4}:){1,2}(:[0-9A-Fa-f]{1,4}){1,5}|[0-9A-Fa-f]{1,4}:((:[0-9A-Fa-f]{1,4}){1,6})|"
    ":((:[0-9A-Fa-f]{1,4}){1,7}|:))";
constexpr std::string_view kUrl = R"([A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]+[^\s]*)";

std::vector<Kind> PatternKinds() {
  return {
      {.name = "matches",
       .parameters = {{"pattern", kText, true, "a regular expression (RE2) for the whole value"}},
       .primary = "pattern",
       .takes_mostly = true,
       .summary = "The whole value matches the regular expression.",
       .example = "matches: \"[A-Z]{3}\"",
       .compile = [](const Subject& s) -> Result<Plan> {
         return Matches(s, s["pattern"].AsString(), "matches " + s["pattern"].AsString());
       }},
      {.name = "not_matches",
       .parameters = {{"pattern", kText, true, "a regular expression (RE2) for the whole value"}},
       .primary = "pattern",
       .takes_mostly = true,
       .summary = "The whole value does not match the regular expression.",
       .example = "not_matches: \"test.*\"",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(
             s, fmt::format("NOT regexp_full_match({}, {})", TextOf(s), Literal(s["pattern"])),
             "does not match " + s["pattern"].AsString());
       }},
      {.name = "like",
       .parameters = {{"pattern", kText, true,
                       "SQL's pattern: % for any text, _ for one character"}},
       .primary = "pattern",
       .takes_mostly = true,
       .summary = "The value is like SQL's pattern.",
       .example = "like: \"US-%\"",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("{} LIKE {}", TextOf(s), Literal(s["pattern"])),
                           "like " + s["pattern"].AsString());
       }},
      {.name = "not_like",
       .parameters = {{"pattern", kText, true,
                       "SQL's pattern: % for any text, _ for one character"}},
       .primary = "pattern",
       .takes_mostly = true,
       .summary = "The value is not like SQL's pattern.",
       .example = "not_like: \"%test%\"",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("{} NOT LIKE {}", TextOf(s), Literal(s["pattern"])),
                           "not like " + s["pattern"].AsString());
       }},
  };
}

std::vector<Kind> SubstringKinds() {
  return {
      {.name = "contains",
       .parameters = {{"text", kText, true, "what must occur in the value"}},
       .primary = "text",
       .takes_mostly = true,
       .summary = "The value contains the text.",
       .example = "contains: \"@\"",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("contains({}, {})", TextOf(s), Literal(s["text"])),
                           "contains " + s["text"].AsString());
       }},
      {.name = "starts_with",
       .parameters = {{"text", kText, true, "what the value must begin with"}},
       .primary = "text",
       .takes_mostly = true,
       .summary = "The value begins with the text.",
       .example = "starts_with: \"https://\"",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("starts_with({}, {})", TextOf(s), Literal(s["text"])),
                           "starts with " + s["text"].AsString());
       }},
      {.name = "ends_with",
       .parameters = {{"text", kText, true, "what the value must end with"}},
       .primary = "text",
       .takes_mostly = true,
       .summary = "The value ends with the text.",
       .example = "ends_with: \".jpg\"",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("suffix({}, {})", TextOf(s), Literal(s["text"])),
                           "ends with " + s["text"].AsString());
       }},
  };
}

std::vector<Kind> ShapeKinds() {
  return {
      {.name = "length",
       .parameters = {Min(), Max()},
       .primary = std::string(kBothBounds),
       .takes_mostly = true,
       .summary = "Values have this many characters.",
       .example = "length: {min: 1, max: 200}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s,
                           WithinBounds(fmt::format("length({})", TextOf(s)), s.check.parameters),
                           "length " + DescribeBounds(s.check.parameters));
       }},
      {.name = "not_empty",
       .takes_mostly = true,
       .summary = "Values have something other than spaces in them.",
       .example = "not_empty",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("trim({}) <> ''", TextOf(s)), "not empty");
       }},
      {.name = "trimmed",
       .takes_mostly = true,
       .summary = "Values neither begin nor end with a space.",
       .example = "trimmed",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("{0} = trim({0})", TextOf(s)), "no space at either end");
       }},
      {.name = "lower_case",
       .takes_mostly = true,
       .summary = "Values have no capital letters.",
       .example = "lower_case",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("{0} = lower({0})", TextOf(s)), "lower case");
       }},
      {.name = "upper_case",
       .takes_mostly = true,
       .summary = "Values have no small letters.",
       .example = "upper_case",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("{0} = upper({0})", TextOf(s)), "upper case");
       }},
      {.name = "ascii",
       .takes_mostly = true,
       .summary = "Values are ASCII.",
       .example = "ascii",
       .compile = [](const Subject& s) -> Result<Plan> {
         return Matches(s, R"([\x00-\x7F]*)", "ASCII");
       }},
      {.name = "utf8",
       .takes_mostly = true,
       .summary = "Bytes (BLOB) are UTF-8; texts always are.",
       .example = "utf8",
       .compile = [](const Subject& s) -> Result<Plan> {
         const std::string good =
             s.type == "BLOB" ? fmt::format("TRY(decode({})) IS NOT NULL", s.column) : "true";
         return ColumnPlan(s, good, "UTF-8");
       }},
  };
}

std::vector<Kind> FormatKinds() {
  return {
      {.name = "date_format",
       .parameters = {{"format", kText, true, "as strptime takes it"}},
       .primary = "format",
       .takes_mostly = true,
       .summary = "Texts are dates or times of this form.",
       .example = "date_format: \"%Y-%m-%d\"",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(
             s, fmt::format("try_strptime({}, {}) IS NOT NULL", TextOf(s), Literal(s["format"])),
             "a date like " + s["format"].AsString());
       }},
      {.name = "parses_as",
       .parameters = {{"type", kTypes, true, "a type of DuckDB"}},
       .primary = "type",
       .takes_mostly = true,
       .summary = "Texts can be read as this type.",
       .example = "parses_as: DOUBLE",
       .compile = [](const Subject& s) -> Result<Plan> {
         const std::string& type = s["type"][0].AsString();
         return ColumnPlan(s, fmt::format("TRY_CAST({} AS {}) IS NOT NULL", s.column, type),
                           "can be read as " + type);
       }},
      {.name = "json",
       .takes_mostly = true,
       .summary = "Texts are JSON documents.",
       .example = "json",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("json_valid({})", TextOf(s)), "JSON");
       }},
      {.name = "email",
       .takes_mostly = true,
       .summary = "Texts have the form of an e-mail address.",
       .example = "email",
       .compile = [](const Subject& s) -> Result<Plan> {
         return Matches(s, kEmail, "an e-mail address");
       }},
      {.name = "uuid",
       .takes_mostly = true,
       .summary = "Texts have the form of a UUID.",
       .example = "uuid",
       .compile = [](const Subject& s) -> Result<Plan> { return Matches(s, kUuid, "a UUID"); }},
      {.name = "ip_address",
       .takes_mostly = true,
       .summary = "Texts are IPv4 or IPv6 addresses.",
       .example = "ip_address",
       .compile = [](const Subject& s) -> Result<Plan> {
         return Matches(s, fmt::format("{}|{}", kIpV4, kIpV6), "an IP address");
       }},
      {.name = "url",
       .takes_mostly = true,
       .summary = "Texts are absolute URLs: a scheme, :// and a host.",
       .example = "url",
       .compile = [](const Subject& s) -> Result<Plan> { return Matches(s, kUrl, "a URL"); }},
  };
}

}  // namespace

std::vector<Kind> TextKinds() {
  std::vector<Kind> all;
  for (auto make : {PatternKinds, SubstringKinds, ShapeKinds, FormatKinds}) {
    for (Kind& kind : make()) all.push_back(std::move(kind));
  }
  return all;
}

}  // namespace caisson::data::internal

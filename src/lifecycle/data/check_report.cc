// A report of checks as JSON, text, HTML and JUnit's XML.
#include "base/strings.h"
#include "lifecycle/data/checks.h"

namespace caisson::data {
namespace {

std::string_view SeverityName(Severity severity) {
  return severity == Severity::kWarn ? "warn" : "error";
}

std::string_view Verdict(const CheckResult& result) {
  if (result.passed) return "ok";
  return result.check.severity == Severity::kWarn ? "warning" : "failed";
}

std::string Subject(const CheckResult& result) {
  return result.check.column.empty() ? "table" : result.check.column;
}

// One line for people, even when a query of several lines is part of it.
std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) line += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  return line;
}

// For HTML and XML, which have no control characters but tabs and line ends.
std::string Escape(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    const bool control =
        static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
    clean += control ? '?' : c;
  }
  return HtmlEscape(clean);
}

std::string ExampleText(const Json& example) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : example.object()) {
    parts.push_back(
        fmt::format("{}: {}", name, value.is_string() ? value.AsString() : WriteJson(value)));
  }
  return OneLine(Join(parts, ", "));
}

// "delay: not_null failed for 12 of 3,000,000 rows (...)"
std::string Sentence(const CheckResult& result) {
  std::string text = fmt::format("{}: {} ", Subject(result), result.check.kind);
  if (!result.computed) {
    text += "could not be computed: " + result.observed;
  } else if (result.failed_rows > 0) {
    text += fmt::format("failed for {} of {} rows; expected {}", HumanCount(result.failed_rows),
                        HumanCount(result.checked_rows), result.expected);
    if (!result.examples.empty()) text += "; for example " + ExampleText(result.examples[0]);
  } else {
    text += fmt::format("failed; expected {}, found {}", result.expected, result.observed);
  }
  if (!result.check.why.empty()) text += fmt::format(" ({})", result.check.why);
  return OneLine(text);
}

std::string PadRight(std::string text, size_t width) {
  size_t shown = 0;
  for (const unsigned char c : text) shown += (c & 0xC0) != 0x80;
  if (shown < width) text.append(width - shown, ' ');
  return text;
}

struct Counts {
  size_t failed = 0;
  size_t warnings = 0;
};

Counts Count(const CheckReport& report) {
  Counts counts;
  for (const CheckResult& result : report.results) {
    if (result.passed) continue;
    ++(result.check.severity == Severity::kWarn ? counts.warnings : counts.failed);
  }
  return counts;
}

std::string Summary(const CheckReport& report) {
  const Counts counts = Count(report);
  return fmt::format("{} of {} checks hold for {} rows of {}, {} failed, {} warned, in {:.2f} s",
                     report.results.size() - counts.failed - counts.warnings, report.results.size(),
                     HumanCount(report.row_count), report.source, counts.failed, counts.warnings,
                     report.seconds);
}

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 "
    "1em;color:#222}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35em "
    ".6em;border-bottom:1px solid #ddd;"
    "vertical-align:top}th{background:#f5f5f5}.ok{color:#1a7f37}.failed{color:#b42318;font-weight:"
    "600}"
    ".warning{color:#9a6700;font-weight:600}code{font-size:.92em;word-break:break-word}.bar{"
    "background:#eee;height:10px;"
    "border-radius:5px;overflow:hidden;margin:1em 0}.bar i{display:block;height:10px;float:left}"
    "@media(prefers-color-scheme:dark){body{background:#1b1b1f;color:#ddd}th{background:#2a2a30}td,"
    "th{border-color:#3a3a40}}";

std::string HtmlExamples(const CheckResult& result) {
  if (result.examples.empty()) return "";
  std::string out = "<table><tr>";
  for (const auto& [name, value] : result.examples[0].object())
    out += "<th>" + Escape(name) + "</th>";
  out += "</tr>";
  for (const Json& example : result.examples) {
    out += "<tr>";
    for (const auto& [name, value] : example.object()) {
      out += "<td><code>" + Escape(value.is_string() ? value.AsString() : WriteJson(value)) +
             "</code></td>";
    }
    out += "</tr>";
  }
  return out + "</table>";
}

std::string HtmlBar(const CheckReport& report) {
  const Counts counts = Count(report);
  const double total = static_cast<double>(std::max<size_t>(1, report.results.size()));
  const auto part = [&](size_t count, std::string_view colour) {
    return fmt::format("<i style=\"width:{:.2f}%;background:{}\"></i>",
                       100 * static_cast<double>(count) / total, colour);
  };
  return "<div class=\"bar\">" +
         part(report.results.size() - counts.failed - counts.warnings, "#2da44e") +
         part(counts.warnings, "#d4a72c") + part(counts.failed, "#cf222e") + "</div>";
}

}  // namespace

Json CheckReport::ToJson() const {
  Json list = Json::MakeArray();
  for (const CheckResult& result : results) {
    Json item = Json::Of({{"check", result.check.kind},
                          {"column", result.check.column},
                          {"parameters", result.check.parameters},
                          {"severity", SeverityName(result.check.severity)},
                          {"passed", result.passed},
                          {"computed", result.computed},
                          {"expected", result.expected},
                          {"observed", result.observed},
                          {"failed_count", result.failed_rows},
                          {"checked_count", result.checked_rows},
                          {"examples", Json::ArrayOf(result.examples)},
                          {"line", result.check.line}});
    if (result.check.mostly < 1) item.Set("mostly", result.check.mostly);
    if (!result.check.where.empty()) item.Set("where", result.check.where);
    if (!result.check.why.empty()) item.Set("why", result.check.why);
    list.Append(std::move(item));
  }
  return Json::Of({{"suite", suite},
                   {"source", source},
                   {"passed", passed},
                   {"row_count", row_count},
                   {"seconds", seconds},
                   {"results", std::move(list)}});
}

std::string CheckReport::ToText() const {
  size_t subject_width = 6;
  size_t kind_width = 5;
  for (const CheckResult& result : results) {
    subject_width = std::max(subject_width, Subject(result).size());
    kind_width = std::max(kind_width, result.check.kind.size());
  }
  std::string out;
  std::string failures;
  for (const CheckResult& result : results) {
    out += fmt::format("{}  {}  {}  {}\n", PadRight(std::string(Verdict(result)), 7),
                       PadRight(Subject(result), subject_width),
                       PadRight(result.check.kind, kind_width), OneLine(result.observed));
    if (result.passed) continue;
    failures += fmt::format("\n{}: {}\n", Verdict(result), Sentence(result));
    if (result.check.line > 0)
      failures += fmt::format("  as {}:{} says\n", suite, result.check.line);
    for (const Json& example : result.examples) failures += "  " + ExampleText(example) + "\n";
  }
  return out + failures + "\n" + Summary(*this) + "\n";
}

std::string CheckReport::ToHtml() const {
  std::string rows;
  for (const CheckResult& result : results) {
    std::string observed = Escape(result.observed);
    if (!result.passed && !result.check.why.empty()) observed += "<br>" + Escape(result.check.why);
    if (!result.passed) observed += HtmlExamples(result);
    rows += fmt::format(
        "<tr><td "
        "class=\"{0}\">{0}</td><td>{1}</td><td><code>{2}</code></td><td>{3}</td><td>{4}</td></"
        "tr>\n",
        Verdict(result), Escape(Subject(result)), Escape(result.check.kind),
        Escape(result.expected), observed);
  }
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>Checks of "
      "{0}</title><style>{1}</style></head><body>\n<h1>{2}</h1>\n<p>{3}</p>\n{4}\n"
      "<table><tr><th>state</th><th>of</th><th>check</th><th>expected</th><th>found</th></"
      "tr>\n{5}</table>\n</body></html>\n",
      Escape(source), kStyle, passed ? "The data holds" : "The data does not hold",
      Escape(Summary(*this)), HtmlBar(*this), rows);
}

std::string CheckReport::ToJUnit() const {
  const Counts counts = Count(*this);
  std::string cases;
  for (const CheckResult& result : results) {
    cases += fmt::format("    <testcase classname=\"{}\" name=\"{}: {}\"", Escape(suite),
                         Escape(Subject(result)),
                         Escape(OneLine(result.expected.empty()
                                            ? result.check.kind
                                            : result.check.kind + " (" + result.expected + ")")));
    if (result.passed) {
      cases += "/>\n";
    } else if (result.check.severity == Severity::kWarn) {
      // JUnit knows no warnings; what it prints is shown, and the run is not failed.
      cases += fmt::format("><system-out>warning: {}</system-out></testcase>\n",
                           Escape(Sentence(result)));
    } else {
      cases += fmt::format("><failure message=\"{}\"/></testcase>\n", Escape(Sentence(result)));
    }
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{0}\" "
      "tests=\"{1}\" failures=\"{2}\" "
      "errors=\"0\" skipped=\"0\" time=\"{3:.3f}\">\n{4}  </testsuite>\n</testsuites>\n",
      Escape(suite), results.size(), counts.failed, seconds, cases);
}

std::vector<std::string> CheckReport::Failures() const {
  std::vector<std::string> sentences;
  for (const CheckResult& result : results) {
    if (!result.passed && result.check.severity == Severity::kError)
      sentences.push_back(Sentence(result));
  }
  return sentences;
}

}  // namespace caisson::data

#include "lifecycle/monitoring/internal/report_page.h"

#include <cmath>

#include "base/strings.h"

namespace caisson::monitoring::internal {
namespace {

constexpr std::string_view kStyle = R"css(
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1080px;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.5rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{margin:.3rem 0}
.quiet{color:#66707c}.bad{color:#b3261e}.good{color:#1b7a43}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #e3e7ec}
th:first-child,td:first-child{text-align:left;white-space:nowrap}.wide{overflow-x:auto}th{font-weight:600;color:#66707c}
td.beyond{background:#fdecea;color:#b3261e;font-weight:600}
.row{display:flex;flex-wrap:wrap;gap:1rem}.card{border:1px solid #e3e7ec;border-radius:8px;padding:.6rem .8rem}
svg text{font:11px system-ui,sans-serif;fill:#66707c}
)css";

constexpr int kWidth = 1000;
constexpr int kHeight = 240;
constexpr int kLeft = 54;
constexpr int kRight = 170;
constexpr int kTop = 12;
constexpr int kBottom = 30;

constexpr const char* kColours[] = {"#1f6feb", "#d1242f", "#1a7f37", "#9a6700",
                                    "#8250df", "#0969da", "#bf3989", "#57606a"};

struct Series {
  std::string name;
  std::vector<std::optional<double>> values;  // one a window
};

std::string Day(UnixMillis time) { return FormatTime(time).substr(5, 5); }

// Lines over the windows, with a dashed line at `bound`.
std::string LineChart(const std::vector<WindowReport>& reports, const std::vector<Series>& series,
                      std::optional<double> bound, double floor, std::string_view bound_name) {
  double low = floor;
  double high = bound.value_or(floor);
  for (const Series& line : series) {
    for (const auto& value : line.values) {
      if (!value.has_value()) continue;
      low = std::min(low, *value);
      high = std::max(high, *value);
    }
  }
  high += (high - low) * 0.08 + 1e-9;
  const auto x = [&](size_t i) {
    const double step =
        reports.size() < 2 ? 0 : static_cast<double>(i) / static_cast<double>(reports.size() - 1);
    return kLeft + step * (kWidth - kLeft - kRight);
  };
  const auto y = [&](double value) {
    return kTop + (high - value) / (high - low) * (kHeight - kTop - kBottom);
  };
  std::string svg =
      fmt::format("<svg viewBox=\"0 0 {} {}\" width=\"100%\" role=\"img\">", kWidth, kHeight);
  for (int tick = 0; tick <= 4; ++tick) {
    const double value = low + (high - low) * tick / 4;
    svg += fmt::format(
        "<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#e3e7ec\"/>"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.3f}</text>",
        kLeft, kWidth - kRight, y(value), kLeft - 6, y(value) + 4, value);
  }
  for (size_t i = 0; i < reports.size(); ++i) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>", x(i),
                       kHeight - 10, Day(reports[i].start));
  }
  if (bound.has_value()) {
    svg += fmt::format(
        "<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#b3261e\" "
        "stroke-dasharray=\"5 4\"/>"
        "<text x=\"{1}\" y=\"{3:.1f}\" text-anchor=\"end\">{4}</text>",
        kLeft, kWidth - kRight, y(*bound), y(*bound) - 4, HtmlEscape(bound_name));
  }
  for (size_t s = 0; s < series.size(); ++s) {
    const char* colour = kColours[s % std::size(kColours)];
    std::string points;
    for (size_t i = 0; i < series[s].values.size(); ++i) {
      const auto& value = series[s].values[i];
      if (!value.has_value()) continue;
      points += fmt::format("{:.1f},{:.1f} ", x(i), y(*value));
      svg += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>{} {}: "
          "{:.4f}</title></circle>",
          x(i), y(*value), colour, HtmlEscape(series[s].name), Day(reports[i].start), *value);
    }
    svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
                       points, colour);
    const size_t row_y = kTop + 10 + s * 16;
    svg += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{}\"/><text x=\"{}\" "
        "y=\"{}\">{}</text>",
        kWidth - kRight + 12, row_y - 9, colour, kWidth - kRight + 27, row_y,
        HtmlEscape(series[s].name));
  }
  return svg + "</svg>";
}

// Shares by bin, training beside the window.
std::string BarChart(const FeatureDrift& feature) {
  const int width = 310;
  const int height = 130;
  double reference_total = 0;
  double total = 0;
  for (const int64_t count : feature.reference_counts)
    reference_total += static_cast<double>(count);
  for (const int64_t count : feature.counts) total += static_cast<double>(count);
  double most = 1e-9;
  std::vector<std::pair<double, double>> shares;
  for (size_t i = 0; i < feature.counts.size(); ++i) {
    const double before = reference_total == 0
                              ? 0
                              : static_cast<double>(feature.reference_counts[i]) / reference_total;
    const double now = total == 0 ? 0 : static_cast<double>(feature.counts[i]) / total;
    shares.emplace_back(before, now);
    most = std::max({most, before, now});
  }
  const double slot =
      static_cast<double>(width) / static_cast<double>(std::max<size_t>(shares.size(), 1));
  std::string svg =
      fmt::format("<svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\">", width,
                  height + 18);
  for (size_t i = 0; i < shares.size(); ++i) {
    const auto bar = [&](double share, double offset, std::string_view colour) {
      const double bar_height = share / most * height;
      svg += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>",
          static_cast<double>(i) * slot + offset, height - bar_height, slot * 0.4, bar_height,
          colour);
    };
    bar(shares[i].first, slot * 0.05, "#b6c2cf");
    bar(shares[i].second, slot * 0.5, feature.beyond ? "#d1242f" : "#1f6feb");
  }
  if (!feature.edges.empty()) {
    svg += fmt::format(
        "<text x=\"0\" y=\"{0}\">&lt; {1:.3g}</text><text x=\"{2}\" y=\"{0}\" "
        "text-anchor=\"end\">&gt;= {3:.3g}</text>",
        height + 14, feature.edges.front(), width, feature.edges.back());
  }
  return svg + "</svg>";
}

std::vector<Series> DriftSeries(const std::vector<WindowReport>& reports) {
  std::vector<Series> series;
  for (size_t i = 0; i < reports.size(); ++i) {
    for (const FeatureDrift& feature : reports[i].features) {
      auto line = std::find_if(series.begin(), series.end(),
                               [&](const Series& s) { return s.name == feature.name; });
      if (line == series.end())
        line = series.insert(
            series.end(), Series{feature.name, std::vector<std::optional<double>>(reports.size())});
      line->values[i] = feature.value;
    }
  }
  return series;
}

std::string WindowTable(const std::vector<WindowReport>& reports, const std::vector<Series>& drift,
                        std::string_view metric) {
  std::string html =
      "<table><tr><th>window</th><th>version</th><th>predictions</th><th>labels</th><th>mean "
      "score</th><th>label rate</th>";
  if (!metric.empty()) html += fmt::format("<th>{}</th>", HtmlEscape(metric));
  for (const Series& line : drift) html += fmt::format("<th>{}</th>", HtmlEscape(line.name));
  html += "</tr>";
  const auto number = [](const std::optional<double>& value) {
    return value.has_value() ? fmt::format("{:.4f}", *value) : std::string("&ndash;");
  };
  for (size_t i = 0; i < reports.size(); ++i) {
    const WindowReport& report = reports[i];
    html += fmt::format(
        "<tr><td>{} to {}{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
        Day(report.start), Day(report.end),
        report.judged ? "" : " <span class=\"quiet\">(not judged)</span>", report.version,
        HumanCount(report.predictions), HumanCount(report.labels), number(report.mean_score),
        number(report.label_rate));
    if (!metric.empty()) html += fmt::format("<td>{}</td>", number(report.performance));
    for (const Series& line : drift) {
      const auto feature = std::find_if(report.features.begin(), report.features.end(),
                                        [&](const FeatureDrift& f) { return f.name == line.name; });
      const bool beyond = feature != report.features.end() && feature->beyond;
      html += fmt::format(
          "<td{}>{}</td>", beyond ? " class=\"beyond\"" : "",
          line.values[i].has_value() ? fmt::format("{:.3f}", *line.values[i]) : "&ndash;");
    }
    html += "</tr>";
  }
  return html + "</table>";
}

// Few rows, or the days of a changeover, make curves that say nothing; they stay in the table.
std::vector<WindowReport> Judged(const std::vector<WindowReport>& reports) {
  std::vector<WindowReport> judged;
  for (const WindowReport& report : reports) {
    if (report.judged) judged.push_back(report);
  }
  return judged.empty() ? reports : judged;
}

std::string Charts(const MonitorSpec& spec, const std::vector<WindowReport>& reports) {
  std::string html =
      "<h2>Drift by window</h2>" + LineChart(reports, DriftSeries(reports), spec.drift_threshold, 0,
                                             fmt::format("threshold {:g}", spec.drift_threshold));
  if (spec.performance_metric.empty()) return html;
  Series measured{spec.performance_metric, {}};
  Series reference{"at training", {}};
  std::optional<double> low;
  for (const WindowReport& report : reports) {
    measured.values.push_back(report.performance);
    reference.values.push_back(report.reference_performance);
    for (const auto& value : {report.performance, report.reference_performance}) {
      if (value.has_value()) low = std::min(low.value_or(*value), *value);
    }
  }
  if (!low.has_value()) return html;
  return html + fmt::format("<h2>{} by window</h2>", HtmlEscape(spec.performance_metric)) +
         LineChart(reports, {measured, reference}, std::nullopt, *low - 0.02, "");
}

}  // namespace

std::string ReportPage(const MonitorSpec& spec, const std::vector<WindowReport>& reports) {
  std::string html = fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\">"
      "<title>Monitor {0}</title><style>{1}</style></head><body><h1>Monitor of endpoint {0}</h1>",
      HtmlEscape(spec.endpoint), kStyle);
  if (reports.empty())
    return html + "<p class=\"quiet\">No window has been evaluated yet.</p></body></html>";
  html += fmt::format(
      "<p class=\"quiet\">{} windows, {} to {}, against what each version was trained on</p>",
      reports.size(), FormatTime(reports.front().start).substr(0, 10),
      FormatTime(reports.back().end).substr(0, 10));

  html += "<h2>Findings</h2>";
  bool any = false;
  for (const WindowReport& report : reports) {
    for (const std::string& finding : report.findings) {
      any = true;
      html += fmt::format("<p class=\"bad\">{} to {}, version {}: {}</p>", Day(report.start),
                          Day(report.end), report.version, HtmlEscape(finding));
    }
  }
  if (!any) html += "<p class=\"good\">None: everything stayed within its bounds.</p>";

  html += Charts(spec, Judged(reports));
  html += "<h2>Windows</h2><div class=\"wide\">" +
          WindowTable(reports, DriftSeries(reports), spec.performance_metric) + "</div>";
  html += fmt::format(
      "<h2>Last window beside training <span class=\"quiet\">({} to {}; grey: "
      "training)</span></h2><div class=\"row\">",
      Day(reports.back().start), Day(reports.back().end));
  for (const FeatureDrift& feature : reports.back().features) {
    html +=
        fmt::format("<div class=\"card\"><b>{}</b> <span class=\"{}\">{:.3f}</span><br>{}</div>",
                    HtmlEscape(feature.name), feature.beyond ? "bad" : "quiet", feature.value,
                    BarChart(feature));
  }
  return html + "</div></body></html>";
}

}  // namespace caisson::monitoring::internal

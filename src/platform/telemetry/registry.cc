#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/log.h"
#include "platform/telemetry/metrics.h"

namespace caisson::telemetry {
namespace {

enum class Kind { kCounter, kExternalCounter, kGauge, kHistogram };

std::string_view TypeName(Kind kind) {
  switch (kind) {
    case Kind::kCounter:
    case Kind::kExternalCounter:
      return "counter";
    case Kind::kGauge:
      return "gauge";
    case Kind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

// One of the three, according to the kind of its family.
struct Series {
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
};

Series MakeSeries(Kind kind, const std::vector<double>& upper_bounds) {
  Series series;
  switch (kind) {
    case Kind::kCounter:
      series.counter = std::make_unique<Counter>();
      break;
    case Kind::kExternalCounter:
    case Kind::kGauge:
      series.gauge = std::make_unique<Gauge>();
      break;
    case Kind::kHistogram:
      series.histogram = std::make_unique<Histogram>(upper_bounds);
      break;
  }
  return series;
}

struct Family {
  Kind kind = Kind::kCounter;
  std::string help;
  std::map<Labels, Series> series;
};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// [a-zA-Z_:][a-zA-Z0-9_:]*
bool IsMetricName(std::string_view name) {
  if (name.empty() || IsDigit(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLetter(c) || IsDigit(c) || c == ':'; });
}

// [a-zA-Z_][a-zA-Z0-9_]*; two leading underscores belong to Prometheus, "le" to the buckets of a
// histogram.
bool IsLabelName(std::string_view name, Kind kind) {
  if (name.empty() || IsDigit(name.front()) || name.starts_with("__")) return false;
  if (kind == Kind::kHistogram && name == "le") return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return IsLetter(c) || IsDigit(c); });
}

// Why Prometheus would refuse it; empty when it would not.
std::string Objection(std::string_view name, const Labels& labels, Kind kind) {
  if (!IsMetricName(name)) return fmt::format("'{}' is not a metric name", name);
  for (const auto& [label, value] : labels) {
    if (!IsLabelName(label, kind)) {
      return fmt::format("metric {} cannot have a label '{}'", name, label);
    }
  }
  return "";
}

void AppendEscaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

void AppendValue(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

// name{a="b",le="0.5"}, with the space that follows.
void AppendSeriesName(std::string& out, std::string_view name, std::string_view suffix,
                      const Labels& labels, const std::string& upper_bound = "") {
  out += name;
  out += suffix;
  char separator = '{';
  const auto append = [&](std::string_view label, std::string_view value) {
    out += separator;
    separator = ',';
    out += label;
    out += "=\"";
    AppendEscaped(out, value, true);
    out += '"';
  };
  for (const auto& [label, value] : labels) append(label, value);
  if (!upper_bound.empty()) append("le", upper_bound);
  if (separator == ',') out += '}';
  out += ' ';
}

void AppendHistogram(std::string& out, std::string_view name, const Labels& labels,
                     const Histogram& histogram) {
  const std::vector<double>& bounds = histogram.upper_bounds();
  const std::vector<uint64_t> counts = histogram.counts();
  // The sum of these counts, not a later reading, is the count: the buckets must agree with it.
  uint64_t cumulative = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const std::string bound = i < bounds.size() ? fmt::format("{}", bounds[i]) : "+Inf";
    AppendSeriesName(out, name, "_bucket", labels, bound);
    fmt::format_to(std::back_inserter(out), "{}\n", cumulative);
  }
  AppendSeriesName(out, name, "_sum", labels);
  AppendValue(out, histogram.sum());
  out += '\n';
  AppendSeriesName(out, name, "_count", labels);
  fmt::format_to(std::back_inserter(out), "{}\n", cumulative);
}

void AppendFamily(std::string& out, std::string_view name, const Family& family) {
  fmt::format_to(std::back_inserter(out), "# HELP {} ", name);
  AppendEscaped(out, family.help, false);
  fmt::format_to(std::back_inserter(out), "\n# TYPE {} {}\n", name, TypeName(family.kind));
  for (const auto& [labels, series] : family.series) {
    if (series.histogram) {
      AppendHistogram(out, name, labels, *series.histogram);
      continue;
    }
    AppendSeriesName(out, name, "", labels);
    if (series.counter) {
      fmt::format_to(std::back_inserter(out), "{}", series.counter->value());
    } else {
      AppendValue(out, series.gauge->value());
    }
    out += '\n';
  }
}

}  // namespace

struct Registry::Impl {
  // Guards everything below, briefly; never held while a collector runs.
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;
  std::vector<std::function<void(Registry&)>> collectors;
  // What callers with a defect count into, by kind and name.
  std::map<std::pair<Kind, std::string>, Series> hidden;
  // Held for a whole scrape.
  std::mutex scrape_mutex;

  Series& Hidden(Kind kind, std::string_view name, const std::vector<double>& upper_bounds,
                 std::string_view reason) {
    const auto [place, is_new] = hidden.try_emplace({kind, std::string(name)});
    if (is_new) {
      place->second = MakeSeries(kind, upper_bounds);
      CAISSON_LOG(kError, "telemetry", "{}; its values are not exposed", reason);
    }
    return place->second;
  }

  Series& Get(Kind kind, std::string_view name, std::string_view help, const Labels& labels,
              const std::vector<double>& upper_bounds) {
    std::lock_guard lock(mutex);
    auto place = families.find(name);
    if (place == families.end()) {
      if (const std::string objection = Objection(name, labels, kind); !objection.empty()) {
        return Hidden(kind, name, upper_bounds, objection);
      }
      place = families.try_emplace(std::string(name)).first;
      place->second.kind = kind;
      place->second.help = help;
    }
    Family& family = place->second;
    if (family.kind != kind) {
      return Hidden(
          kind, name, upper_bounds,
          fmt::format("metric {} is a {}, not a {}", name, TypeName(family.kind), TypeName(kind)));
    }
    if (const auto found = family.series.find(labels); found != family.series.end()) {
      return found->second;
    }
    if (const std::string objection = Objection(name, labels, kind); !objection.empty()) {
      return Hidden(kind, name, upper_bounds, objection);
    }
    const bool full = family.series.size() >= kMaxSeriesPerName;
    const auto [series, is_new] =
        family.series.try_emplace(full ? Labels{{"overflow", "true"}} : labels);
    if (is_new) series->second = MakeSeries(kind, upper_bounds);
    if (is_new && full) {
      CAISSON_LOG(kWarning, "telemetry",
                  "metric {} has more than {} label sets; the rest share one", name,
                  kMaxSeriesPerName);
    }
    return series->second;
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::GetCounter(std::string_view name, std::string_view help, const Labels& labels) {
  return *impl_->Get(Kind::kCounter, name, help, labels, {}).counter;
}

Gauge& Registry::GetGauge(std::string_view name, std::string_view help, const Labels& labels) {
  return *impl_->Get(Kind::kGauge, name, help, labels, {}).gauge;
}

Gauge& Registry::GetExternalCounter(std::string_view name, std::string_view help,
                                    const Labels& labels) {
  return *impl_->Get(Kind::kExternalCounter, name, help, labels, {}).gauge;
}

Histogram& Registry::GetHistogram(std::string_view name, std::string_view help,
                                  const Labels& labels, const std::vector<double>& upper_bounds) {
  return *impl_->Get(Kind::kHistogram, name, help, labels, upper_bounds).histogram;
}

void Registry::AddCollector(std::function<void(Registry&)> collector) {
  std::lock_guard lock(impl_->mutex);
  impl_->collectors.push_back(std::move(collector));
}

std::string Registry::Expose() {
  std::lock_guard scrape(impl_->scrape_mutex);
  std::unique_lock lock(impl_->mutex);
  const std::vector<std::function<void(Registry&)>> collectors = impl_->collectors;
  lock.unlock();
  for (const auto& collector : collectors) collector(*this);
  std::string out;
  lock.lock();
  for (const auto& [name, family] : impl_->families) AppendFamily(out, name, family);
  return out;
}

}  // namespace caisson::telemetry

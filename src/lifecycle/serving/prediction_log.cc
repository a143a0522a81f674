#include "lifecycle/serving/prediction_log.h"

#include <charconv>
#include <map>
#include <mutex>

#include "base/files.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "lifecycle/serving/internal/segment.h"

namespace caisson::serving {
namespace {

using internal::MappedFile;
using internal::PayloadReader;
using internal::PayloadWriter;
using internal::SegmentWriter;

constexpr std::string_view kPredictionMagic = "CSNPRED1";
constexpr std::string_view kLabelMagic = "CSNLABL1";
constexpr size_t kMostRows = 1 << 20;
constexpr size_t kLabelsInARecord = 50'000;

// Where a row stands.
struct Position {
  uint32_t segment = 0;
  uint32_t offset = 0;
  uint32_t row = 0;
  auto operator<=>(const Position&) const = default;
};

std::optional<uint32_t> ParseHex(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string FormatId(std::string_view log_id, const Position& position) {
  return fmt::format("{}-{:x}-{:x}-{:x}", log_id, position.segment, position.offset, position.row);
}

std::optional<Position> ParseId(std::string_view id, std::string_view log_id) {
  const std::vector<std::string> parts = Split(id, '-');
  if (parts.size() != 4 || parts[0] != log_id) return std::nullopt;
  const auto segment = ParseHex(parts[1]);
  const auto offset = ParseHex(parts[2]);
  const auto row = ParseHex(parts[3]);
  if (!segment || !offset || !row) return std::nullopt;
  return Position{*segment, *offset, *row};
}

// A batch as it lies in a record; the views point into the record.
struct StoredBatch {
  UnixMillis time = 0;
  UnixMillis event_time = 0;
  int32_t version = 0;
  uint32_t rows = 0;
  uint32_t columns = 0;
  std::string_view model;
  std::string_view scores;
  std::string_view features;
};

std::optional<StoredBatch> ReadBatch(std::string_view payload) {
  PayloadReader reader(payload);
  StoredBatch batch;
  batch.time = reader.Number<int64_t>();
  batch.event_time = reader.Number<int64_t>();
  batch.version = reader.Number<int32_t>();
  batch.rows = reader.Number<uint32_t>();
  batch.columns = reader.Number<uint32_t>();
  batch.model = reader.Text();
  reader.Text();
  if (!reader.ok() || batch.rows > kMostRows) return std::nullopt;
  batch.scores = reader.Take(size_t{batch.rows} * sizeof(float));
  batch.features = reader.Take(size_t{batch.rows} * batch.columns * sizeof(float));
  if (!reader.ok() || reader.left() != 0) return std::nullopt;
  return batch;
}

Prediction RowOf(const StoredBatch& batch, std::string_view log_id, const Position& position) {
  Prediction prediction;
  prediction.id = FormatId(log_id, position);
  prediction.time = batch.time;
  prediction.event_time = batch.event_time;
  prediction.model = std::string(batch.model);
  prediction.version = batch.version;
  std::memcpy(&prediction.score, batch.scores.data() + size_t{position.row} * sizeof(float),
              sizeof(float));
  prediction.features.resize(batch.columns);
  std::memcpy(prediction.features.data(),
              batch.features.data() + size_t{position.row} * batch.columns * sizeof(float),
              size_t{batch.columns} * sizeof(float));
  return prediction;
}

// What is known of a prediction segment without reading it.
struct SegmentSummary {
  uint64_t bytes = 0;
  uint64_t rows = 0;
  bool damaged = false;  // `rows` and the times are of what can be read
  UnixMillis first_event_time = INT64_MAX;
  UnixMillis last_event_time = INT64_MIN;

  void Add(UnixMillis event_time, uint64_t count) {
    rows += count;
    first_event_time = std::min(first_event_time, event_time);
    last_event_time = std::max(last_event_time, event_time);
  }
};

std::string SegmentName(char kind, uint32_t number) {
  return fmt::format("{}-{:08x}.seg", kind, number);
}

struct StoredLabel {
  Position position;
  float label = 0;
};

}  // namespace

class PredictionLog::Impl {
 public:
  explicit Impl(Options options) : options_(std::move(options)) {}

  Status Open() {
    CAISSON_TRY(MakeDirectories(options_.folder));
    CAISSON_TRY(ReadOrMakeIdentity());
    CAISSON_ASSIGN(const std::vector<DirectoryEntry> entries, ListDirectory(options_.folder));
    std::vector<uint32_t> numbers;
    for (const DirectoryEntry& entry : entries) {
      if (entry.name.size() != 14 || entry.name.substr(10) != ".seg") continue;
      const auto number = ParseHex(std::string_view(entry.name).substr(2, 8));
      if (!number.has_value()) continue;
      if (entry.name[0] == 'p') {
        numbers.push_back(*number);
      } else if (entry.name[0] == 'l') {
        label_segments_.push_back(*number);
      }
    }
    for (const uint32_t number : numbers) CAISSON_TRY(Summarize(number, number == numbers.back()));
    CAISSON_TRY(OpenWriters());
    return CountLabels();
  }

  Result<std::string> Append(const PredictionBatch& batch, std::string_view request_id) {
    if (batch.rows == 0 || batch.rows > kMostRows) {
      return InvalidArgument("{} rows in one request; 1 to {} are accepted", batch.rows, kMostRows);
    }
    PayloadWriter payload;
    payload.Number(batch.time);
    payload.Number(batch.event_time);
    payload.Number(static_cast<int32_t>(batch.version));
    payload.Number(static_cast<uint32_t>(batch.rows));
    payload.Number(static_cast<uint32_t>(batch.columns));
    payload.Text(batch.model);
    payload.Text(request_id);
    payload.Floats(batch.scores, batch.rows);
    payload.Floats(batch.features, batch.rows * batch.columns);

    std::lock_guard lock(mutex_);
    if (writer_->size() >= options_.segment_bytes) CAISSON_TRY(RollPredictions());
    CAISSON_ASSIGN(const uint64_t offset, writer_->Append(payload.bytes()));
    SegmentSummary& summary = segments_[current_];
    summary.Add(batch.event_time, batch.rows);
    summary.bytes = writer_->size();
    return FormatId(log_id_, {current_, static_cast<uint32_t>(offset), 0});
  }

  Result<Prediction> Find(std::string_view id) const {
    const auto position = ParseId(id, log_id_);
    if (!position.has_value())
      return NotFound("'{}' is not the id of a prediction of this endpoint", id);
    CAISSON_ASSIGN(const std::string payload, ReadPayload(*position, id));
    const auto batch = ReadBatch(payload);
    if (!batch.has_value() || position->row >= batch->rows)
      return NotFound("there is no prediction '{}'", id);
    return RowOf(*batch, log_id_, *position);
  }

  Status AddLabels(const std::vector<Label>& labels, UnixMillis time) {
    std::vector<StoredLabel> stored;
    stored.reserve(labels.size());
    Position last{0, 0, 0};
    uint32_t last_rows = 0;
    for (const Label& label : labels) {
      const auto position = ParseId(label.prediction_id, log_id_);
      if (!position.has_value()) {
        return InvalidArgument("'{}' is not the id of a prediction of this endpoint",
                               label.prediction_id);
      }
      // Labels come in the order of the answers, so the rows of one request follow each other.
      if (position->segment != last.segment || position->offset != last.offset) {
        CAISSON_ASSIGN(last_rows, RowsAt(*position, label.prediction_id));
        last = *position;
      }
      if (position->row >= last_rows)
        return InvalidArgument("there is no prediction '{}'", label.prediction_id);
      stored.push_back({*position, label.label});
    }
    return StoreLabels(stored, time);
  }

  Status Scan(const Context& context, UnixMillis from, UnixMillis to,
              const std::function<Status(const LabelledPrediction&)>& visit) const {
    std::vector<uint32_t> wanted;
    uint32_t newest = 0;
    {
      std::lock_guard lock(mutex_);
      for (const auto& [number, summary] : segments_) {
        const bool meets =
            summary.rows > 0 && summary.first_event_time < to && summary.last_event_time >= from;
        if (meets || summary.damaged) wanted.push_back(number);
      }
      newest = current_;
    }
    if (wanted.empty()) return OkStatus();
    CAISSON_ASSIGN(const std::vector<StoredLabel> labels,
                   ReadLabels(wanted.front(), wanted.back()));
    for (const uint32_t number : wanted) {
      Result<MappedFile> file = MappedFile::Open(Path('p', number));
      if (!file.ok()) continue;  // retired meanwhile
      const Result<uint64_t> end = internal::WalkSegment(
          file->bytes(), kPredictionMagic, [&](uint64_t offset, std::string_view payload) {
            return VisitBatch(context, {number, static_cast<uint32_t>(offset), 0}, payload, from,
                              to, labels, visit);
          });
      if (!end.ok()) return WithContext(end.status(), Path('p', number));
      if (number < newest && *end != file->bytes().size()) {
        return DataLoss("{}: the record at offset {} is cut off", Path('p', number), *end);
      }
    }
    return OkStatus();
  }

  Statistics statistics() const {
    std::lock_guard lock(mutex_);
    Statistics statistics;
    statistics.labels = labels_;
    UnixMillis first = INT64_MAX;
    UnixMillis last = INT64_MIN;
    for (const auto& [number, summary] : segments_) {
      statistics.predictions += summary.rows;
      statistics.bytes += summary.bytes;
      if (summary.rows == 0) continue;
      first = std::min(first, summary.first_event_time);
      last = std::max(last, summary.last_event_time);
    }
    statistics.first_event_time = first == INT64_MAX ? 0 : first;
    statistics.last_event_time = last == INT64_MIN ? 0 : last;
    return statistics;
  }

 private:
  std::string Path(char kind, uint32_t number) const {
    return JoinPath(options_.folder, SegmentName(kind, number));
  }

  Status ReadOrMakeIdentity() {
    const std::string path = JoinPath(options_.folder, "log");
    if (!FileExists(path)) {
      log_id_ = RandomHex(4);
      return WriteFileAtomic(path, WriteJson(Json::Of({{"format", 1}, {"id", log_id_}})) + "\n");
    }
    CAISSON_ASSIGN(const std::string text, ReadFile(path));
    const Result<Json> json = ParseJson(text);
    if (!json.ok() || (*json)["id"].AsString().size() != 8)
      return DataLoss("{} is damaged: {}", path, std::string(Trim(text)));
    if ((*json)["format"].AsInt() != 1) {
      return FailedPrecondition("{} has format {}; this program knows format 1", path,
                                (*json)["format"].AsInt());
    }
    log_id_ = (*json)["id"].AsString();
    return OkStatus();
  }

  // Only the newest segment may end in a torn record.
  Status Summarize(uint32_t number, bool newest) {
    CAISSON_ASSIGN(const MappedFile file, MappedFile::Open(Path('p', number)));
    SegmentSummary& summary = segments_[number];
    summary.bytes = file.bytes().size();
    const Result<uint64_t> end = internal::WalkSegment(
        file.bytes(), kPredictionMagic, [&](uint64_t, std::string_view payload) {
          const auto batch = ReadBatch(payload);
          if (batch.has_value()) summary.Add(batch->event_time, batch->rows);
          return OkStatus();
        });
    if (end.ok() && (newest || *end == file.bytes().size())) return OkStatus();
    // Damage costs what lies behind it in this segment; the endpoint goes on answering, and scans
    // say what is wrong.
    summary.damaged = true;
    CAISSON_LOG(kError, "serving", "{}: {}", Path('p', number),
                end.ok() ? fmt::format("the record at offset {} is cut off", *end)
                         : std::string(Message(end.status())));
    return OkStatus();
  }

  Status OpenWriters() {
    if (segments_.empty()) segments_[1];
    current_ = segments_.rbegin()->first;
    Result<SegmentWriter> writer = SegmentWriter::Open(Path('p', current_), kPredictionMagic);
    if (writer.status().code() == StatusCode::kDataLoss)
      writer = SegmentWriter::Open(Path('p', ++current_), kPredictionMagic);
    CAISSON_ASSIGN(writer_, std::move(writer));
    segments_[current_].bytes = writer_->size();
    if (label_segments_.empty()) label_segments_.push_back(1);
    CAISSON_ASSIGN(label_writer_,
                   SegmentWriter::Open(Path('l', label_segments_.back()), kLabelMagic));
    return OkStatus();
  }

  Status CountLabels() {
    CAISSON_ASSIGN(const std::vector<StoredLabel> labels, ReadLabels(0, UINT32_MAX));
    labels_ = labels.size();
    return OkStatus();
  }

  Status RollPredictions() {
    const uint32_t next = current_ + 1;
    CAISSON_ASSIGN(SegmentWriter writer, SegmentWriter::Open(Path('p', next), kPredictionMagic));
    CAISSON_TRY(SyncDirectory(options_.folder));
    writer_ = std::move(writer);
    current_ = next;
    segments_[next].bytes = writer_->size();
    uint64_t total = 0;
    for (const auto& [number, summary] : segments_) total += summary.bytes;
    while (total > options_.retain_bytes && segments_.size() > 1) {
      const auto oldest = segments_.begin();
      total -= oldest->second.bytes;
      CAISSON_TRY(RemoveFile(Path('p', oldest->first)));
      segments_.erase(oldest);
    }
    return OkStatus();
  }

  Result<std::string> ReadPayload(const Position& position, std::string_view id) const {
    {
      std::lock_guard lock(mutex_);
      if (segments_.find(position.segment) == segments_.end()) {
        return NotFound("the prediction '{}' is no longer kept", id);
      }
    }
    return internal::ReadRecord(Path('p', position.segment), position.offset);
  }

  Result<uint32_t> RowsAt(const Position& position, std::string_view id) const {
    const Result<std::string> payload = ReadPayload(position, id);
    if (!payload.ok()) return InvalidArgument("there is no prediction '{}'", id);
    const auto batch = ReadBatch(*payload);
    if (!batch.has_value()) return InvalidArgument("there is no prediction '{}'", id);
    return batch->rows;
  }

  Status StoreLabels(const std::vector<StoredLabel>& labels, UnixMillis time) {
    std::lock_guard lock(mutex_);
    for (size_t start = 0; start < labels.size(); start += kLabelsInARecord) {
      const size_t count = std::min(kLabelsInARecord, labels.size() - start);
      PayloadWriter payload;
      payload.Number(time);
      payload.Number(static_cast<uint32_t>(count));
      for (size_t i = start; i < start + count; ++i) {
        payload.Number(labels[i].position.segment);
        payload.Number(labels[i].position.offset);
        payload.Number(labels[i].position.row);
        payload.Number(labels[i].label);
      }
      if (label_writer_->size() >= options_.segment_bytes) CAISSON_TRY(RollLabels());
      CAISSON_TRY(label_writer_->Append(payload.bytes()));
    }
    labels_ += labels.size();
    return OkStatus();
  }

  // Labels of predictions that are no longer kept go with them, a whole label segment at a time.
  Status RollLabels() {
    const uint32_t next = label_segments_.back() + 1;
    CAISSON_ASSIGN(SegmentWriter writer, SegmentWriter::Open(Path('l', next), kLabelMagic));
    label_writer_ = std::move(writer);
    label_segments_.push_back(next);
    const uint32_t oldest_kept = segments_.begin()->first;
    while (label_segments_.size() > 1) {
      bool needed = false;
      CAISSON_TRY(WalkLabels(label_segments_.front(), [&](const StoredLabel& label) {
        needed = needed || label.position.segment >= oldest_kept;
      }));
      if (needed) break;
      CAISSON_TRY(RemoveFile(Path('l', label_segments_.front())));
      label_segments_.erase(label_segments_.begin());
    }
    return OkStatus();
  }

  template <typename Visit>
  Status WalkLabels(uint32_t number, Visit visit) const {
    Result<MappedFile> file = MappedFile::Open(Path('l', number));
    if (!file.ok()) return OkStatus();
    const Result<uint64_t> end =
        internal::WalkSegment(file->bytes(), kLabelMagic, [&](uint64_t, std::string_view payload) {
          PayloadReader reader(payload);
          reader.Number<int64_t>();
          const uint32_t count = reader.Number<uint32_t>();
          for (uint32_t i = 0; i < count && reader.ok(); ++i) {
            StoredLabel label;
            label.position.segment = reader.Number<uint32_t>();
            label.position.offset = reader.Number<uint32_t>();
            label.position.row = reader.Number<uint32_t>();
            label.label = reader.Number<float>();
            if (reader.ok()) visit(label);
          }
          return OkStatus();
        });
    return end.ok() ? OkStatus() : WithContext(end.status(), Path('l', number));
  }

  // Sorted by position, one a prediction: the last that came.
  Result<std::vector<StoredLabel>> ReadLabels(uint32_t first_segment, uint32_t last_segment) const {
    std::vector<uint32_t> numbers;
    {
      std::lock_guard lock(mutex_);
      numbers = label_segments_;
    }
    std::vector<StoredLabel> labels;
    for (const uint32_t number : numbers) {
      CAISSON_TRY(WalkLabels(number, [&](const StoredLabel& label) {
        if (label.position.segment >= first_segment && label.position.segment <= last_segment)
          labels.push_back(label);
      }));
    }
    std::stable_sort(labels.begin(), labels.end(), [](const StoredLabel& a, const StoredLabel& b) {
      return a.position < b.position;
    });
    std::vector<StoredLabel> last;
    for (const StoredLabel& label : labels) {
      if (!last.empty() && last.back().position == label.position) last.pop_back();
      last.push_back(label);
    }
    return last;
  }

  Status VisitBatch(const Context& context, Position position, std::string_view payload,
                    UnixMillis from, UnixMillis to, const std::vector<StoredLabel>& labels,
                    const std::function<Status(const LabelledPrediction&)>& visit) const {
    const auto batch = ReadBatch(payload);
    if (!batch.has_value() || batch->event_time < from || batch->event_time >= to)
      return OkStatus();
    CAISSON_TRY(context.Check());
    auto label =
        std::lower_bound(labels.begin(), labels.end(), position,
                         [](const StoredLabel& a, const Position& b) { return a.position < b; });
    for (position.row = 0; position.row < batch->rows; ++position.row) {
      const Prediction prediction = RowOf(*batch, log_id_, position);
      const bool labelled = label != labels.end() && label->position == position;
      CAISSON_TRY(visit({prediction, labelled ? &label->label : nullptr}));
      if (labelled) ++label;
    }
    return OkStatus();
  }

  const Options options_;
  std::string log_id_;
  mutable std::mutex mutex_;  // the writers and all below
  std::map<uint32_t, SegmentSummary> segments_;
  uint32_t current_ = 1;
  std::optional<SegmentWriter> writer_;
  std::vector<uint32_t> label_segments_;
  std::optional<SegmentWriter> label_writer_;
  uint64_t labels_ = 0;
};

PredictionLog::PredictionLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PredictionLog::~PredictionLog() = default;

Result<std::unique_ptr<PredictionLog>> PredictionLog::Open(const Options& options) {
  auto impl = std::make_unique<Impl>(options);
  CAISSON_TRY(impl->Open());
  return std::unique_ptr<PredictionLog>(new PredictionLog(std::move(impl)));
}

Result<std::string> PredictionLog::Append(const PredictionBatch& batch,
                                          std::string_view request_id) {
  return impl_->Append(batch, request_id);
}

std::string PredictionLog::RowId(std::string_view first_id, size_t row) {
  return fmt::format("{}-{:x}", first_id.substr(0, first_id.rfind('-')), row);
}

Result<Prediction> PredictionLog::Find(std::string_view id) const { return impl_->Find(id); }

Status PredictionLog::AddLabels(const std::vector<Label>& labels, UnixMillis time) {
  return impl_->AddLabels(labels, time);
}

Status PredictionLog::Scan(const Context& context, UnixMillis from, UnixMillis to,
                           const std::function<Status(const LabelledPrediction&)>& visit) const {
  return impl_->Scan(context, from, to, visit);
}

PredictionLog::Statistics PredictionLog::statistics() const { return impl_->statistics(); }

}  // namespace caisson::serving

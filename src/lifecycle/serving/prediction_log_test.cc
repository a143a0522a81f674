#include "lifecycle/serving/prediction_log.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace caisson::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Without a sync: these tests write a file hundreds of times, and no test cuts the power.
void Overwrite(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class PredictionLogTest : public ::testing::Test {
 protected:
  PredictionLogTest() : folder_(TemporaryDirectory::Create().value()) {
    options_.folder = folder_.path() + "/delay";
    Open();
  }
  void Open() {
    log_.reset();
    log_ = PredictionLog::Open(options_).value();
  }

  // One request of so many rows; row i has the features {base + i, -1} and the score 0.1 i.
  std::string Append(UnixMillis event_time, size_t rows = 1, float base = 0) {
    std::vector<float> features;
    std::vector<float> scores;
    for (size_t i = 0; i < rows; ++i) {
      features.insert(features.end(), {base + static_cast<float>(i), -1});
      scores.push_back(0.1f * static_cast<float>(i));
    }
    const PredictionBatch batch{.time = event_time + 5,
                                .event_time = event_time,
                                .model = "late",
                                .version = 3,
                                .features = features.data(),
                                .scores = scores.data(),
                                .rows = rows,
                                .columns = 2};
    return log_->Append(batch, "client-1").value();
  }

  // The first feature and the label, -1 where there is none, of what a scan finds.
  std::vector<std::pair<float, float>> Scan(UnixMillis from, UnixMillis to) {
    std::vector<std::pair<float, float>> found;
    const Status status = log_->Scan(Context::Background(), from, to,
                                     [&](const PredictionLog::LabelledPrediction& row) -> Status {
                                       found.emplace_back(row.prediction.features[0],
                                                          row.label == nullptr ? -1 : *row.label);
                                       return OkStatus();
                                     });
    EXPECT_TRUE(status.ok()) << Message(status);
    return found;
  }
  // The newest file of a kind: 'p' or 'l'.
  std::string File(char kind) {
    std::string newest;
    const auto entries = ListDirectory(options_.folder).value();
    for (const DirectoryEntry& entry : entries) {
      if (entry.name[0] == kind && entry.name.size() == 14) newest = entry.name;
    }
    return options_.folder + "/" + newest;
  }
  int Files(char kind) {
    int count = 0;
    const auto entries = ListDirectory(options_.folder).value();
    for (const DirectoryEntry& entry : entries) {
      count += entry.name[0] == kind && entry.name.size() == 14;
    }
    return count;
  }

  TemporaryDirectory folder_;
  PredictionLog::Options options_;
  std::unique_ptr<PredictionLog> log_;
};

TEST_F(PredictionLogTest, FindsEachRowByItsId) {
  const std::string first = Append(1'000, 1, 10);
  const std::string batch = Append(2'000, 300, 20);
  const Prediction one = *log_->Find(first);
  EXPECT_EQ(one.id, first);
  EXPECT_EQ(one.time, 1'005);
  EXPECT_EQ(one.event_time, 1'000);
  EXPECT_EQ(one.model, "late");
  EXPECT_EQ(one.version, 3);
  EXPECT_THAT(one.features, ElementsAre(10, -1));
  EXPECT_EQ(PredictionLog::RowId(batch, 0), batch);
  const Prediction row = *log_->Find(PredictionLog::RowId(batch, 299));
  EXPECT_THAT(row.features, ElementsAre(319, -1));
  EXPECT_FLOAT_EQ(row.score, 29.9f);
  EXPECT_EQ(row.id, PredictionLog::RowId(batch, 299));
}

TEST_F(PredictionLogTest, UnknownIdsAreNotFound) {
  const std::string id = Append(1'000);
  for (const std::string& unknown :
       {std::string(), std::string("x"), std::string("1-2-3"), "00000000" + id.substr(8),
        PredictionLog::RowId(id, 1), id.substr(0, 8) + "-1-9-0", id.substr(0, 8) + "-7-8-0",
        id.substr(0, 8) + "-1-8-ffffffff", id.substr(0, 8) + "-1-fffffffff-0", id + "-0",
        id.substr(0, 8) + "-1--0"}) {
    EXPECT_EQ(log_->Find(unknown).status().code(), StatusCode::kNotFound) << unknown;
    EXPECT_EQ(log_->AddLabels({{unknown, 1}}, 1).code(), StatusCode::kInvalidArgument) << unknown;
  }
}

TEST_F(PredictionLogTest, ScansByEventTime) {
  Append(3'000, 2, 30);  // out of order
  Append(1'000, 1, 10);
  Append(2'000, 1, 20);
  EXPECT_THAT(Scan(1'000, 3'000), ElementsAre(std::pair(10, -1), std::pair(20, -1)));
  EXPECT_THAT(Scan(3'000, 3'001), ElementsAre(std::pair(30, -1), std::pair(31, -1)));
  EXPECT_THAT(Scan(3'001, 9'000), IsEmpty());
  const PredictionLog::Statistics statistics = log_->statistics();
  EXPECT_EQ(statistics.predictions, 4u);
  EXPECT_EQ(statistics.first_event_time, 1'000);
  EXPECT_EQ(statistics.last_event_time, 3'000);
}

TEST_F(PredictionLogTest, TheLastLabelCounts) {
  const std::string first = Append(1'000, 3, 10);
  const std::string second = Append(2'000, 1, 20);
  ASSERT_TRUE(log_->AddLabels({{second, 1}, {PredictionLog::RowId(first, 2), 0}}, 5).ok());
  ASSERT_TRUE(log_->AddLabels({{second, 0}, {first, 1}}, 6).ok());
  const auto expected =
      ElementsAre(std::pair(10, 1), std::pair(11, -1), std::pair(12, 0), std::pair(20, 0));
  EXPECT_THAT(Scan(0, 9'000), expected);
  Open();
  EXPECT_THAT(Scan(0, 9'000), expected);
  // Labels of one request alone, without those of requests before it.
  EXPECT_THAT(Scan(2'000, 9'000), ElementsAre(std::pair(20, 0)));
}

TEST_F(PredictionLogTest, OneUnknownIdStoresNothing) {
  const std::string id = Append(1'000);
  const Status status = log_->AddLabels({{id, 1}, {PredictionLog::RowId(id, 7), 1}}, 5);
  EXPECT_THAT(Message(status), HasSubstr(PredictionLog::RowId(id, 7)));
  EXPECT_THAT(Scan(0, 9'000), ElementsAre(std::pair(0, -1)));
  EXPECT_EQ(log_->statistics().labels, 0u);
}

TEST_F(PredictionLogTest, GoesOnAfterReopening) {
  const std::string before = Append(1'000, 2, 10);
  Open();
  const std::string after = Append(2'000, 1, 20);
  EXPECT_EQ(before.substr(0, 8), after.substr(0, 8));
  EXPECT_TRUE(log_->Find(before).ok());
  EXPECT_TRUE(log_->Find(after).ok());
  EXPECT_EQ(log_->statistics().predictions, 3u);
  EXPECT_THAT(Scan(0, 9'000), ElementsAre(std::pair(10, -1), std::pair(11, -1), std::pair(20, -1)));
}

TEST_F(PredictionLogTest, RefusesBatchesItCouldNotReadAgain) {
  const float number = 0;
  PredictionBatch batch{.model = "late", .features = &number, .scores = &number};
  EXPECT_EQ(log_->Append(batch, "").status().code(), StatusCode::kInvalidArgument);
  batch.rows = (1 << 20) + 1;
  EXPECT_EQ(log_->Append(batch, "").status().code(), StatusCode::kInvalidArgument);
}

// What was acknowledged stays, wherever the next write was torn.
TEST_F(PredictionLogTest, ATornEndIsCutOffAtEveryByte) {
  const std::string kept = Append(1'000, 1, 10);
  const uint64_t size = ReadFile(File('p')).value().size();
  Append(2'000, 1, 20);
  log_.reset();
  const std::string path = File('p');
  const std::string whole = ReadFile(path).value();
  for (uint64_t cut = size; cut < whole.size(); ++cut) {
    Overwrite(path, whole.substr(0, cut));
    Open();
    ASSERT_TRUE(log_->Find(kept).ok()) << cut;
    EXPECT_THAT(Scan(0, 9'000), ElementsAre(std::pair(10, -1))) << cut;
    const std::string next = Append(3'000, 1, 30);
    EXPECT_TRUE(log_->Find(next).ok()) << cut;
    log_.reset();
  }
}

TEST_F(PredictionLogTest, ATornLabelIsCutOffAtEveryByte) {
  const std::string id = Append(1'000, 1, 10);
  ASSERT_TRUE(log_->AddLabels({{id, 1}}, 5).ok());
  const uint64_t size = ReadFile(File('l')).value().size();
  ASSERT_TRUE(log_->AddLabels({{id, 0}}, 6).ok());
  log_.reset();
  const std::string path = File('l');
  const std::string whole = ReadFile(path).value();
  for (uint64_t cut = size; cut < whole.size(); ++cut) {
    Overwrite(path, whole.substr(0, cut));
    Open();
    EXPECT_THAT(Scan(0, 9'000), ElementsAre(std::pair(10, 1))) << cut;
    log_.reset();
  }
}

TEST_F(PredictionLogTest, DamageInTheMiddleIsReported) {
  Append(1'000, 1, 10);
  const std::string second = Append(2'000, 1, 20);
  const std::string path = File('p');
  const std::string whole = ReadFile(path).value();
  std::string damaged = whole;
  damaged[40] ^= 1;  // in the first record's payload
  Overwrite(path, damaged);
  const Status scanned =
      log_->Scan(Context::Background(), 0, 9'000, [](const auto&) { return OkStatus(); });
  EXPECT_EQ(scanned.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(scanned), HasSubstr(path));
  EXPECT_TRUE(log_->Find(second).ok());  // the others can still be found
  // The next start leaves the file alone and goes on in a new one.
  for (const int byte : {40, 9}) {  // the second is in the record's length
    log_.reset();
    damaged = whole;
    damaged[static_cast<size_t>(byte)] ^= 1;
    Overwrite(path, damaged);
    Open();
    EXPECT_EQ(ReadFile(path).value(), damaged);
    const std::string after = Append(3'000, 1, 30);
    EXPECT_TRUE(log_->Find(after).ok());
    EXPECT_NE(after.substr(9, 1), second.substr(9, 1));
    EXPECT_EQ(
        log_->Scan(Context::Background(), 0, 9'000, [](const auto&) { return OkStatus(); }).code(),
        StatusCode::kDataLoss);
  }
}

TEST_F(PredictionLogTest, AnOldSegmentMustBeWhole) {
  options_.segment_bytes = 200;
  Open();
  for (int i = 0; i < 10; ++i) Append(1'000 + i);
  ASSERT_GT(Files('p'), 2);
  log_.reset();
  const std::string path = options_.folder + "/p-00000001.seg";
  const std::string whole = ReadFile(path).value();
  Overwrite(path, whole.substr(0, whole.size() - 1));
  Open();
  const Status scanned =
      log_->Scan(Context::Background(), 0, 9'000, [](const auto&) { return OkStatus(); });
  EXPECT_EQ(scanned.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(scanned), HasSubstr("p-00000001.seg"));
}

TEST_F(PredictionLogTest, TheOldestSegmentsGoFirst) {
  options_.segment_bytes = 200;
  options_.retain_bytes = 600;
  Open();
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) {
    ids.push_back(Append(1'000 + i, 1, static_cast<float>(i)));
    ASSERT_TRUE(log_->AddLabels({{ids.back(), 1}}, i).ok());
  }
  EXPECT_LE(log_->statistics().bytes, 600u + 300u);
  EXPECT_LE(Files('p'), 4);
  EXPECT_LE(Files('l'), 6);
  EXPECT_EQ(log_->Find(ids.front()).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(log_->Find(ids.front()).status()), HasSubstr("no longer kept"));
  EXPECT_TRUE(log_->Find(ids.back()).ok());
  EXPECT_EQ(log_->AddLabels({{ids.front(), 1}}, 99).code(), StatusCode::kInvalidArgument);
  const auto kept = Scan(0, 9'000);
  EXPECT_EQ(kept.back(), std::pair(39.0f, 1.0f));
  EXPECT_EQ(kept.size(), log_->statistics().predictions);
  EXPECT_GT(log_->statistics().first_event_time, 1'000);
  Open();
  EXPECT_EQ(Scan(0, 9'000), kept);
}

TEST_F(PredictionLogTest, AScanEndsWithItsContext) {
  Append(1'000);
  CancelSource source;
  source.Cancel();
  const Status status = log_->Scan(Context::Background().WithCancel(source), 0, 9'000,
                                   [](const auto&) { return OkStatus(); });
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
}

TEST_F(PredictionLogTest, RefusesANewerFormatAndDamagedIdentity) {
  log_.reset();
  Overwrite(options_.folder + "/log", R"({"format": 2, "id": "00000000"})");
  EXPECT_THAT(Message(PredictionLog::Open(options_).status()), HasSubstr("format 2"));
  Overwrite(options_.folder + "/log", "{");
  EXPECT_EQ(PredictionLog::Open(options_).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace caisson::serving

#include "lifecycle/registry/registry.h"

#include <gtest/gtest.h>

#include "lifecycle/tracking/testing.h"
#include "platform/events/outbox.h"
#include "platform/lineage/lineage.h"

namespace caisson::registry {
namespace {

class RegistryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    blobs_ = blob::BlobStore::Open(tracking_.folder() + "/blobs").value();
    registry_ = Registry::Open({tracking_.main(), *blobs_, *tracking_, clock_}).value();
  }
  ModelVersion Make(const std::string& model, const std::string& source = "s3://bucket/x") {
    NewVersion version;
    version.model = model;
    version.create_model = true;
    version.source = source;
    const Result<ModelVersion> made = registry_->CreateVersion(context_, version);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : ModelVersion();
  }
  std::string SourceError(const std::string& source, const std::string& run_id = "") {
    NewVersion version;
    version.model = "m";
    version.source = source;
    version.run_id = run_id;
    const auto resolved = registry_->ResolveSource(context_, version, !run_id.empty(), false);
    return resolved.ok() ? "" : Message(resolved.status());
  }

  const Context context_ = Context::Background();
  SystemClock clock_;
  tracking::testing::TestStore tracking_;
  std::unique_ptr<blob::BlobStore> blobs_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(RegistryTest, ModelsAreCreatedRenamedDeleted) {
  ASSERT_TRUE(registry_->CreateModel(context_, "m", "d", {{"a", "b"}}).ok());
  EXPECT_EQ(Message(registry_->CreateModel(context_, "m").status()),
            "Registered Model (name=m) already exists.");
  EXPECT_FALSE(registry_->CreateModel(context_, "a/b").ok());
  EXPECT_FALSE(registry_->CreateModel(context_, " ").ok());
  Make("m");
  EXPECT_EQ(registry_->RenameModel(context_, "m", "n")->latest_versions[0].model, "n");
  EXPECT_TRUE(absl::IsNotFound(registry_->GetModel(context_, "m").status()));
  ASSERT_TRUE(registry_->DeleteModel(context_, "n").ok());
  EXPECT_EQ(Message(registry_->DeleteModel(context_, "n")),
            "Registered Model with name=n not found");
}

TEST_F(RegistryTest, NumbersAreNeverUsedAgain) {
  EXPECT_EQ(Make("m").version, 1);
  EXPECT_EQ(Make("m").version, 2);
  ASSERT_TRUE(registry_->DeleteVersion(context_, "m", 2).ok());
  EXPECT_EQ(Make("m").version, 3);
  EXPECT_EQ(Message(registry_->GetVersion(context_, "m", 2).status()),
            "Model Version (name=m, version=2) not found");
}

TEST_F(RegistryTest, AnAliasMovesInOneStep) {
  Make("m");
  Make("m");
  ASSERT_TRUE(registry_->SetAlias(context_, "m", "champion", 1).ok());
  ASSERT_TRUE(registry_->SetAlias(context_, "m", "champion", 2).ok());
  EXPECT_EQ(registry_->Resolve(context_, "m@champion")->version, 2);
  EXPECT_EQ(registry_->Resolve(context_, "m/1")->version, 1);
  EXPECT_EQ(registry_->Resolve(context_, "m@latest")->version, 2);
  EXPECT_TRUE(absl::IsInvalidArgument(registry_->Resolve(context_, "m@nobody").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(registry_->Resolve(context_, "m").status()));
  EXPECT_FALSE(registry_->SetAlias(context_, "m", "latest", 1).ok());
  EXPECT_FALSE(registry_->SetAlias(context_, "m", "V7", 1).ok());
  EXPECT_FALSE(registry_->SetAlias(context_, "m", "a b", 1).ok());
  ASSERT_TRUE(registry_->DeleteVersion(context_, "m", 2).ok());
  EXPECT_FALSE(registry_->Resolve(context_, "m@champion").ok());
}

TEST_F(RegistryTest, AnAliasInAnAbortedTransactionStays) {
  Make("m");
  Make("m");
  ASSERT_TRUE(registry_->SetAlias(context_, "m", "champion", 1).ok());
  const Status status =
      tracking_.main().Write(context_, [&](sql::Transaction& transaction) -> Status {
        CAISSON_TRY(registry_->SetAlias(transaction, "m", "champion", 2));
        return Aborted("no");
      });
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(registry_->Resolve(context_, "m@champion")->version, 1);
}

TEST_F(RegistryTest, StagesArchiveEachOther) {
  Make("m");
  Make("m");
  ASSERT_TRUE(registry_->TransitionStage(context_, "m", 1, "staging", false).ok());
  ASSERT_TRUE(registry_->TransitionStage(context_, "m", 2, "Staging", true).ok());
  EXPECT_EQ(registry_->GetVersion(context_, "m", 1)->stage, "Archived");
  EXPECT_EQ(registry_->GetLatestVersions(context_, "m", {"Staging"})->size(), 1u);
  EXPECT_EQ(ErrorId(registry_->TransitionStage(context_, "m", 2, "None", true).status()),
            "INTERNAL_ERROR");
  EXPECT_FALSE(registry_->TransitionStage(context_, "m", 2, "prod", false).ok());
}

TEST_F(RegistryTest, FilesAreKeptByDigest) {
  const std::string folder = tracking_.folder() + "/model";
  ASSERT_TRUE(WriteFileAtomic(folder + "/model.onnx", "onnx bytes").ok());
  ASSERT_TRUE(WriteFileAtomic(folder + "/extra/reference.json", "{}").ok());
  NewVersion version;
  version.model = "m";
  version.create_model = true;
  version.source = folder;
  version.files_from = folder;
  const ModelVersion made = *registry_->CreateVersion(context_, version);
  EXPECT_EQ(made.digest.size(), 64u);
  EXPECT_EQ(*ReadFile(*registry_->ModelFile(context_, made)), "onnx bytes");
  EXPECT_EQ(*ReadFile(*registry_->ModelFile(context_, made, "extra/reference.json")), "{}");
  EXPECT_TRUE(absl::IsNotFound(registry_->ModelFile(context_, made, "nothing").status()));
  // The same step again finds the version; other bytes make another one.
  EXPECT_EQ(registry_->CreateVersionOnce(context_, version)->version, 1);
  ASSERT_TRUE(WriteFileAtomic(folder + "/model.onnx", "other bytes").ok());
  EXPECT_EQ(registry_->CreateVersionOnce(context_, version)->version, 2);
  ASSERT_TRUE(registry_->ExportFiles(context_, made, tracking_.folder() + "/out").ok());
  EXPECT_EQ(*ReadFile(tracking_.folder() + "/out/extra/reference.json"), "{}");
}

TEST_F(RegistryTest, AVersionLeadsBackToItsRun) {
  tracking::CreateRunRequest request;
  request.tags = {{"mlflow.source.git.commit", "abc123"}};
  const std::string run_id = tracking_->CreateRun(context_, request)->info.run_id;
  NewVersion version;
  version.model = "m";
  version.create_model = true;
  version.source = "s3://bucket/x";
  version.run_id = run_id;
  ASSERT_TRUE(registry_->CreateVersion(context_, version).ok());
  const Status status = tracking_.main().Read(context_, [&](sql::Session& session) -> Status {
    CAISSON_ASSIGN(
        const lineage::Graph graph,
        lineage::Walk(session, "default", {"model_version", "m/1"}, lineage::Direction::kUpstream));
    EXPECT_EQ(graph.nodes.size(), 3u);  // the version, its run, the commit
    CAISSON_ASSIGN(const auto events, events::List(session, "model_version.created", "", 10));
    EXPECT_EQ(events.size(), 1u);
    return OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(RegistryTest, SearchesLeavePromptsOut) {
  ASSERT_TRUE(registry_->CreateModel(context_, "model", "", {{"team", "x"}}).ok());
  ASSERT_TRUE(
      registry_->CreateModel(context_, "prompt", "", {{"mlflow.prompt.is_prompt", "true"}}).ok());
  Make("model");
  Make("prompt", "dummy-source");
  EXPECT_EQ(registry_->SearchModels(context_, {})->items.size(), 1u);
  EXPECT_EQ(registry_->SearchModels(context_, {"tags.`mlflow.prompt.is_prompt` != 'true'"})
                ->items[0]
                .name,
            "model");
  EXPECT_EQ(
      registry_->SearchModels(context_, {"tags.`mlflow.prompt.is_prompt` = 'true'"})->items[0].name,
      "prompt");
  EXPECT_EQ(
      registry_->SearchModels(context_, {"name LIKE 'mod%' AND tags.team = 'x'"})->items.size(),
      1u);
  EXPECT_TRUE(registry_->SearchModels(context_, {"tags.team = 'y'"})->items.empty());
  EXPECT_EQ(
      registry_->SearchVersions(context_, {"name = 'model' AND version_number >= 1"})->items.size(),
      1u);
  EXPECT_FALSE(registry_->SearchModels(context_, {"", 1'001}).ok());
}

TEST_F(RegistryTest, SearchPages) {
  for (int i = 0; i < 5; ++i) Make("m");
  SearchRequest request;
  request.max_results = 2;
  request.order_by = {"version_number ASC"};
  std::vector<int64_t> versions;
  do {
    const auto page = registry_->SearchVersions(context_, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const ModelVersion& version : page->items) versions.push_back(version.version);
    request.page_token = page->next_page_token;
  } while (!request.page_token.empty());
  EXPECT_EQ(versions, (std::vector<int64_t>{1, 2, 3, 4, 5}));
}

TEST_F(RegistryTest, SourcesMustBelongToTheirOwners) {
  const tracking::Run run = *tracking_->CreateRun(context_, {});
  const std::string& id = run.info.run_id;
  EXPECT_EQ(SourceError("s3://bucket/model"), "");
  EXPECT_EQ(SourceError(run.info.artifact_uri + "/model", id), "");
  EXPECT_EQ(SourceError("runs:/" + id + "/model", id), "");
  for (const std::string source : {"/etc/passwd", "file:///etc/passwd",
                                   "mlflow-artifacts:/0/other/artifacts", "runs:/other/model"}) {
    EXPECT_NE(SourceError(source, id), "") << source;
    EXPECT_NE(SourceError(source), "") << source;
  }
  for (const std::string tail : {"/../../x", "/%2e%2e/x", "/%252e%252e/x"}) {
    EXPECT_NE(
        SourceError(run.info.artifact_uri + tail, id).find("without relative path references"),
        std::string::npos)
        << tail;
  }
  EXPECT_NE(SourceError("models:/m-0123"), "");
}

}  // namespace
}  // namespace caisson::registry

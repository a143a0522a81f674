// Endpoints over real stores and real ONNX models in temporary files, with a clock that is moved by
// hand.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "engines/onnxruntime/model_writer.h"
#include "lifecycle/registry/registry.h"
#include "lifecycle/serving/endpoints.h"
#include "platform/audit/audit.h"
#include "platform/events/outbox.h"
#include "platform/lineage/lineage.h"
#include "platform/sql/testing.h"

namespace caisson::serving::testing {

// A model with the input `features` FP32 [rows, columns] and the output `probability` FP32
// [rows, 1]: `slope` times the mean of the row plus `offset`, kept within 0 and 1.
inline std::string MeanModel(float slope, float offset, int64_t columns = 2) {
  using onnxruntime::DataType;
  onnxruntime::Model model;
  model.graph_name = "mean";
  model.nodes = {
      {"ReduceMean",
       "",
       {"features"},
       {"mean"},
       {{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{1}}}},
      {"HardSigmoid", "", {"mean"}, {"probability"}, {{"alpha", slope}, {"beta", offset}}}};
  model.inputs = {{"features", DataType::kFp32, {std::string("rows"), columns}}};
  model.outputs = {{"probability", DataType::kFp32, {std::string("rows"), int64_t{1}}}};
  return onnxruntime::WriteModel(model);
}

// A model that loads and then fails on every request of more than one column: it joins tables of
// different widths.
inline std::string FailingModel() {
  using onnxruntime::DataType;
  onnxruntime::Model model;
  model.graph_name = "failing";
  model.nodes = {{"ReduceMean",
                  "",
                  {"features"},
                  {"mean"},
                  {{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{1}}}},
                 {"Concat", "", {"features", "mean"}, {"probability"}, {{"axis", int64_t{0}}}}};
  model.inputs = {{"features", DataType::kFp32, {std::string("rows"), std::string("columns")}}};
  model.outputs = {{"probability", DataType::kFp32, {std::string("all"), std::string("columns")}}};
  return onnxruntime::WriteModel(model);
}

// Opens in the constructor and removes its files at the end; failing to open ends the test program.
class TestServing {
 public:
  explicit TestServing(const sql::Schema* more = nullptr)
      : folder_(TemporaryDirectory::Create("caisson-serving").value()),
        main_("", {}, &clock_),
        metrics_database_("", {}, &clock_) {
    for (const sql::Schema* schema :
         {&audit::AuditSchema(), &events::EventsSchema(), &lineage::LineageSchema(),
          &registry::RegistrySchema(), &ServingSchema(), more}) {
      if (schema != nullptr) Require(main_->Migrate(*schema));
    }
    tracking_ = tracking::Store::Open({*metrics_database_, *main_, clock_},
                                      {.artifacts_destination = folder_.path() + "/artifacts"})
                    .value();
    blobs_ = blob::BlobStore::Open(folder_.path() + "/blobs").value();
    registry_ = registry::Registry::Open({*main_, *blobs_, *tracking_, clock_}).value();
    OpenEndpoints();
  }

  // Closes and opens the endpoints, as a restart of the program does.
  void Restart() {
    endpoints_.reset();
    OpenEndpoints();
  }

  // Registers a version of the model `delay` with the given file; more files by name and content.
  int AddVersion(const std::string& model_bytes,
                 const std::vector<std::pair<std::string, std::string>>& files = {}) {
    const std::string source = folder_.path() + "/version-" + std::to_string(++made_);
    Require(MakeDirectories(source));
    Require(WriteFileAtomic(source + "/model.onnx", model_bytes));
    for (const auto& [name, content] : files)
      Require(WriteFileAtomic(source + "/" + name, content));
    registry::NewVersion version;
    version.model = "delay";
    version.create_model = true;
    version.source = source;
    version.files_from = source;
    return static_cast<int>(registry_->CreateVersion(context_, version).value().version);
  }

  // Lets the version in as its gate does, and delivers the event.
  void Admit(int version) {
    clock_.Advance(std::chrono::seconds(1));
    Require(main_->Write(context_, [&](sql::Transaction& transaction) -> Status {
      const Json payload =
          Json::Of({{"model", "delay"}, {"version", version}, {"decision_id", "decision-1"}});
      return endpoints_->OnVersionAdmitted(
          transaction,
          {.project = "default", .type = "model_version.admitted", .payload = payload});
    }));
    Require(endpoints_->Reconcile(context_));
  }

  // Asks for the score of one row.
  Result<InferResponse> Ask(std::vector<float> row, std::string_view request_id = "",
                            std::string_view version = "", UnixMillis event_time = 0) {
    InferRequest request;
    request.endpoint = "delay";
    request.version = version;
    request.request_id = request_id;
    request.event_time = event_time;
    onnxruntime::Tensor tensor;
    tensor.name = "features";
    tensor.shape = {1, static_cast<int64_t>(row.size())};
    tensor.bytes.assign(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float));
    request.inputs.push_back(std::move(tensor));
    return endpoints_->Infer(request);
  }

  Endpoints& endpoints() { return *endpoints_; }
  registry::Registry& registry() { return *registry_; }
  sql::Database& database() { return *main_; }
  FakeClock& clock() { return clock_; }
  telemetry::Registry& metrics() { return main_.metrics(); }
  const std::string& folder() const { return folder_.path(); }
  const Context& context() const { return context_; }

 private:
  static void Require(const Status& status) {
    if (!status.ok()) throw std::runtime_error(std::string(Message(status)));
  }
  void OpenEndpoints() {
    endpoints_ = Endpoints::Open(
                     {*main_, *registry_, clock_, main_.metrics(), folder_.path() + "/predictions"})
                     .value();
  }

  const Context context_ = Context::Background().WithPrincipal("ada");
  TemporaryDirectory folder_;
  FakeClock clock_;
  sql::testing::TestDatabase main_;
  sql::testing::TestDatabase metrics_database_;
  std::unique_ptr<tracking::Store> tracking_;
  std::unique_ptr<blob::BlobStore> blobs_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<Endpoints> endpoints_;
  int made_ = 0;
};

}  // namespace caisson::serving::testing

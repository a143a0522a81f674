#include <atomic>
#include <optional>
#include <utility>

#include "base/files.h"
#include "engines/onnxruntime/internal/element_types.h"
#include "engines/onnxruntime/internal/handles.h"
#include "engines/onnxruntime/internal/model_info.h"
#include "engines/onnxruntime/internal/onnxruntime_api.h"
#include "engines/onnxruntime/internal/tensor_checks.h"
#include "engines/onnxruntime/onnxruntime.h"

namespace caisson::onnxruntime {
namespace {

Result<Handle<OrtSessionOptions>> MakeOptions(const Api& api, const SessionOptions& options) {
  if (options.threads < 1)
    return InvalidArgument("threads = {}: a session needs at least one thread", options.threads);
  CAISSON_ASSIGN(auto handle, MakeHandle<OrtSessionOptions>(api, api.ReleaseSessionOptions,
                                                            api.CreateSessionOptions));
  CAISSON_TRY(api.Check(api.SetSessionLogSeverityLevel(handle.get(), kLogFatal)));
  CAISSON_TRY(api.Check(api.SetSessionGraphOptimizationLevel(handle.get(), kOptimizeAll)));
  CAISSON_TRY(api.Check(api.SetSessionExecutionMode(handle.get(), kSequential)));
  CAISSON_TRY(api.Check(api.SetIntraOpNumThreads(handle.get(), options.threads)));
  CAISSON_TRY(api.Check(api.SetInterOpNumThreads(handle.get(), 1)));
  // A spinning pool burns whole cores between requests and gains nothing measurable for small
  // models.
  for (const char* key : {"session.intra_op.allow_spinning", "session.inter_op.allow_spinning"}) {
    CAISSON_TRY(api.Check(api.AddSessionConfigEntry(handle.get(), key, "0")));
  }
  return handle;
}

}  // namespace

class Session::Impl {
 public:
  // `create` makes the library's session.
  template <typename Create>
  static Result<std::unique_ptr<Impl>> Make(const SessionOptions& options,
                                            const std::string& subject, const Create& create);

  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs,
                                  const std::vector<std::string>& output_names) const;

  const ModelInfo& info() const { return info_; }

 private:
  Impl(const Api& api, Handle<OrtEnv> env, Handle<OrtMemoryInfo> memory)
      : api_(api),
        env_(std::move(env)),
        memory_(std::move(memory)),
        session_(nullptr, api.ReleaseSession) {}

  Status MakeInput(const Tensor& tensor, OrtValue** value) const;
  std::optional<std::vector<int64_t>> KnownShape(size_t output,
                                                 const std::vector<const Tensor*>& inputs) const;
  Status PrepareOutputs(const std::vector<size_t>& wanted, const std::vector<const Tensor*>& inputs,
                        std::vector<Tensor>& outputs, Values& values) const;
  Status RunOnce(Values& inputs, const std::vector<size_t>& wanted, Values& outputs) const;
  Status ReadOutput(OrtValue* value, Tensor& tensor) const;
  Status ReadStrings(const OrtValue* value, size_t count, Tensor& tensor) const;

  const Api api_;
  // The library keeps one environment for the process and counts its users, so that each session
  // holds its own reference and nothing of ours is global.
  const Handle<OrtEnv> env_;
  const Handle<OrtMemoryInfo> memory_;
  Handle<OrtSession> session_;
  ModelInfo info_;
  // Models exist whose outputs have another shape than they declare. The first run that shows it
  // turns the shortcut off.
  mutable std::atomic<bool> shapes_hold_ = true;
};

template <typename Create>
Result<std::unique_ptr<Session::Impl>> Session::Impl::Make(const SessionOptions& options,
                                                           const std::string& subject,
                                                           const Create& create) {
  CAISSON_ASSIGN(const Api api, Api::Load());
  CAISSON_ASSIGN(const auto session_options, MakeOptions(api, options));
  CAISSON_ASSIGN(auto env, MakeHandle<OrtEnv>(api, api.ReleaseEnv, [&](OrtEnv** out) {
                   return api.CreateEnv(kLogFatal, "caisson", out);
                 }));
  CAISSON_ASSIGN(auto memory,
                 MakeHandle<OrtMemoryInfo>(api, api.ReleaseMemoryInfo, [&](OrtMemoryInfo** out) {
                   return api.CreateCpuMemoryInfo(kArenaAllocator, kDefaultMemory, out);
                 }));
  std::unique_ptr<Impl> impl(new Impl(api, std::move(env), std::move(memory)));
  OrtSession* session = nullptr;
  const Status created = api.Check(create(api, impl->env_.get(), session_options.get(), &session));
  if (!created.ok()) {
    return InvalidArgument("{} is not a model that ONNX Runtime {} takes: {}", subject, api.version,
                           Message(created));
  }
  impl->session_.reset(session);
  Result<ModelInfo> info = ReadModelInfo(api, session);
  if (!info.ok()) return WithContext(info.status(), subject);
  impl->info_ = *std::move(info);
  return impl;
}

Status Session::Impl::MakeInput(const Tensor& tensor, OrtValue** value) const {
  if (tensor.type != DataType::kString) {
    // The library reads the bytes in place; it has no other way to say so than a pointer that is
    // not const.
    return api_.Check(api_.CreateTensorWithDataAsOrtValue(
        memory_.get(), const_cast<char*>(tensor.bytes.data()), tensor.bytes.size(),
        tensor.shape.data(), tensor.shape.size(), ToElementType(tensor.type), value));
  }
  OrtAllocator* allocator = nullptr;
  CAISSON_TRY(api_.Check(api_.GetAllocatorWithDefaultOptions(&allocator)));
  CAISSON_TRY(api_.Check(api_.CreateTensorAsOrtValue(
      allocator, tensor.shape.data(), tensor.shape.size(), ElementType::kString, value)));
  // By length, since the bytes may hold a zero.
  for (size_t i = 0; i < tensor.strings.size(); ++i) {
    char* buffer = nullptr;
    CAISSON_TRY(api_.Check(
        api_.GetResizedStringTensorElementBuffer(*value, i, tensor.strings[i].size(), &buffer)));
    tensor.strings[i].copy(buffer, tensor.strings[i].size());
  }
  return OkStatus();
}

std::optional<std::vector<int64_t>> Session::Impl::KnownShape(
    size_t output, const std::vector<const Tensor*>& inputs) const {
  std::vector<int64_t> shape;
  for (const DimensionSource& source : info_.output_shapes[output]) {
    if (source.fixed >= 0) {
      shape.push_back(source.fixed);
    } else if (source.input >= 0) {
      shape.push_back(inputs[source.input]->shape[source.dimension]);
    } else {
      return std::nullopt;
    }
  }
  return shape;
}

// Lets the library write straight into our tensors where their shape is known beforehand.
Status Session::Impl::PrepareOutputs(const std::vector<size_t>& wanted,
                                     const std::vector<const Tensor*>& inputs,
                                     std::vector<Tensor>& outputs, Values& values) const {
  for (size_t i = 0; i < wanted.size(); ++i) {
    Tensor& tensor = outputs[i];
    if (tensor.type == DataType::kString) continue;
    std::optional<std::vector<int64_t>> shape = KnownShape(wanted[i], inputs);
    if (!shape.has_value()) continue;
    const std::optional<int64_t> count = ElementCount(*shape);
    if (!count.has_value()) continue;
    tensor.shape = *std::move(shape);
    tensor.bytes.resize(static_cast<size_t>(*count) * ElementSize(tensor.type));
    CAISSON_TRY(api_.Check(api_.CreateTensorWithDataAsOrtValue(
        memory_.get(), tensor.bytes.data(), tensor.bytes.size(), tensor.shape.data(),
        tensor.shape.size(), ToElementType(tensor.type), &values[i])));
  }
  return OkStatus();
}

Status Session::Impl::RunOnce(Values& inputs, const std::vector<size_t>& wanted,
                              Values& outputs) const {
  std::vector<const char*> input_names;
  for (const TensorInfo& input : info_.inputs) input_names.push_back(input.name.c_str());
  std::vector<const char*> output_names;
  for (const size_t output : wanted) output_names.push_back(info_.outputs[output].name.c_str());
  return api_.Check(api_.Run(session_.get(), nullptr, input_names.data(), inputs.data(),
                             inputs.size(), output_names.data(), output_names.size(),
                             outputs.data()));
}

Status Session::Impl::ReadStrings(const OrtValue* value, size_t count, Tensor& tensor) const {
  size_t length = 0;
  CAISSON_TRY(api_.Check(api_.GetStringTensorDataLength(value, &length)));
  std::string content(length, '\0');
  std::vector<size_t> offsets(count);
  CAISSON_TRY(api_.Check(
      api_.GetStringTensorContent(value, content.data(), length, offsets.data(), count)));
  for (size_t i = 0; i < count; ++i) {
    const size_t end = i + 1 < count ? offsets[i + 1] : length;
    tensor.strings.push_back(content.substr(offsets[i], end - offsets[i]));
  }
  return OkStatus();
}

Status Session::Impl::ReadOutput(OrtValue* value, Tensor& tensor) const {
  CAISSON_ASSIGN(
      const auto info,
      MakeHandle<OrtTensorInfo>(api_, api_.ReleaseTensorTypeAndShapeInfo, [&](OrtTensorInfo** out) {
        return api_.GetTensorTypeAndShape(value, out);
      }));
  size_t rank = 0;
  CAISSON_TRY(api_.Check(api_.GetDimensionsCount(info.get(), &rank)));
  tensor.shape.resize(rank);
  CAISSON_TRY(api_.Check(api_.GetDimensions(info.get(), tensor.shape.data(), rank)));
  const size_t count = static_cast<size_t>(tensor.element_count());
  if (tensor.type == DataType::kString) return ReadStrings(value, count, tensor);
  void* data = nullptr;
  CAISSON_TRY(api_.Check(api_.GetTensorMutableData(value, &data)));
  tensor.bytes.assign(static_cast<const char*>(data), count * ElementSize(tensor.type));
  return OkStatus();
}

Result<std::vector<Tensor>> Session::Impl::Run(const std::vector<Tensor>& inputs,
                                               const std::vector<std::string>& output_names) const {
  CAISSON_ASSIGN(const std::vector<size_t> order, MatchInputs(info_.inputs, inputs));
  CAISSON_ASSIGN(const std::vector<size_t> wanted, MatchOutputs(info_.outputs, output_names));
  std::vector<const Tensor*> ordered;
  Values input_values(api_, order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    ordered.push_back(&inputs[order[i]]);
    CAISSON_TRY(MakeInput(*ordered.back(), &input_values[i]));
  }

  std::vector<Tensor> outputs(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    outputs[i].name = info_.outputs[wanted[i]].name;
    outputs[i].type = info_.outputs[wanted[i]].type;
  }
  Values output_values(api_, wanted.size());
  const bool prepared = shapes_hold_.load(std::memory_order_relaxed);
  if (prepared) CAISSON_TRY(PrepareOutputs(wanted, ordered, outputs, output_values));
  std::vector<bool> ours(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) ours[i] = output_values[i] != nullptr;

  Status status = RunOnce(input_values, wanted, output_values);
  if (!status.ok() && prepared) {
    output_values.Release();
    ours.assign(wanted.size(), false);
    const Status again = RunOnce(input_values, wanted, output_values);
    if (again.ok()) shapes_hold_.store(false, std::memory_order_relaxed);
    status = again;
  }
  if (!status.ok()) return WithContext(status, "the model's run failed");
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!ours[i]) CAISSON_TRY(ReadOutput(output_values[i], outputs[i]));
  }
  return outputs;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::Load(const std::string& model_path,
                                               const SessionOptions& options) {
  if (!FileExists(model_path)) return NotFound("{}: there is no such model file", model_path);
  CAISSON_ASSIGN(auto impl,
                 Impl::Make(options, model_path,
                            [&](const Api& api, const OrtEnv* env,
                                const OrtSessionOptions* session_options, OrtSession** session) {
                              return api.CreateSession(env, model_path.c_str(), session_options,
                                                       session);
                            }));
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

Result<std::unique_ptr<Session>> Session::LoadBytes(std::string_view model,
                                                    const SessionOptions& options) {
  CAISSON_ASSIGN(auto impl,
                 Impl::Make(options, "the given data",
                            [&](const Api& api, const OrtEnv* env,
                                const OrtSessionOptions* session_options, OrtSession** session) {
                              return api.CreateSessionFromArray(env, model.data(), model.size(),
                                                                session_options, session);
                            }));
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

const std::vector<TensorInfo>& Session::inputs() const { return impl_->info().inputs; }
const std::vector<TensorInfo>& Session::outputs() const { return impl_->info().outputs; }
const std::vector<std::pair<std::string, std::string>>& Session::metadata() const {
  return impl_->info().metadata;
}

Result<std::vector<Tensor>> Session::Run(const std::vector<Tensor>& inputs,
                                         const std::vector<std::string>& output_names) const {
  return impl_->Run(inputs, output_names);
}

Result<std::string> Version() {
  CAISSON_ASSIGN(const Api api, Api::Load());
  return api.version;
}

Result<std::vector<std::string>> Providers() {
  CAISSON_ASSIGN(const Api api, Api::Load());
  char** names = nullptr;
  int count = 0;
  CAISSON_TRY(api.Check(api.GetAvailableProviders(&names, &count)));
  std::vector<std::string> providers(names, names + count);
  CAISSON_TRY(api.Check(api.ReleaseAvailableProviders(names, count)));
  return providers;
}

}  // namespace caisson::onnxruntime

// ONNX Runtime: runs models. Loaded on first use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/status.h"

namespace caisson::onnxruntime {

enum class DataType {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kString
};
// The Open Inference Protocol's name: "FP32", "INT64", "BYTES".
std::string_view DataTypeName(DataType type);
Result<DataType> ParseDataType(std::string_view name);
size_t ElementSize(DataType type);  // bytes; 0 for strings

struct TensorInfo {
  std::string name;
  DataType type = DataType::kFp32;
  std::vector<int64_t> shape;  // -1 is any size
};

// A tensor in memory: row-major, little-endian. Numbers are in `bytes`, strings in `strings`.
struct Tensor {
  std::string name;
  DataType type = DataType::kFp32;
  std::vector<int64_t> shape;
  std::string bytes;
  std::vector<std::string> strings;

  int64_t element_count() const;
  const float* floats() const { return reinterpret_cast<const float*>(bytes.data()); }
};

struct SessionOptions {
  int threads =
      1;  // inside one run, without spinning; several runs may go on at a time whatever this is
};

// A loaded model. Shared by any number of threads: Run may be called concurrently. Outlives every
// Run.
class Session {
 public:
  // NotFound when there is no such file or no library; InvalidArgument when the file is not a model
  // that the runtime takes (the message carries its reason), or has an input or output that is not
  // a tensor (a sequence of maps, as ZipMap makes).
  static Result<std::unique_ptr<Session>> Load(const std::string& model_path,
                                               const SessionOptions& options = {});
  static Result<std::unique_ptr<Session>> LoadBytes(std::string_view model,
                                                    const SessionOptions& options = {});
  ~Session();

  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;
  const std::vector<std::pair<std::string, std::string>>& metadata()
      const;  // the model's custom metadata

  // Inputs in any order; names, types and shapes are checked against the model first, and an error
  // names the tensor, what it was and what is accepted. `output_names` empty: all outputs, in the
  // model's order. The inputs' bytes are read in place, and outputs whose shape follows from the
  // inputs' are written in place.
  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs,
                                  const std::vector<std::string>& output_names = {}) const;

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

Result<std::string> Version();
// The execution providers that the library was built with.
Result<std::vector<std::string>> Providers();

}  // namespace caisson::onnxruntime

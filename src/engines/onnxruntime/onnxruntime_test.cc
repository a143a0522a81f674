#include "engines/onnxruntime/onnxruntime.h"

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "engines/onnxruntime/model_writer.h"

namespace caisson::onnxruntime {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

template <typename T>
Tensor MakeTensor(std::string name, DataType type, std::vector<int64_t> shape,
                  const std::vector<T>& values) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.type = type;
  tensor.shape = std::move(shape);
  tensor.bytes.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return tensor;
}

template <typename T>
std::vector<T> ValuesOf(const Tensor& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

// Triton's example `simple`, with a free batch dimension: OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 =
// INPUT0 - INPUT1.
std::string SimpleModel() {
  Model model;
  model.graph_name = "simple";
  model.nodes = {{"Add", "", {"INPUT0", "INPUT1"}, {"OUTPUT0"}, {}},
                 {"Sub", "", {"INPUT0", "INPUT1"}, {"OUTPUT1"}, {}}};
  const std::vector<std::variant<int64_t, std::string>> shape = {std::string("batch"), int64_t{4}};
  model.inputs = {{"INPUT0", DataType::kInt32, shape}, {"INPUT1", DataType::kInt32, shape}};
  model.outputs = {{"OUTPUT0", DataType::kInt32, shape}, {"OUTPUT1", DataType::kInt32, shape}};
  model.metadata = {{"zeta", "last"}, {"alpha", "first"}};
  return WriteModel(model);
}

std::unique_ptr<Session> Load(const std::string& bytes) {
  auto session = Session::LoadBytes(bytes);
  EXPECT_TRUE(session.ok()) << session.status();
  return session.ok() ? *std::move(session) : nullptr;
}

const std::vector<Tensor> kSimpleInputs = {
    MakeTensor<int32_t>("INPUT0", DataType::kInt32, {1, 4}, {1, 2, 3, 4}),
    MakeTensor<int32_t>("INPUT1", DataType::kInt32, {1, 4}, {10, 20, 30, 40})};

TEST(Onnxruntime, SaysItsVersionAndProviders) {
  EXPECT_THAT(*Version(), HasSubstr("1."));
  EXPECT_THAT(*Providers(), Contains("CPUExecutionProvider"));
}

TEST(Session, DescribesTheModel) {
  const auto session = Load(SimpleModel());
  ASSERT_EQ(session->inputs().size(), 2u);
  EXPECT_EQ(session->inputs()[0].name, "INPUT0");
  EXPECT_EQ(session->inputs()[0].type, DataType::kInt32);
  EXPECT_THAT(session->inputs()[0].shape, ElementsAre(-1, 4));
  EXPECT_EQ(session->outputs()[1].name, "OUTPUT1");
  EXPECT_THAT(session->metadata(), ElementsAre(Pair("alpha", "first"), Pair("zeta", "last")));
}

TEST(Session, RunsInputsInAnyOrder) {
  const auto session = Load(SimpleModel());
  const auto outputs = session->Run({kSimpleInputs[1], kSimpleInputs[0]});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  ASSERT_EQ(outputs->size(), 2u);
  EXPECT_THAT((*outputs)[0].shape, ElementsAre(1, 4));
  EXPECT_THAT(ValuesOf<int32_t>((*outputs)[0]), ElementsAre(11, 22, 33, 44));
  EXPECT_THAT(ValuesOf<int32_t>((*outputs)[1]), ElementsAre(-9, -18, -27, -36));
}

TEST(Session, RunsOnlyTheWantedOutputs) {
  const auto session = Load(SimpleModel());
  const auto outputs = session->Run(kSimpleInputs, {"OUTPUT1"});
  ASSERT_TRUE(outputs.ok());
  ASSERT_EQ(outputs->size(), 1u);
  EXPECT_EQ((*outputs)[0].name, "OUTPUT1");
  EXPECT_THAT(Message(session->Run(kSimpleInputs, {"OUTPUT2"}).status()), HasSubstr("OUTPUT2"));
}

TEST(Session, ABatchOfNoRowsIsFine) {
  const auto session = Load(SimpleModel());
  const auto outputs = session->Run({MakeTensor<int32_t>("INPUT0", DataType::kInt32, {0, 4}, {}),
                                     MakeTensor<int32_t>("INPUT1", DataType::kInt32, {0, 4}, {})});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_THAT((*outputs)[0].shape, ElementsAre(0, 4));
}

TEST(Session, WrongInputsAreNamed) {
  const auto session = Load(SimpleModel());
  const auto error = [&](const std::vector<Tensor>& inputs) {
    const Status status = session->Run(inputs).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return Message(status);
  };
  EXPECT_THAT(error({kSimpleInputs[0]}), HasSubstr("input 'INPUT1' is missing"));
  EXPECT_THAT(error({kSimpleInputs[0], kSimpleInputs[0]}),
              HasSubstr("input 'INPUT0' was given twice"));
  EXPECT_THAT(error({kSimpleInputs[0],
                     MakeTensor<int32_t>("INPUT", DataType::kInt32, {1, 4}, {1, 2, 3, 4})}),
              AllOf(HasSubstr("no input 'INPUT'"), HasSubstr("INPUT0")));
  EXPECT_THAT(
      error({kSimpleInputs[0], MakeTensor<float>("INPUT1", DataType::kFp32, {1, 4}, {1, 2, 3, 4})}),
      AllOf(HasSubstr("'INPUT1'"), HasSubstr("FP32"), HasSubstr("INT32")));
  EXPECT_THAT(
      error({kSimpleInputs[0], MakeTensor<int32_t>("INPUT1", DataType::kInt32, {1, 3}, {1, 2, 3})}),
      AllOf(HasSubstr("[1, 3]"), HasSubstr("[-1, 4]")));
  EXPECT_THAT(
      error({kSimpleInputs[0], MakeTensor<int32_t>("INPUT1", DataType::kInt32, {4}, {1, 2, 3, 4})}),
      HasSubstr("[4]"));
  EXPECT_THAT(error({kSimpleInputs[0],
                     MakeTensor<int32_t>("INPUT1", DataType::kInt32, {-1, 4}, {1, 2, 3, 4})}),
              HasSubstr("[-1, 4]"));
  EXPECT_THAT(error({kSimpleInputs[0],
                     MakeTensor<int32_t>("INPUT1", DataType::kInt32, {2, 4}, {1, 2, 3, 4})}),
              AllOf(HasSubstr("16 bytes"), HasSubstr("needs 32")));
  // A size that overflows is no way around the check of the data's length.
  EXPECT_THAT(error({kSimpleInputs[0],
                     MakeTensor<int32_t>("INPUT1", DataType::kInt32, {int64_t{1} << 62, 4}, {1})}),
              HasSubstr("too large"));
}

// Shapes that fit one by one and not together are found by the runtime.
TEST(Session, InputsThatDoNotGoTogetherAreAnError) {
  const auto session = Load(SimpleModel());
  const Status status =
      session
          ->Run({MakeTensor<int32_t>("INPUT0", DataType::kInt32, {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}),
                 MakeTensor<int32_t>("INPUT1", DataType::kInt32, {3, 4}, std::vector<int32_t>(12))})
          .status();
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(session->Run(kSimpleInputs).ok());
}

TEST(Session, StringsKeepTheirZeroBytes) {
  Model model;
  model.graph_name = "strings";
  model.nodes = {{"Identity", "", {"x"}, {"y"}, {}}};
  model.inputs = {{"x", DataType::kString, {std::string("n")}}};
  model.outputs = {{"y", DataType::kString, {std::string("n")}}};
  const auto session = Load(WriteModel(model));
  Tensor tensor;
  tensor.name = "x";
  tensor.type = DataType::kString;
  tensor.shape = {3};
  tensor.strings = {"a", "", std::string("b\0c", 3)};
  const auto outputs = session->Run({tensor});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ((*outputs)[0].strings, tensor.strings);
  tensor.strings.pop_back();
  EXPECT_THAT(Message(session->Run({tensor}).status()), HasSubstr("2 strings were given"));
}

// The result's shape is only known after the run.
TEST(Session, OutputsOfAnUnknownShapeAreRead) {
  Model model;
  model.graph_name = "nonzero";
  model.nodes = {{"NonZero", "", {"x"}, {"y"}, {}}};
  model.inputs = {{"x", DataType::kFp32, {std::string("n")}}};
  model.outputs = {{"y", DataType::kInt64, {int64_t{1}, std::string("found")}}};
  const auto session = Load(WriteModel(model));
  const auto outputs = session->Run({MakeTensor<float>("x", DataType::kFp32, {4}, {0, 1, 0, 2})});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_THAT((*outputs)[0].shape, ElementsAre(1, 2));
  EXPECT_THAT(ValuesOf<int64_t>((*outputs)[0]), ElementsAre(1, 3));
}

// The model calls the result's size n, like the input's, and yields fewer.
TEST(Session, AModelThatDeclaresAWrongShapeStillRuns) {
  Model model;
  model.graph_name = "wrong";
  model.nodes = {{"Compress", "", {"x", "keep"}, {"y"}, {}}};
  model.inputs = {{"x", DataType::kFp32, {std::string("n")}},
                  {"keep", DataType::kBool, {std::string("n")}}};
  model.outputs = {{"y", DataType::kFp32, {std::string("n")}}};
  const auto session = Load(WriteModel(model));
  for (int i = 0; i < 2; ++i) {
    const auto outputs =
        session->Run({MakeTensor<float>("x", DataType::kFp32, {3}, {1, 2, 3}),
                      MakeTensor<uint8_t>("keep", DataType::kBool, {3}, {1, 0, 1})});
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    EXPECT_THAT((*outputs)[0].shape, ElementsAre(2));
    EXPECT_THAT(ValuesOf<float>((*outputs)[0]), ElementsAre(1, 3));
  }
}

TEST(Session, SequencesAndMapsAreRefusedWithTheWayOut) {
  Model model;
  model.graph_name = "zipmap";
  model.operator_sets = {{"", 13}, {"ai.onnx.ml", 1}};
  model.nodes = {{"ZipMap",
                  "ai.onnx.ml",
                  {"x"},
                  {"probabilities"},
                  {{"classlabels_int64s", std::vector<int64_t>{0, 1}}}}};
  model.inputs = {{"x", DataType::kFp32, {std::string("n"), int64_t{2}}}};
  model.outputs = {{"probabilities", std::nullopt, {}}};
  const Status status = Session::LoadBytes(WriteModel(model)).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("'probabilities' is a sequence"), HasSubstr("zipmap")));
}

TEST(Session, WhatIsNoModelIsRefused) {
  auto folder = TemporaryDirectory::Create();
  const std::string path = JoinPath(folder->path(), "model.onnx");
  EXPECT_EQ(Session::Load(path).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomic(path, "this is not a model").ok());
  const Status status = Session::Load(path).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), AllOf(HasSubstr(path), HasSubstr("not a model")));
  const std::string whole = SimpleModel();
  for (size_t length = 0; length < whole.size(); length += 7) {
    const auto loaded = Session::LoadBytes(std::string_view(whole).substr(0, length));
    if (!loaded.ok()) {
      EXPECT_EQ(loaded.status().code(), StatusCode::kInvalidArgument) << loaded.status();
    }
  }
  Model unknown;
  unknown.graph_name = "unknown";
  unknown.nodes = {{"NoSuchOperator", "", {"x"}, {"y"}, {}}};
  unknown.inputs = {{"x", DataType::kFp32, {int64_t{1}}}};
  unknown.outputs = {{"y", DataType::kFp32, {int64_t{1}}}};
  EXPECT_THAT(Message(Session::LoadBytes(WriteModel(unknown)).status()),
              HasSubstr("NoSuchOperator"));
  EXPECT_FALSE(Session::LoadBytes(whole, {.threads = 0}).ok());
}

TEST(Session, SessionsComeAndGoIndependently) {
  const std::string bytes = SimpleModel();
  auto first = Load(bytes);
  auto second = Load(bytes);
  first.reset();
  EXPECT_TRUE(second->Run(kSimpleInputs).ok());
  second.reset();
  EXPECT_TRUE(Load(bytes)->Run(kSimpleInputs).ok());
}

TEST(Session, ManyThreadsShareOne) {
  const auto session = Load(SimpleModel());
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int32_t i = 0; i < 200; ++i) {
        const std::vector<int32_t> values = {t, i, t + i, t * i};
        const auto outputs = session->Run({MakeTensor("INPUT0", DataType::kInt32, {1, 4}, values),
                                           MakeTensor("INPUT1", DataType::kInt32, {1, 4}, values)});
        if (outputs.ok() && ValuesOf<int32_t>((*outputs)[0])[3] == 2 * t * i) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

TEST(DataType, NamesGoThereAndBack) {
  for (const DataType type : {DataType::kBool, DataType::kUint64, DataType::kFp16, DataType::kBf16,
                              DataType::kFp32, DataType::kInt64, DataType::kString}) {
    EXPECT_EQ(*ParseDataType(DataTypeName(type)), type);
  }
  EXPECT_EQ(DataTypeName(DataType::kString), "BYTES");
  EXPECT_EQ(ElementSize(DataType::kFp16), 2u);
  EXPECT_THAT(Message(ParseDataType("FLOAT").status()),
              AllOf(HasSubstr("'FLOAT'"), HasSubstr("FP32")));
}

}  // namespace
}  // namespace caisson::onnxruntime

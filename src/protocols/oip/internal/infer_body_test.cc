#include "protocols/oip/internal/infer_body.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace caisson::oip::internal {
namespace {

using onnxruntime::DataType;
using onnxruntime::Tensor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
std::vector<T> Values(const Tensor& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}
template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// A body with one input `x` of these members.
std::string Body(const std::string& members) {
  return R"({"inputs": [{"name": "x", )" + members + "}]}";
}
Tensor Input(const std::string& members) {
  const auto body = ParseInferBody(Body(members), std::nullopt);
  EXPECT_TRUE(body.ok()) << Message(body.status());
  return body.ok() ? body->inputs.at(0) : Tensor();
}
std::string Error(const std::string& body, std::optional<size_t> json_size = std::nullopt) {
  const auto parsed = ParseInferBody(body, json_size);
  if (parsed.ok()) return "no error";
  EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument);
  return std::string(Message(parsed.status()));
}

TEST(ParseInferBody, ReadsAWholeRequest) {
  const InferBody body = *ParseInferBody(R"({
      "id": "r-1",
      "parameters": {"event_time": "2001-05-07T13:45:00Z", "binary_data_output": true, "other": [1]},
      "inputs": [{"name": "a", "datatype": "FP32", "shape": [2, 2], "data": [[1, 2.5], [null, -3]]},
                 {"name": "b", "datatype": "BYTES", "shape": [2], "data": ["x", "\u00e4"]}],
      "outputs": [{"name": "p"}, {"name": "q", "parameters": {"binary_data": false}}]})",
                                         std::nullopt);
  EXPECT_EQ(body.id, "r-1");
  EXPECT_EQ(body.event_time, 989'243'100'000);
  EXPECT_TRUE(body.binary_output);
  ASSERT_EQ(body.inputs.size(), 2u);
  EXPECT_THAT(body.inputs[0].shape, ElementsAre(2, 2));
  const std::vector<float> values = Values<float>(body.inputs[0]);
  EXPECT_EQ(values[1], 2.5f);
  EXPECT_TRUE(std::isnan(values[2]));
  EXPECT_EQ(values[3], -3);
  EXPECT_THAT(body.inputs[1].strings, ElementsAre("x", "\xc3\xa4"));
  ASSERT_EQ(body.outputs.size(), 2u);
  EXPECT_EQ(body.outputs[0].binary, std::nullopt);
  EXPECT_EQ(body.outputs[1].binary, false);
}

TEST(ParseInferBody, ReadsEveryType) {
  EXPECT_THAT(
      Values<uint8_t>(Input(R"("datatype": "BOOL", "shape": [4], "data": [true, false, 1, 0])")),
      ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(Values<int8_t>(Input(R"("datatype": "INT8", "shape": [2], "data": [-128, 127])")),
              ElementsAre(-128, 127));
  EXPECT_THAT(Values<uint8_t>(Input(R"("datatype": "UINT8", "shape": [2], "data": [0, 255])")),
              ElementsAre(0, 255));
  EXPECT_THAT(Values<int16_t>(Input(R"("datatype": "INT16", "shape": [1], "data": [-32768])")),
              ElementsAre(-32768));
  EXPECT_THAT(Values<uint16_t>(Input(R"("datatype": "UINT16", "shape": [1], "data": [65535])")),
              ElementsAre(65535));
  EXPECT_THAT(Values<int32_t>(Input(R"("datatype": "INT32", "shape": [1], "data": [-2147483648])")),
              ElementsAre(INT32_MIN));
  EXPECT_THAT(
      Values<uint32_t>(Input(R"("datatype": "UINT32", "shape": [1], "data": [4294967295])")),
      ElementsAre(UINT32_MAX));
  EXPECT_THAT(
      Values<int64_t>(Input(
          R"("datatype": "INT64", "shape": [2], "data": [-9223372036854775808, 9223372036854775807])")),
      ElementsAre(INT64_MIN, INT64_MAX));
  EXPECT_THAT(Values<uint64_t>(
                  Input(R"("datatype": "UINT64", "shape": [1], "data": [18446744073709551615])")),
              ElementsAre(UINT64_MAX));
  EXPECT_THAT(Values<double>(Input(R"("datatype": "FP64", "shape": [2], "data": [0.1, 1e300])")),
              ElementsAre(0.1, 1e300));
  EXPECT_THAT(Values<int32_t>(Input(R"("datatype": "INT32", "shape": [1], "data": [2.0])")),
              ElementsAre(2));
  EXPECT_THAT(Values<float>(Input(R"("datatype": "FP32", "shape": [], "data": 1)")),
              ElementsAre(1));
  EXPECT_THAT(Values<float>(Input(R"("datatype": "FP32", "shape": [0, 3], "data": [])")),
              ElementsAre());
}

TEST(ParseInferBody, RefusesValuesOfOtherTypes) {
  const std::pair<const char*, const char*> cases[] = {
      {"INT8", "128"},         {"INT8", "-129"},
      {"UINT8", "-1"},         {"UINT8", "256"},
      {"INT32", "2147483648"}, {"INT32", "1.5"},
      {"INT32", "\"1\""},      {"INT32", "true"},
      {"INT32", "null"},       {"INT64", "9223372036854775808"},
      {"INT64", "1e+30"},      {"UINT64", "-1"},
      {"UINT64", "1e+20"},     {"FP32", "\"1\""},
      {"FP32", "true"},        {"FP32", "{}"},
      {"FP32", "1e+39"},       {"FP32", "-1e+300"},
      {"BOOL", "2"},           {"BOOL", "\"true\""},
      {"BYTES", "1"},          {"BYTES", "null"}};
  for (const auto& [type, value] : cases) {
    EXPECT_THAT(
        Error(Body(fmt::format(R"("datatype": "{}", "shape": [1], "data": [{}])", type, value))),
        HasSubstr(fmt::format("input 'x': {} is not a value of {}", value, type)));
  }
}

TEST(ParseInferBody, SaysWhatIsWrong) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "not JSON"},
      {"{", "not JSON"},
      {"[]", "must be a JSON object"},
      {"{}", "no list `inputs`"},
      {R"({"inputs": {}})", "no list `inputs`"},
      {R"({"inputs": [1]})", "an input has no `name`"},
      {R"({"inputs": [{"datatype": "FP32"}]})", "an input has no `name`"},
      {Body(R"("shape": [1], "data": [1])"), "input 'x' has no `datatype`"},
      {Body(R"("datatype": "FLOAT", "shape": [1], "data": [1])"), "input 'x'"},
      {Body(R"("datatype": "FP32", "data": [1])"), "input 'x' has no `shape`"},
      {Body(R"("datatype": "FP32", "shape": 1, "data": [1])"), "input 'x' has no `shape`"},
      {Body(R"("datatype": "FP32", "shape": [1.5], "data": [1])"), "1.5, which is not a dimension"},
      {Body(R"("datatype": "FP32", "shape": [-1], "data": [1])"), "the dimension -1; 0 and more"},
      {Body(R"("datatype": "FP32", "shape": [4294967296, 4294967296], "data": [1])"),
       "too many elements"},
      {Body(R"("datatype": "FP32", "shape": [9223372036854775807, 2], "data": [1])"),
       "too many elements"},
      {Body(R"("datatype": "FP32", "shape": [2], "data": [1])"),
       "1 values were sent, its shape needs 2"},
      {Body(R"("datatype": "FP32", "shape": [1], "data": [[1], [2]])"), "2 values were sent"},
      {Body(R"("datatype": "FP32", "shape": [1])"), "input 'x' has no `data`"},
      {Body(R"("datatype": "FP16", "shape": [1], "data": [1])"),
       "FP16 travels only as binary data"},
      {Body(R"("datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": "4"})"),
       "binary_data_size is \"4\""},
      {R"({"id": 7, "inputs": []})", "`id` is 7; a text is accepted"},
      {R"({"parameters": [], "inputs": []})", "`parameters` must be an object"},
      {R"({"parameters": {"binary_data_output": 1}, "inputs": []})", "binary_data_output is 1"},
      {R"({"parameters": {"event_time": true}, "inputs": []})", "parameters.event_time is true"},
      {R"({"parameters": {"event_time": "soon"}, "inputs": []})", "parameters.event_time"},
      {R"({"inputs": [], "outputs": {}})", "`outputs` must be a list"},
      {R"({"inputs": [], "outputs": [{}]})", "an output has no `name`"},
      {R"({"inputs": [], "outputs": [{"name": "p"}, {"name": "p"}]})",
       "output 'p' is asked for twice"},
      {R"({"inputs": [], "outputs": [{"name": "p", "parameters": {"binary_data": "yes"}}]})",
       "binary_data is \"yes\""},
      {"{\"inputs\": []} {}", "not JSON"},
      {"{\"id\": \"\xff\", \"inputs\": []}", "not JSON"},
  };
  for (const auto& [body, problem] : cases) EXPECT_THAT(Error(body), HasSubstr(problem)) << body;
}

TEST(ParseInferBody, DepthAndNumbersHaveBounds) {
  const std::string deep = std::string(90, '[') + "1" + std::string(90, ']');
  EXPECT_EQ(Values<float>(Input(R"("datatype": "FP32", "shape": [1], "data": )" + deep)).size(),
            1u);
  const std::string deeper = std::string(2'000, '[') + "1" + std::string(2'000, ']');
  EXPECT_THAT(Error(Body(R"("datatype": "FP32", "shape": [1], "data": )" + deeper)),
              HasSubstr("not JSON"));
  std::string many = R"({"inputs": [)";
  for (int i = 0; i <= 1'000; ++i) many += i == 0 ? "{}" : ", {}";
  EXPECT_THAT(Error(many + "]}"), HasSubstr("1001 inputs; at most 1000"));
  // The parser of a thread is as good after a failure as before.
  EXPECT_EQ(Error(R"({"inputs": []})"), "no error");
}

std::string BinaryHead(const std::string& type, const std::string& shape, int64_t size) {
  return fmt::format(
      R"({{"inputs": [{{"name": "x", "datatype": "{}", "shape": {}, "parameters": {{"binary_data_size": {}}}}}]}})",
      type, shape, size);
}

TEST(ParseInferBody, ReadsBinaryTensorsInOrder) {
  const std::string head = R"({"inputs": [
      {"name": "a", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}},
      {"name": "b", "datatype": "INT64", "shape": [1], "data": [7]},
      {"name": "c", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 11}}]})";
  const std::string strings = std::string("\3\0\0\0abc\0\0\0\0", 11);
  const InferBody body = *ParseInferBody(head + BytesOf<float>({1.5f, -2}) + strings, head.size());
  EXPECT_THAT(Values<float>(body.inputs[0]), ElementsAre(1.5f, -2));
  EXPECT_THAT(Values<int64_t>(body.inputs[1]), ElementsAre(7));
  EXPECT_THAT(body.inputs[2].strings, ElementsAre("abc", ""));
  const std::string half = BinaryHead("FP16", "[2]", 4);
  EXPECT_EQ(ParseInferBody(half + "abcd", half.size())->inputs[0].bytes, "abcd");
}

TEST(ParseInferBody, SaysWhatIsWrongWithBinaryTensors) {
  const auto error = [](const std::string& head, const std::string& bytes) {
    return Error(head + bytes, head.size());
  };
  EXPECT_THAT(error(BinaryHead("FP32", "[1]", 4), "abc"),
              HasSubstr("binary_data_size is 4, but 3 bytes are left"));
  EXPECT_THAT(error(BinaryHead("FP32", "[1]", -1), "abcd"), HasSubstr("binary_data_size is -1"));
  EXPECT_THAT(error(BinaryHead("FP32", "[2]", 4), "abcd"),
              HasSubstr("4 bytes were sent; its shape and FP32 need 8"));
  EXPECT_THAT(error(BinaryHead("FP32", "[1]", 4), "abcde"),
              HasSubstr("1 bytes follow the last binary tensor"));
  EXPECT_THAT(error(R"({"inputs": []})", "x"), HasSubstr("1 bytes follow"));
  EXPECT_THAT(error(BinaryHead("BYTES", "[1]", 3), "abc"), HasSubstr("ends inside a length"));
  EXPECT_THAT(error(BinaryHead("BYTES", "[1]", 5), std::string("\2\0\0\0a", 5)),
              HasSubstr("claims 2 bytes, 1 are left"));
  EXPECT_THAT(error(BinaryHead("BYTES", "[2]", 4), std::string(4, '\0')),
              HasSubstr("1 values were sent, its shape needs 2"));
  EXPECT_THAT(error(BinaryHead("BOOL", "[2]", 2), "\1\2"), HasSubstr("neither 0 nor 1"));
  EXPECT_THAT(Error("{}", 3),
              HasSubstr("Inference-Header-Content-Length is 3, but the body has 2"));
  const std::string both =
      R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1], "parameters": {"binary_data_size": 4}}]})";
  EXPECT_THAT(error(both, "abcd"), HasSubstr("both `data` and `binary_data_size`"));
}

serving::InferResponse Response(Tensor tensor) {
  serving::InferResponse response;
  response.prediction_id = "0000002a-1-8-0";
  response.version = 3;
  response.outputs.push_back(std::move(tensor));
  return response;
}

TEST(WriteInferAnswer, WritesJson) {
  Tensor tensor{
      .name = "p",
      .type = DataType::kFp32,
      .shape = {1, 4},
      .bytes = BytesOf<float>({0.1f, -0.0f, 1e-30f, std::numeric_limits<float>::quiet_NaN()})};
  const InferAnswer answer = *WriteInferAnswer("delay", {.id = "r\"1"}, Response(tensor));
  EXPECT_FALSE(answer.json_size.has_value());
  EXPECT_EQ(*ParseJson(answer.body),
            *ParseJson(R"({"id": "r\"1", "model_name": "delay", "model_version": "3",
      "parameters": {"prediction_id": "0000002a-1-8-0"},
      "outputs": [{"name": "p", "datatype": "FP32", "shape": [1, 4], "data": [0.1, -0.0, 1e-30, null]}]})"));
  EXPECT_EQ((*ParseJson(WriteInferAnswer("delay", {}, Response(tensor))->body))["id"].AsString(),
            "0000002a-1-8-0");
}

TEST(WriteInferAnswer, WritesEveryType) {
  const auto data = [](Tensor tensor) {
    tensor.name = "p";
    const auto answer = WriteInferAnswer("m", {}, Response(std::move(tensor)));
    EXPECT_TRUE(answer.ok());
    return WriteJson((*ParseJson(answer->body))["outputs"][size_t{0}]["data"]);
  };
  EXPECT_EQ(data({.type = DataType::kBool, .bytes = std::string("\1\0", 2)}), "[true,false]");
  EXPECT_EQ(data({.type = DataType::kInt8, .bytes = "\x80"}), "[-128]");
  EXPECT_EQ(data({.type = DataType::kUint8, .bytes = "\xff"}), "[255]");
  EXPECT_EQ(data({.type = DataType::kInt64, .bytes = BytesOf<int64_t>({INT64_MIN, INT64_MAX})}),
            "[-9223372036854775808,9223372036854775807]");
  EXPECT_EQ(data({.type = DataType::kUint64, .bytes = BytesOf<uint64_t>({UINT64_MAX})}),
            "[18446744073709551615]");
  EXPECT_EQ(data({.type = DataType::kFp64, .bytes = BytesOf<double>({0.1, 1e300})}),
            "[0.1,1e+300]");
  EXPECT_EQ(data({.type = DataType::kString, .strings = {"a\n", "\xc3\xa4"}}),
            "[\"a\\n\",\"\xc3\xa4\"]");
  EXPECT_EQ(data({.type = DataType::kInt32}), "[]");
  const auto half =
      WriteInferAnswer("m", {}, Response({.name = "p", .type = DataType::kFp16, .bytes = "ab"}));
  EXPECT_THAT(Message(half.status()), HasSubstr("FP16, which travels only as binary data"));
}

TEST(WriteInferAnswer, WritesBinaryTensorsBehindTheJson) {
  serving::InferResponse response =
      Response({.name = "p", .type = DataType::kFp32, .shape = {1}, .bytes = "abcd"});
  response.outputs.push_back(
      {.name = "q", .type = DataType::kString, .shape = {2}, .strings = {"xy", ""}});
  response.outputs.push_back({.name = "r", .type = DataType::kInt8, .shape = {1}, .bytes = "\7"});
  InferBody request;
  request.binary_output = true;
  request.outputs = {{"p", std::nullopt}, {"q", true}, {"r", false}};
  const InferAnswer answer = *WriteInferAnswer("m", request, response);
  ASSERT_TRUE(answer.json_size.has_value());
  const Json json = *ParseJson(answer.body.substr(0, *answer.json_size));
  EXPECT_EQ(json["outputs"][size_t{0}]["parameters"]["binary_data_size"].AsInt(), 4);
  EXPECT_EQ(json["outputs"][size_t{1}]["parameters"]["binary_data_size"].AsInt(), 10);
  EXPECT_EQ(WriteJson(json["outputs"][size_t{2}]["data"]), "[7]");
  EXPECT_EQ(answer.body.substr(*answer.json_size), "abcd" + std::string("\2\0\0\0xy\0\0\0\0", 10));
}

}  // namespace
}  // namespace caisson::oip::internal

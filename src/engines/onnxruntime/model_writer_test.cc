#include "engines/onnxruntime/model_writer.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace caisson::onnxruntime {
namespace {

// A golden value, worked out from onnx.proto by hand: field numbers, wire types and lengths.
TEST(WriteModel, FollowsTheWireFormat) {
  Model model;
  model.producer_name = "p";
  model.graph_name = "g";
  model.nodes = {{"Neg", "", {"x"}, {"y"}, {}}};
  model.inputs = {{"x", DataType::kFp32, {int64_t{2}, std::string("n")}}};
  model.outputs = {{"y", std::nullopt, {}}};
  model.metadata = {{"k", "v"}};
  EXPECT_EQ(HexEncode(WriteModel(model)),
            "0808"                        // ir_version 8
            "120170"                      // producer_name "p"
            "3a2b"                        // graph, 43 bytes:
            "0a0b0a017812017922034e6567"  //   node "x" -> "y", "Neg"
            "120167"                      //   name "g"
            "5a140a0178120f0a0d08011209"  //   input "x", a tensor of floats of the shape
            "0a0208020a0312016e"          //     [2, n]
            "62030a0179"                  //   output "y", without a type
            "4202100d"                    // operator set 13
            "72060a016b120176");          // metadata "k": "v"
}

}  // namespace
}  // namespace caisson::onnxruntime

#include "engines/onnxruntime/model_writer.h"

#include <cstring>

#include "engines/onnxruntime/internal/element_types.h"

namespace caisson::onnxruntime {
namespace {

// Protobuf's wire format (https://protobuf.dev/programming-guides/encoding): a field is its number
// and wire type, then a varint, four little-endian bytes, or a length and that many bytes.
class Message {
 public:
  void Integer(int field, int64_t value) {
    Tag(field, 0);
    Varint(static_cast<uint64_t>(value));
  }
  void Float(int field, float value) {
    Tag(field, 5);
    Fixed(value);
  }
  void Bytes(int field, std::string_view value) {
    Tag(field, 2);
    Varint(value.size());
    bytes_ += value;
  }
  void Text(int field, std::string_view value) {
    if (!value.empty()) Bytes(field, value);
  }
  // Packed: one length for all, which every protobuf parser takes for an unpacked field too.
  void Integers(int field, const std::vector<int64_t>& values) {
    Message packed;
    for (const int64_t value : values) packed.Varint(static_cast<uint64_t>(value));
    Bytes(field, packed.bytes_);
  }
  void Floats(int field, const std::vector<float>& values) {
    Message packed;
    for (const float value : values) packed.Fixed(value);
    Bytes(field, packed.bytes_);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Tag(int field, int wire_type) {
    Varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type));
  }
  void Varint(uint64_t value) {
    while (value >= 0x80) {
      bytes_ += static_cast<char>(value | 0x80);
      value >>= 7;
    }
    bytes_ += static_cast<char>(value);
  }
  void Fixed(float value) {
    char raw[sizeof(value)];
    std::memcpy(raw, &value, sizeof(value));
    bytes_.append(raw, sizeof(raw));
  }

  std::string bytes_;
};

// AttributeProto: the field of a value, and the number of its kind in AttributeProto.AttributeType.
struct AttributeWriter {
  Message& message;
  int64_t operator()(int64_t value) const { return message.Integer(3, value), 2; }
  int64_t operator()(float value) const { return message.Float(2, value), 1; }
  int64_t operator()(const std::string& value) const { return message.Bytes(4, value), 3; }
  int64_t operator()(const std::vector<int64_t>& values) const {
    return message.Integers(8, values), 7;
  }
  int64_t operator()(const std::vector<float>& values) const {
    return message.Floats(7, values), 6;
  }
  int64_t operator()(const std::vector<std::string>& values) const {
    for (const std::string& value : values) message.Bytes(9, value);
    return 8;
  }
};

Message WriteAttribute(const ModelAttribute& attribute) {
  Message message;
  message.Text(1, attribute.name);
  const int64_t kind = std::visit(AttributeWriter{message}, attribute.value);
  message.Integer(20, kind);
  return message;
}

// NodeProto.
Message WriteNode(const ModelNode& node) {
  Message message;
  for (const std::string& input : node.inputs) message.Bytes(1, input);
  for (const std::string& output : node.outputs) message.Bytes(2, output);
  message.Text(4, node.operation);
  for (const ModelAttribute& attribute : node.attributes)
    message.Bytes(5, WriteAttribute(attribute).bytes());
  message.Text(7, node.domain);
  return message;
}

// ValueInfoProto > TypeProto > TypeProto.Tensor > TensorShapeProto > Dimension.
Message WritePort(const ModelPort& port) {
  Message message;
  message.Text(1, port.name);
  if (!port.type.has_value()) return message;
  Message shape;
  for (const auto& size : port.shape) {
    Message dimension;
    if (const int64_t* fixed = std::get_if<int64_t>(&size)) {
      dimension.Integer(1, *fixed);
    } else {
      dimension.Text(2, std::get<std::string>(size));
    }
    shape.Bytes(1, dimension.bytes());
  }
  Message tensor;
  // TensorProto.DataType numbers the types as the runtime's own enumeration does.
  tensor.Integer(1, static_cast<int64_t>(ToElementType(*port.type)));
  tensor.Bytes(2, shape.bytes());
  Message type;
  type.Bytes(1, tensor.bytes());
  message.Bytes(2, type.bytes());
  return message;
}

// GraphProto.
Message WriteGraph(const Model& model) {
  Message message;
  for (const ModelNode& node : model.nodes) message.Bytes(1, WriteNode(node).bytes());
  message.Text(2, model.graph_name);
  for (const ModelPort& input : model.inputs) message.Bytes(11, WritePort(input).bytes());
  for (const ModelPort& output : model.outputs) message.Bytes(12, WritePort(output).bytes());
  return message;
}

}  // namespace

std::string WriteModel(const Model& model) {
  Message message;
  message.Integer(1, model.ir_version);
  message.Text(2, model.producer_name);
  message.Text(3, model.producer_version);
  message.Bytes(7, WriteGraph(model).bytes());
  for (const auto& [domain, version] : model.operator_sets) {
    Message set;
    set.Text(1, domain);
    set.Integer(2, version);
    message.Bytes(8, set.bytes());
  }
  for (const auto& [key, value] : model.metadata) {
    Message entry;
    entry.Bytes(1, key);
    entry.Bytes(2, value);
    message.Bytes(14, entry.bytes());
  }
  return message.bytes();
}

}  // namespace caisson::onnxruntime

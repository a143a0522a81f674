// Segment files: records with checksums, appended one after the other
// (docs/formats/prediction_log.md).
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/status.h"

namespace caisson::serving::internal {

// Appends numbers and texts to a payload, little-endian.
class PayloadWriter {
 public:
  template <typename T>
  void Number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void Text(std::string_view text) {
    text = text.substr(0, UINT16_MAX);
    Number(static_cast<uint16_t>(text.size()));
    bytes_.append(text);
  }
  void Floats(const float* values, size_t count) {
    bytes_.append(reinterpret_cast<const char*>(values), count * sizeof(float));
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads a payload; what runs over its end reads as zero and `ok` becomes false.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T Number() {
    T value{};
    const std::string_view taken = Take(sizeof(T));
    if (taken.size() == sizeof(T)) std::memcpy(&value, taken.data(), sizeof(T));
    return value;
  }
  std::string_view Text() { return Take(Number<uint16_t>()); }
  std::string_view Take(size_t count) {
    if (count > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

// The most bytes of one record; larger lengths are damage.
inline constexpr uint32_t kMaxPayload = 256u << 20;

// A record as it lies in the file.
void AppendRecord(std::string& out, std::string_view payload);

// Walks the records of a segment's bytes (the file with its header). `visit` gets the offset of
// each record and its payload. The result is the offset behind the last whole record: less than the
// size when the tail is torn or holds only zeros. DataLoss when the file does not start with
// `magic`, or when a record is damaged that is not the last.
Result<uint64_t> WalkSegment(
    std::string_view bytes, std::string_view magic,
    const std::function<Status(uint64_t offset, std::string_view payload)>& visit);

// The payload at an offset. NotFound when no record starts there, DataLoss when it is damaged.
Result<std::string> ReadRecord(const std::string& path, uint64_t offset);

// A segment being written. One thread at a time.
class SegmentWriter {
 public:
  // Opens or makes the file, and cuts off a torn tail.
  static Result<SegmentWriter> Open(const std::string& path, std::string_view magic);
  // The offset of the record. One write system call.
  Result<uint64_t> Append(std::string_view payload);
  uint64_t size() const { return size_; }

 private:
  FileDescriptor file_;
  uint64_t size_ = 0;
  std::string buffer_;
};

// A file mapped for reading, so that a scan copies nothing. Empty files map to nothing.
class MappedFile {
 public:
  static Result<MappedFile> Open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept : data_(other.data_), size_(other.size_) {
    other.data_ = nullptr;
  }
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();
  std::string_view bytes() const {
    return {static_cast<const char*>(data_), data_ == nullptr ? 0 : size_};
  }

 private:
  MappedFile(void* data, size_t size) : data_(data), size_(size) {}
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace caisson::serving::internal

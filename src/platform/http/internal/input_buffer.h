// Bytes that arrived and were not used yet.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

namespace caisson::http {

// A flat buffer with a used front. Not for several threads. The place that Prepare returned stays
// where it is until the next Prepare, whatever is consumed in between, since the kernel may be
// writing to it.
class InputBuffer {
 public:
  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  void Consume(size_t bytes) { begin_ += bytes; }

  // Room for at least `bytes`; the size of the room is room().
  char* Prepare(size_t bytes) {
    const size_t kept = size();
    const bool oversized = capacity_ > kLargeCapacity && kept + bytes <= kSmallCapacity;
    if (capacity_ - end_ >= bytes && begin_ == 0 && !oversized) return data_.get() + end_;
    if (capacity_ < kept + bytes || oversized) {
      const size_t capacity = std::max(kept + bytes, kSmallCapacity);
      std::unique_ptr<char[]> larger(new char[capacity]);
      if (kept > 0) std::memcpy(larger.get(), data_.get() + begin_, kept);
      data_ = std::move(larger);
      capacity_ = capacity;
    } else if (kept > 0) {
      std::memmove(data_.get(), data_.get() + begin_, kept);
    }
    begin_ = 0;
    end_ = kept;
    return data_.get() + end_;
  }
  size_t room() const { return capacity_ - end_; }
  void Commit(size_t bytes) { end_ += bytes; }

  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(Prepare(bytes.size()), bytes.data(), bytes.size());
    Commit(bytes.size());
  }

 private:
  static constexpr size_t kSmallCapacity = 4 << 10;
  static constexpr size_t kLargeCapacity = 64 << 10;

  std::unique_ptr<char[]> data_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace caisson::http

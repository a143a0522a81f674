#include "lifecycle/serving/internal/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

namespace caisson::serving::internal {
namespace {

constexpr size_t kRecordHeader = 8;

uint32_t Checksum(std::string_view payload) { return static_cast<uint32_t>(Xxh3(payload)); }

uint32_t Load32(std::string_view bytes, uint64_t offset) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

}  // namespace

Result<uint64_t> WalkSegment(std::string_view bytes, std::string_view magic,
                             const std::function<Status(uint64_t, std::string_view)>& visit) {
  if (bytes.empty()) return uint64_t{0};
  if (bytes.size() < magic.size()) {
    if (magic.substr(0, bytes.size()) == bytes) return uint64_t{0};
    return DataLoss("not a segment: it starts with other bytes than {}", magic);
  }
  if (bytes.substr(0, magic.size()) != magic)
    return DataLoss("not a segment: it starts with other bytes than {}", magic);
  uint64_t offset = magic.size();
  while (bytes.size() - offset >= kRecordHeader) {
    const uint64_t length = Load32(bytes, offset);
    if (length > bytes.size() - offset - kRecordHeader) {
      // A torn tail is shorter than it says; a length that no writer makes is damage.
      if (length > kMaxPayload)
        return DataLoss("the record at offset {} claims {} bytes", offset, length);
      return offset;
    }
    const std::string_view payload = bytes.substr(offset + kRecordHeader, length);
    if (Checksum(payload) != Load32(bytes, offset + 4)) {
      const bool last = offset + kRecordHeader + length == bytes.size();
      if (last) return offset;
      return DataLoss("the record at offset {} does not match its checksum", offset);
    }
    CAISSON_TRY(visit(offset, payload));
    offset += kRecordHeader + length;
  }
  return offset;
}

Result<std::string> ReadRecord(const std::string& path, uint64_t offset) {
  CAISSON_ASSIGN(const FileDescriptor file, OpenForReading(path));
  char header[kRecordHeader];
  if (::pread(file.get(), header, sizeof(header), static_cast<off_t>(offset)) !=
      static_cast<ssize_t>(sizeof(header))) {
    return NotFound("no record at offset {} of {}", offset, path);
  }
  const uint32_t length = Load32({header, sizeof(header)}, 0);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || length > static_cast<uint64_t>(info.st_size)) {
    return NotFound("no record at offset {} of {}", offset, path);
  }
  std::string payload(length, '\0');
  const ssize_t got =
      ::pread(file.get(), payload.data(), length, static_cast<off_t>(offset + kRecordHeader));
  if (got != static_cast<ssize_t>(length) ||
      Checksum(payload) != Load32({header, sizeof(header)}, 4)) {
    return NotFound("no record at offset {} of {}", offset, path);
  }
  return payload;
}

Result<SegmentWriter> SegmentWriter::Open(const std::string& path, std::string_view magic) {
  const int descriptor = ::open(path.c_str(), O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) return ErrnoStatus(errno, "open " + path);
  SegmentWriter writer;
  writer.file_ = FileDescriptor(descriptor);
  uint64_t whole = 0;
  {
    CAISSON_ASSIGN(const MappedFile mapped, MappedFile::Open(path));
    const Result<uint64_t> end =
        WalkSegment(mapped.bytes(), magic, [](uint64_t, std::string_view) { return OkStatus(); });
    if (!end.ok()) return WithContext(end.status(), path);
    whole = *end;
  }
  if (::ftruncate(descriptor, static_cast<off_t>(whole)) != 0)
    return ErrnoStatus(errno, "cut the torn tail of " + path);
  writer.size_ = whole;
  if (whole == 0) {
    CAISSON_TRY(WriteAll(descriptor, magic));
    writer.size_ = magic.size();
  }
  return writer;
}

Result<uint64_t> SegmentWriter::Append(std::string_view payload) {
  const uint32_t head[2] = {static_cast<uint32_t>(payload.size()), Checksum(payload)};
  buffer_.assign(reinterpret_cast<const char*>(head), sizeof(head));
  buffer_.append(payload);
  const uint64_t offset = size_;
  const Status written = WriteAll(file_.get(), buffer_);
  if (!written.ok()) {
    // A part may have reached the file (a full disk); the next record must follow the last whole
    // one.
    (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
    return written;
  }
  size_ += buffer_.size();
  return offset;
}

Result<MappedFile> MappedFile::Open(const std::string& path) {
  CAISSON_ASSIGN(const FileDescriptor file, OpenForReading(path));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return ErrnoStatus(errno, "stat " + path);
  if (info.st_size == 0) return MappedFile(nullptr, 0);
  void* data =
      ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return ErrnoStatus(errno, "map " + path);
  return MappedFile(data, static_cast<size_t>(info.st_size));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace caisson::serving::internal

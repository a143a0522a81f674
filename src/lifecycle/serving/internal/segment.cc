#include "lifecycle/serving/internal/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

namespace caisson::serving::internal {
namespace {

constexpr size_t kRecordHeader = 12;

uint32_t Checksum(std::string_view bytes) { return static_cast<uint32_t>(Xxh3(bytes)); }

uint32_t Load32(std::string_view bytes, uint64_t offset) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

// The length and the payload's checksum, with a checksum of their own: otherwise a damaged length
// in the middle of a file would look like a torn end, and all that follows would be cut off.
struct RecordHeader {
  uint32_t length = 0;
  uint32_t payload_checksum = 0;
  bool intact = false;
};

RecordHeader ReadHeader(std::string_view bytes) {
  RecordHeader header{Load32(bytes, 0), Load32(bytes, 4), false};
  header.intact = Load32(bytes, 8) == Checksum(bytes.substr(0, 8)) && header.length <= kMaxPayload;
  return header;
}

// What some file systems leave behind a power cut where bytes were not written yet.
bool IsAllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
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
    const std::string_view rest = bytes.substr(offset);
    const RecordHeader header = ReadHeader(rest);
    if (!header.intact) {
      if (IsAllZero(rest)) return offset;
      return DataLoss("the header of the record at offset {} does not match its checksum", offset);
    }
    if (header.length > rest.size() - kRecordHeader) return offset;
    const std::string_view payload = rest.substr(kRecordHeader, header.length);
    if (Checksum(payload) != header.payload_checksum) {
      const bool last = IsAllZero(rest.substr(kRecordHeader + header.length));
      if (last) return offset;
      return DataLoss("the record at offset {} does not match its checksum", offset);
    }
    CAISSON_TRY(visit(offset, payload));
    offset += kRecordHeader + header.length;
  }
  return offset;
}

Result<std::string> ReadRecord(const std::string& path, uint64_t offset) {
  CAISSON_ASSIGN(const FileDescriptor file, OpenForReading(path));
  char bytes[kRecordHeader];
  if (::pread(file.get(), bytes, sizeof(bytes), static_cast<off_t>(offset)) !=
      static_cast<ssize_t>(sizeof(bytes))) {
    return NotFound("no record at offset {} of {}", offset, path);
  }
  const RecordHeader header = ReadHeader({bytes, sizeof(bytes)});
  if (!header.intact) return NotFound("no record at offset {} of {}", offset, path);
  std::string payload(header.length, '\0');
  const ssize_t got = ::pread(file.get(), payload.data(), header.length,
                              static_cast<off_t>(offset + kRecordHeader));
  if (got != static_cast<ssize_t>(header.length) || Checksum(payload) != header.payload_checksum) {
    return DataLoss("the record at offset {} of {} does not match its checksum", offset, path);
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

void AppendRecord(std::string& out, std::string_view payload) {
  uint32_t head[3] = {static_cast<uint32_t>(payload.size()), Checksum(payload), 0};
  head[2] = Checksum({reinterpret_cast<const char*>(head), 8});
  out.append(reinterpret_cast<const char*>(head), sizeof(head));
  out.append(payload);
}

Result<uint64_t> SegmentWriter::Append(std::string_view payload) {
  if (payload.size() > kMaxPayload) {
    return InvalidArgument("a record of {} bytes; at most {} are accepted", payload.size(),
                           kMaxPayload);
  }
  buffer_.clear();
  AppendRecord(buffer_, payload);
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

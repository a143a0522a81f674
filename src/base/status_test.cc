#include "base/status.h"

#include <cerrno>
#include <memory>

#include <gtest/gtest.h>

namespace caisson {
namespace {

TEST(StatusTest, MakersFormatTheMessageAndSetTheCode) {
  const Status status = NotFound("run {} of {}", 7, "delay");
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(Message(status), "run 7 of delay");
}

TEST(StatusTest, WithContextKeepsCodeAndErrorId) {
  const Status inner = WithErrorId(AlreadyExists("taken"), "RESOURCE_ALREADY_EXISTS");
  const Status outer = WithContext(inner, "register model delay");
  EXPECT_EQ(outer.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Message(outer), "register model delay: taken");
  EXPECT_EQ(ErrorId(outer), "RESOURCE_ALREADY_EXISTS");
}

TEST(StatusTest, WithContextLeavesOkAlone) { EXPECT_TRUE(WithContext(OkStatus(), "x").ok()); }

TEST(StatusTest, ErrorIdIsEmptyUnlessSet) {
  EXPECT_EQ(ErrorId(Internal("x")), "");
  EXPECT_EQ(ErrorId(OkStatus()), "");
}

TEST(StatusTest, ErrnoBecomesCodeAndReadableMessage) {
  const Status status = ErrnoStatus(ENOENT, "open caisson.yaml");
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(Message(status), "cannot open caisson.yaml: no such file or directory");
}

TEST(StatusTest, ErrnoOfAFullDiskSaysWhatToDo) {
  const Status status = ErrnoStatus(ENOSPC, "write a");
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Message(status),
            "cannot write a: no space left on device; free some space and try again");
}

TEST(StatusTest, ErrnoCodes) {
  const std::pair<int, StatusCode> cases[] = {{EACCES, StatusCode::kPermissionDenied},
                                              {EROFS, StatusCode::kPermissionDenied},
                                              {EEXIST, StatusCode::kAlreadyExists},
                                              {EDQUOT, StatusCode::kResourceExhausted},
                                              {EMFILE, StatusCode::kResourceExhausted},
                                              {EFBIG, StatusCode::kResourceExhausted},
                                              {EISDIR, StatusCode::kFailedPrecondition},
                                              {EXDEV, StatusCode::kFailedPrecondition},
                                              {EINVAL, StatusCode::kInvalidArgument},
                                              {EOVERFLOW, StatusCode::kInvalidArgument},
                                              {EIO, StatusCode::kDataLoss},
                                              {ECONNREFUSED, StatusCode::kUnavailable},
                                              {EPIPE, StatusCode::kUnavailable},
                                              {0, StatusCode::kInternal},
                                              {99999, StatusCode::kInternal}};
  for (const auto& [number, code] : cases) {
    EXPECT_EQ(ErrnoStatus(number, "x").code(), code) << number;
  }
}

Result<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgument("{} is odd", value);
  return value / 2;
}

Result<int> Quarter(int value) {
  CAISSON_ASSIGN(const int half, Half(value));
  CAISSON_ASSIGN(const int quarter, Half(half));
  return quarter;
}

Status CheckEven(int value) {
  CAISSON_TRY(Half(value));
  CAISSON_TRY(OkStatus());
  return OkStatus();
}

Result<std::unique_ptr<int>> Boxed(int value) {
  CAISSON_ASSIGN(auto box, Result<std::unique_ptr<int>>(std::make_unique<int>(value)));
  return box;
}

TEST(StatusTest, AssignAndTryReturnTheFirstError) {
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_EQ(Message(Quarter(10).status()), "5 is odd");
  EXPECT_TRUE(CheckEven(2).ok());
  EXPECT_EQ(CheckEven(3).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(**Boxed(4), 4);
}

}  // namespace
}  // namespace caisson

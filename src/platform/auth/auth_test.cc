#include "platform/auth/auth.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/hash.h"
#include "base/strings.h"

namespace caisson::auth {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TokenFileTest : public ::testing::Test {
 protected:
  TokenFileTest()
      : folder_(TemporaryDirectory::Create().value()), path_(folder_.path() + "/tokens") {}
  void Write(std::string_view text, uint32_t mode = 0600) {
    ASSERT_TRUE(WriteFileAtomic(path_, text).ok());
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }

  TemporaryDirectory folder_;
  const std::string path_;
};

TEST_F(TokenFileTest, ATokenProvesItsName) {
  const std::string ada = TokenFile::Create(path_, "ada").value();
  const std::string bob = TokenFile::Create(path_, "bob@example.org").value();
  EXPECT_NE(ada, bob);
  EXPECT_EQ(StatFile(path_)->mode & 0777, 0600u);
  EXPECT_THAT(ReadFile(path_).value(), Not(HasSubstr(ada)));
  const auto file = TokenFile::Load(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file->Authenticate("Bearer " + ada), "ada");
  EXPECT_EQ(*file->Authenticate("bearer  " + bob + " "), "bob@example.org");
  EXPECT_EQ(*file->Authenticate("Basic " + Base64Encode("anybody:" + ada)), "ada");
  EXPECT_EQ(*file->Authenticate("Basic " + Base64Encode(":" + bob)), "bob@example.org");
}

TEST_F(TokenFileTest, ANameMayHaveSeveralTokens) {
  const std::string first = TokenFile::Create(path_, "ada").value();
  const std::string second = TokenFile::Create(path_, "ada").value();
  const auto file = TokenFile::Load(path_);
  EXPECT_EQ(*file->Authenticate("Bearer " + first), "ada");
  EXPECT_EQ(*file->Authenticate("Bearer " + second), "ada");
}

TEST_F(TokenFileTest, WhatIsWrongIsRefusedAndNeverRepeated) {
  const std::string token = TokenFile::Create(path_, "ada").value();
  const auto file = TokenFile::Load(path_);
  for (const std::string& header :
       {std::string(), std::string("Bearer"), std::string("Bearer "), token, "Digest " + token,
        std::string("Basic !!!"), "Basic " + Base64Encode(token), "Bearer x" + token,
        "Bearer " + token.substr(1), "Bearer " + Sha256(token)}) {
    const auto result = file->Authenticate(header);
    EXPECT_EQ(result.status().code(), StatusCode::kUnauthenticated) << header;
    EXPECT_THAT(Message(result.status()), Not(HasSubstr(token.substr(1))));
  }
}

TEST_F(TokenFileTest, CommentsAndEmptyLinesAreSkipped) {
  Write("# people\n\n  ada:" + Sha256("secret") + "  \r\n");
  const auto file = TokenFile::Load(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file->Authenticate("Bearer secret"), "ada");
}

TEST_F(TokenFileTest, ABadLineIsNamedByItsNumber) {
  for (const std::string& line :
       {std::string("ada"), "ada:" + Sha256("x").substr(1), "a b:" + Sha256("x"), ":" + Sha256("x"),
        std::string("ada:plain-secret")}) {
    Write("# first\n" + line + "\n");
    const auto file = TokenFile::Load(path_);
    EXPECT_EQ(file.status().code(), StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(Message(file.status()), HasSubstr(path_ + ":2: "));
    EXPECT_THAT(Message(file.status()), Not(HasSubstr("plain-secret")));
    EXPECT_FALSE(TokenFile::Create(path_, "bob").ok());
  }
}

TEST_F(TokenFileTest, AFileThatOthersMayReadIsRefused) {
  Write("", 0644);
  const auto file = TokenFile::Load(path_);
  EXPECT_EQ(file.status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(file.status()), HasSubstr("chmod 600"));
}

TEST_F(TokenFileTest, AMissingFileAndABadName) {
  EXPECT_EQ(TokenFile::Load(path_).status().code(), StatusCode::kNotFound);
  for (const char* name : {"", "a:b", "a b", "a\nb"}) {
    EXPECT_EQ(TokenFile::Create(path_, name).status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(FileExists(path_));
}

TEST(LoopbackTest, KnowsWhatStaysOnTheMachine) {
  for (const char* host :
       {"127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LocalHost", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsLoopback(host)) << host;
  }
  for (const char* host :
       {"", "0.0.0.0", "::", "[::]", "10.0.0.1", "127.example.org", "127.0.0.1.example.org",
        "128.0.0.1", "localhost.example.org", "::ffff:10.0.0.1", "*"}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

TEST(LoopbackTest, OtherAddressesNeedALogin) {
  EXPECT_TRUE(CheckListenAddress("--http", "127.0.0.1", false).ok());
  EXPECT_TRUE(CheckListenAddress("--http", "0.0.0.0", true).ok());
  const Status status = CheckListenAddress("--http", "0.0.0.0", false);
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("--http 0.0.0.0"));
  EXPECT_THAT(Message(status), HasSubstr("--token-file"));
}

}  // namespace
TEST(BrowserRequest, TakesOwnPagesAndProgramsOnly) {
  EXPECT_TRUE(CheckBrowserRequest("127.0.0.1:4600", "", true).ok());
  EXPECT_TRUE(CheckBrowserRequest("localhost:4600", "http://localhost:4600", true).ok());
  EXPECT_TRUE(CheckBrowserRequest("[::1]:4600", "", true).ok());
  EXPECT_TRUE(CheckBrowserRequest("ml.example.org", "https://ml.example.org", false).ok());
  for (const auto& [host, origin] : {std::pair{"127.0.0.1:4600", "https://evil.example"},
                                     {"127.0.0.1:4600", "null"},
                                     {"127.0.0.1:4600", "http://127.0.0.1:8080"},
                                     {"rebound.example:4600", ""}}) {
    EXPECT_EQ(CheckBrowserRequest(host, origin, true).code(), StatusCode::kPermissionDenied)
        << host << " " << origin;
  }
}

}  // namespace caisson::auth

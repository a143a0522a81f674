#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/command.h"

namespace caisson::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    Command list;
    list.path = "models list";
    list.summary = "Lists models";
    list.example = "caisson models list";
    list.run = Recorder();
    line_.Add(std::move(list));
    Command check;
    check.path = "check";
    check.summary = "Checks a file";
    check.example = "caisson check data.csv --suite s.yaml";
    check.positionals = {{"FILE", "The file"}, {"MORE", "More files", false, true}};
    check.options = {{"suite", "The suite", OptionKind::kValue, "default.yaml", "FILE"},
                     {"set", "A parameter", OptionKind::kList, "", "NAME=VALUE"},
                     {"force", "Do it", OptionKind::kFlag}};
    check.run = Recorder();
    line_.Add(std::move(check));
  }

  std::function<Result<int>(const Invocation&)> Recorder() {
    return [this](const Invocation& invocation) -> Result<int> {
      seen_ = invocation;
      if (!answer_.ok()) return answer_;
      return kExitOk;
    };
  }
  // The exit code; what was printed is in out_ and error_.
  int Run(std::vector<std::string> words) {
    seen_.reset();
    words.insert(words.begin(), "caisson");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = line_.Run(static_cast<int>(arguments.size()), arguments.data());
    out_ = testing::internal::GetCapturedStdout();
    error_ = testing::internal::GetCapturedStderr();
    return code;
  }

  CommandLine line_;
  Status answer_;
  std::optional<Invocation> seen_;
  std::string out_;
  std::string error_;
};

TEST_F(CommandLineTest, HandsOverWhatWasTyped) {
  EXPECT_EQ(Run({"check", "a.csv", "--set", "x=1", "--force", "--set", "y=2", "-o", "json"}),
            kExitOk);
  ASSERT_TRUE(seen_.has_value());
  EXPECT_EQ(seen_->path(), "check");
  EXPECT_EQ(seen_->Argument("FILE"), "a.csv");
  EXPECT_THAT(seen_->Arguments("MORE"), IsEmpty());
  EXPECT_EQ(seen_->Value("suite"), "default.yaml");
  EXPECT_FALSE(seen_->Given("suite"));
  EXPECT_THAT(seen_->List("set"), ElementsAre("x=1", "y=2"));
  EXPECT_TRUE(seen_->Flag("force"));
  EXPECT_TRUE(seen_->json_output());
  EXPECT_EQ(Run({"check", "a", "b", "c", "--suite", "s.yaml"}), kExitOk);
  EXPECT_THAT(seen_->Arguments("MORE"), ElementsAre("b", "c"));
  EXPECT_EQ(seen_->Value("suite"), "s.yaml");
  EXPECT_EQ(seen_->GivenValues(), (std::map<std::string, std::string>{{"suite", "s.yaml"}}));
  EXPECT_EQ(Run({"models", "list"}), kExitOk);
}

TEST_F(CommandLineTest, MistakesAreUsageErrors) {
  EXPECT_EQ(Run({"chekc"}), kExitUsage);
  EXPECT_THAT(error_, HasSubstr("unknown command 'chekc'"));
  EXPECT_THAT(error_, HasSubstr("did you mean 'check'?"));
  EXPECT_EQ(Run({"models", "lsit"}), kExitUsage);
  EXPECT_THAT(error_, HasSubstr("did you mean 'list'?"));
  EXPECT_EQ(Run({"check"}), kExitUsage);
  EXPECT_THAT(error_, HasSubstr("FILE"));
  EXPECT_EQ(Run({"check", "a", "--siute", "x"}), kExitUsage);
  EXPECT_THAT(error_, HasSubstr("siute"));
  EXPECT_EQ(Run({"models", "list", "extra"}), kExitUsage);
  EXPECT_EQ(Run({"check", "a", "-o", "xml"}), kExitUsage);
  EXPECT_FALSE(seen_.has_value());
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(CommandLineTest, HelpBeginsWithAnExample) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"check", "--help"}, {"check", "-h"}, {"help", "check"}}) {
    EXPECT_EQ(Run(words), kExitOk);
    EXPECT_EQ(out_.rfind("Example:\n  caisson check data.csv", 0), 0u) << out_;
    EXPECT_THAT(out_, HasSubstr("--suite FILE"));
    EXPECT_THAT(out_, HasSubstr("(default default.yaml)"));
  }
  EXPECT_EQ(Run({"--help"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("models list"));
  EXPECT_FALSE(seen_.has_value());
}

TEST_F(CommandLineTest, ExitCodesAreStable) {
  const std::pair<Status, int> cases[] = {{OkStatus(), 0},           {Internal("x"), 1},
                                          {DataLoss("x"), 1},        {InvalidArgument("x"), 2},
                                          {Unavailable("x"), 3},     {PermissionDenied("x"), 4},
                                          {Unauthenticated("x"), 4}, {NotFound("x"), 5},
                                          {AlreadyExists("x"), 6},   {Aborted("x"), 6}};
  for (const auto& [status, code] : cases) {
    answer_ = status;
    EXPECT_EQ(Run({"models", "list"}), code);
    EXPECT_EQ(ExitCodeOf(status), code);
  }
  answer_ = NotFound("there is no such model");
  Run({"models", "list"});
  EXPECT_EQ(error_, "error: there is no such model\n");
  Run({"models", "list", "-o", "json"});
  const auto json = ParseJson(out_);
  ASSERT_TRUE(json.ok()) << out_;
  EXPECT_EQ((*json)["error"]["code"].AsString(), "not found");
  EXPECT_EQ((*json)["error"]["message"].AsString(), "there is no such model");
}

}  // namespace
}  // namespace caisson::app
